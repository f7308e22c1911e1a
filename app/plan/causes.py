"""The causes of failures that gonogo can diagnose, by the names that `remedies` in a plan use."""

from typing import Final, Literal, NamedTuple

Cause = Literal[
    "oom",
    "host_oom",
    "disk",
    "shm",
    "limit",
    "checkpoint",
    "ecc",
    "nccl",
    "rate_limit",
    "nan",
    "gated",
    "network",
    "stall",
    "slow",
    "loss",
    "no_gain",
    "degenerate",
]


class Explanation(NamedTuple):
    """A cause in words, and what to do if the plan has no remedy for it."""

    meaning: str
    advice: str


CAUSES: Final[dict[Cause, Explanation]] = {
    "oom": Explanation(
        "the GPU ran out of memory",
        "Reduce the batch size, then the LoRA rank; turn on gradient checkpointing; shorten the sequences. "
        "On several GPUs, shard the model with shard_weights = true.",
    ),
    "host_oom": Explanation(
        "the host ran out of memory",
        "Use a smaller batch or fewer workers, or rent a pod with more memory.",
    ),
    "disk": Explanation(
        "the disk is full",
        "Free space (old checkpoints, model caches) or attach a larger volume. A retry resumes.",
    ),
    "shm": Explanation(
        "the shared memory (/dev/shm) is full",
        "Start the container with more (--shm-size or --ipc=host), or use fewer data loader workers "
        "(num_workers = 0). The disk is not the problem.",
    ),
    "limit": Explanation(
        "a limit of the operating system on open files, threads or file watches was reached",
        "Raise it (ulimit -n, ulimit -u; sysctl fs.inotify.max_user_watches and max_user_instances), or use "
        "fewer workers.",
    ),
    "checkpoint": Explanation(
        "a checkpoint, model or data file is incomplete",
        "A full disk or a kill while it was written cuts a file. Check the free space, delete the file and "
        "resume from an earlier checkpoint, or download it again.",
    ),
    "ecc": Explanation(
        "the GPU reported a hardware error",
        "Replace the pod: the error will come back. A retry on another one resumes.",
    ),
    "nccl": Explanation(
        "the communication between the GPUs failed or timed out",
        "Look for the rank that stopped first: its error, a long evaluation or save on one rank, or uneven "
        "data. NCCL_DEBUG=INFO shows more.",
    ),
    "rate_limit": Explanation(
        "a server refused requests because there were too many (HTTP 429)",
        "Wait some minutes and retry; set a token, use fewer parallel requests, or download the files first.",
    ),
    "nan": Explanation(
        "a loss or gradient was not finite",
        "Lower the learning rate; check the training rows and the log just before it.",
    ),
    "gated": Explanation(
        "the hub denied access to the model or dataset, or has none of this name",
        "Accept its license on the hub and set HF_TOKEN, or correct its name or revision; then retry.",
    ),
    "network": Explanation(
        "the network failed",
        "Retry once the network is back. A cached model or a local folder needs no network.",
    ),
    "stall": Explanation(
        "the phase reported nothing for too long",
        "Check the end of its log and whether the GPU was busy. A retry resumes.",
    ),
    "slow": Explanation(
        "the phase takes far longer than planned",
        "Check that flash attention is used (gonogo preflight). For generation, reduce max_new_tokens, set "
        "temperature = 0 or use a smaller batch.",
    ),
    "loss": Explanation(
        "the loss did not fall",
        "Check the loss curve and the format of the data; change the learning rate or train for more epochs.",
    ),
    "no_gain": Explanation(
        "there is no clear gain over the base model",
        "Check samples, the loss curve and the training data before you pay for the next phase.",
    ),
    "degenerate": Explanation(
        "most sample outputs are empty or repetitive",
        "Read them. Usual reasons are a learning rate that is too high, too many epochs or a wrong prompt "
        "format.",
    ),
}
