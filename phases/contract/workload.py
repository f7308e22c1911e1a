"""The work of a phase as data: what its running time grows with, and what it holds in GPU memory at once.

A phase declares them in its `spec`. `gonogo check` computes hours and bytes from them before a GPU is rented.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from phases.contract.micro_batch import Checkpointing

INSTRUCTION_TOKENS: Final = 128
"""Upper bound of a wrapped instruction: 60 words, the limit for generated ones, and an added constraint.

When a plan is checked, no tokenizer is available. The bounds here and in the specs were counted with the
tokenizers of gemma-3 and of the embedded model on the suites, seeds and constitution that ship with gonogo.
"""


SOLVED_EXAMPLE_TOKENS: Final = 48
"""Upper bound of each solved example in front of a prompt, on average over several of one category."""


@dataclass(frozen=True)
class Work:
    """The quantities that the running time of a phase grows with.

    Attributes:
        proportional_to: parameters that multiply the work.
        rows_of: the phase whose rows it processes, such as `phases.sft_data`.
        prepares: unit of progress of the work that is done once for each of these rows, before the rest.
        unit_limit: the parameter that limits each unit of work, such as tokens per answer. A higher limit
            makes only those units longer that reach it.
        planned_rows: the parameter that says how many rows the phase delivers.
        delivered_rows: the metric that says how many rows it delivered.
        depends_on_model: whether its speed depends on the model.
    """

    proportional_to: tuple[str, ...] = ()
    rows_of: str = ""
    prepares: str = ""
    unit_limit: str = ""
    planned_rows: str = ""
    delivered_rows: str = ""
    depends_on_model: bool = True


@dataclass(frozen=True)
class Training:
    """LoRA training, whose steps are split into micro-batches (see `phases.contract.micro_batch`).

    Attributes:
        step_tokens: maximum tokens of an optimizer step on one GPU, padding included.
        sequence_tokens: maximum tokens of a sequence.
        checkpointing: which layers recompute their activations; `auto` tries the fastest setting first.
        reference: whether a frozen copy of the adapter is kept, as for DPO.
        shard_weights: whether the GPUs of a host shard the layers' weights.
    """

    step_tokens: int
    sequence_tokens: int
    checkpointing: Checkpointing = "auto"
    reference: bool = False
    shard_weights: bool = False


@dataclass(frozen=True)
class Generation:
    """Prompts that are continued together.

    Attributes:
        rows: prompts in the batch.
        prompt_tokens: tokens of each prompt.
        new_tokens: tokens that each is continued with.
        sampling: how the next token is chosen; `nucleus` is top-p sampling.
        adapted: whether the adapter is active.
        cached: whether keys and values are kept.
    """

    rows: int
    prompt_tokens: int
    new_tokens: int = 0
    sampling: Literal["greedy", "random", "nucleus"] = "greedy"
    adapted: bool = True
    cached: bool = True


@dataclass(frozen=True)
class Scoring:
    """Texts whose log-probabilities the base model computes together.

    Attributes:
        rows: texts in the batch, before the memory limit of their logits is applied.
        prompt_tokens: tokens before each answer.
        answer_tokens: tokens of each answer.
    """

    rows: int
    prompt_tokens: int
    answer_tokens: int


Workload = Training | Generation | Scoring


@dataclass(frozen=True)
class ModelContext:
    """The facts about a phase's model that come from the plan, not from the phase's parameters."""

    base_model: str
    """Hub id or folder; adapters are followed to their base."""
    plan_folder: Path
