"""Run several processes of one training, one for each GPU, as `accelerate launch` starts them.

The launcher tells each process through the environment which one it is. Only the main process reports and
writes files. All processes take such decisions as to stop or to save
together, through `reduce_any`.
"""

import atexit
import os
from collections.abc import Sequence
from typing import Any

import torch
import torch.distributed

from phases.contract.reporter import is_main_process as is_main_process  # noqa: PLC0414 - a re-export


def rank() -> int:
    """Return the number of this process among all processes of all hosts, from 0."""
    return int(os.environ.get("RANK", "0"))


def world_size() -> int:
    """Return the number of processes on all hosts."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def local_world_size() -> int:
    """Return the number of processes on this host."""
    return int(os.environ.get("LOCAL_WORLD_SIZE", "1"))


def barrier() -> None:
    """Wait until every process has reached this call."""
    if world_size() > 1:
        torch.distributed.barrier()


def destroy_process_group_at_exit() -> None:
    """Disconnect this process, which has succeeded, from the others when it exits.

    Without this the connection's threads could abort the process (PyTorch issue 190489). A failed process
    must not call it: it would wait for the others, which wait for it.
    """
    if world_size() > 1:
        atexit.register(_destroy_process_group)


def _destroy_process_group() -> None:
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


def reduce_any(*flags: bool) -> tuple[bool, ...]:
    """Return for each flag whether any process raised it. All processes must call it together."""
    return tuple(bool(flag) for flag in _reduce(flags, torch.distributed.ReduceOp.MAX))


def broadcast_from_main(tensor: torch.Tensor) -> None:
    """Overwrite a tensor with the main process's. All processes must call it, with tensors of one shape."""
    torch.distributed.broadcast(tensor, src=0)


def sum_over_processes(values: Sequence[float]) -> list[float]:
    """Return the sums of each process's values. All processes must call it, with as many values."""
    return _reduce(values, torch.distributed.ReduceOp.SUM)


def find_largest_over_processes(value: int) -> int:
    """Return the largest of each process's values. All processes must call it together."""
    return int(_reduce([value], torch.distributed.ReduceOp.MAX)[0])


def _reduce(values: Sequence[float], operation: Any) -> list[float]:
    if world_size() == 1:
        return list(values)
    device = f"cuda:{os.environ.get('LOCAL_RANK', '0')}" if torch.cuda.is_available() else "cpu"
    tensor = torch.tensor(values, dtype=torch.float64, device=device)
    torch.distributed.all_reduce(tensor, op=operation)
    return [float(value) for value in tensor.tolist()]
