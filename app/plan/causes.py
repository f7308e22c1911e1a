"""What may go wrong with a phase: each cause by the name that `remedies` in a plan go by."""

from typing import Literal, NamedTuple

Cause = Literal[
    "oom",
    "host_oom",
    "disk",
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
    """A cause in words, and what to do where the plan has no remedy that is a change of parameters."""

    what: str
    advice: str


CAUSES: dict[Cause, Explanation] = {
    "oom": Explanation(
        "the GPU ran out of memory",
        "Reduce the batch size, then the LoRA rank; use gradient checkpointing; shorten the sequences. "
        "On several GPUs, shard_weights = true shares the model out.",
    ),
    "host_oom": Explanation(
        "the host ran out of memory",
        "Do less at once: a smaller batch, fewer workers; or rent a pod with more memory.",
    ),
    "disk": Explanation(
        "the disk is full",
        "Make room (old checkpoints, caches of models), or take a larger volume; then retry: it resumes.",
    ),
    "nan": Explanation(
        "a loss or gradient was not a finite number",
        "Lower the learning rate; look at the rows and at the log just before it.",
    ),
    "gated": Explanation(
        "the hub did not grant the model",
        "Accept its licence on the hub and set HF_TOKEN, or correct its name; then retry.",
    ),
    "network": Explanation(
        "the network failed",
        "Retry once it is back; a model that is cached, or a folder, needs none.",
    ),
    "stall": Explanation(
        "it reported nothing for too long",
        "Look at the end of its log, and whether the GPU was busy; a retry resumes.",
    ),
    "slow": Explanation(
        "it takes far longer than was planned",
        "See that flash attention is used (gonogo preflight); where it generates, reduce max_new_tokens, use "
        "temperature = 0, or ask for less at once.",
    ),
    "loss": Explanation(
        "the training loss did not fall",
        "Look at the loss curve and the data's format; change the learning rate, or train for more epochs.",
    ),
    "no_gain": Explanation(
        "there is no clear gain over the base model",
        "Read samples, the loss curve of the training and its data before more is paid for.",
    ),
    "degenerate": Explanation(
        "most of its sample outputs are empty or repeat themselves",
        "Read them: a learning rate too high, too many epochs, or a wrong prompt format are usual reasons.",
    ),
}
