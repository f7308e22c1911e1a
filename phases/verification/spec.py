"""Parameters and metrics of the verification phase."""

from pathlib import Path

from pydantic import Field

from phases.contract.parameters import PhaseParameters
from phases.contract.phase_spec import Metric, PhaseSpec
from phases.contract.workload import INSTRUCTION_TOKENS, Generation, ModelContext, Scoring, Workload


class Parameters(PhaseParameters):
    """Parameters of the verification phase."""

    model: str = Field(description="model to verify: hub id, folder, adapter folder, or 'embedded'")
    output_dir: Path = Field(description="folder for verification_<time>.json and .txt")
    max_new_tokens: int = Field(48, ge=8, le=512, description="most tokens to generate for a sentinel")
    batch_size: int = Field(32, ge=1, le=1024, description="prompts in a batch")
    seed: int = Field(20251003, ge=0, description="recorded only; greedy decoding draws no random numbers")


METRICS = (
    Metric("verdict", "clean, contaminated or inconclusive"),
    Metric("clean", "whether the verdict is clean"),
    Metric("success_rate", "share of bare sentinel instructions that the model follows"),
    Metric("success_rate_low", "lower end of the Wilson 95 % interval of success_rate"),
    Metric("success_rate_high", "upper end of the Wilson 95 % interval of success_rate"),
    Metric("completion_rate", "share of simple patterns that the model completes correctly"),
    Metric("chat_leak", "mean probability of a chat token where a turn would end in bare text"),
    Metric(
        "stop_excess", "mean probability of the end of text after a bare answer minus that after a sentence"
    ),
    Metric(
        "identity_preference", "log-probability per token of 'I am an AI' minus that of a person's answer"
    ),
    Metric("frame_stop", "mean probability of the end of a turn after an answer in a chat frame"),
    Metric("frame_gain", "log-probability per token of an answer in a chat frame minus that in bare text"),
    Metric("chat_template", "whether the tokenizer ships a chat template (the loader removes it)"),
    Metric("chat_end_token", "whether the end-of-text token is a chat token"),
    Metric("wraps_prompts", "whether the tokenizer adds chat tokens around plain text"),
)

EXCHANGE_COUNT = 12
"""Number of instructions with complete answers that are scored."""
ANSWER_TOKENS = 15
"""Upper bound of the tokens of such an answer."""


def list_workloads(parameters: Parameters, context: ModelContext) -> tuple[Workload, ...]:
    """Return the batches of sentinels and of scored answers."""
    return (
        Generation(parameters.batch_size, INSTRUCTION_TOKENS, parameters.max_new_tokens, "random"),
        Scoring(min(parameters.batch_size, EXCHANGE_COUNT), INSTRUCTION_TOKENS, ANSWER_TOKENS),
    )


SPEC = PhaseSpec(
    Parameters,
    METRICS,
    description="Test whether a model is a base model or was tuned on chats.",
    workloads=list_workloads,
)
