"""Several processes that train one model: a launcher such as `accelerate launch` starts one a GPU.

Which of them this is, the launcher says through the environment. The first one alone reports and writes; what
must be the same in all (to stop, to save, that something failed) they agree on.
"""

import atexit
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def rank() -> int:
    """Return the number of this process, from 0, over all hosts."""
    return int(os.environ.get("RANK", "0"))


def processes() -> int:
    """Return how many processes there are, over all hosts."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def on_host() -> int:
    """Return how many of them there are on this host."""
    return int(os.environ.get("LOCAL_WORLD_SIZE", "1"))


def first() -> bool:
    """Say whether this process is the one that reports and writes."""
    return rank() == 0


def wait() -> None:
    """Wait until every process is here."""
    if processes() > 1:
        import torch.distributed

        torch.distributed.barrier()


def leave_at_exit() -> None:
    """Let this process, which did its work, leave the others before it ends.

    If it just ended, the threads of their connection could abort it (PyTorch issue 190489). One that failed
    does not leave: it would wait for the others, which wait for it.
    """
    if processes() > 1:
        atexit.register(_leave)


def _leave() -> None:
    import torch.distributed

    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


def agreed(*raised: bool) -> tuple[bool, ...]:
    """Return, in every process alike, which of these flags any process raised. All must call it."""
    if processes() == 1:
        return raised
    import torch

    device = f"cuda:{os.environ.get('LOCAL_RANK', '0')}" if torch.cuda.is_available() else "cpu"
    flags = torch.tensor(raised, dtype=torch.int32, device=device)
    torch.distributed.all_reduce(flags, op=torch.distributed.ReduceOp.MAX)
    return tuple(bool(flag) for flag in flags.tolist())


def as_first(tensor: "torch.Tensor") -> None:
    """Make a tensor what it is in the first process. All must call it, with tensors of one shape."""
    import torch.distributed

    torch.distributed.broadcast(tensor, src=0)
