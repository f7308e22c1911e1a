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
    max_new_tokens: int = Field(
        48, ge=8, le=512, description="token limit of the answer to a sentinel instruction"
    )
    batch_size: int = Field(32, ge=1, le=1024, description="prompts in a batch")
    seed: int = Field(20251003, ge=0, description="recorded only; greedy decoding draws no random numbers")


METRICS = (
    Metric("verdict", "clean, contaminated or inconclusive"),
    Metric("clean", "whether the verdict is clean"),
    Metric("success_rate", "share of bare sentinel instructions that the model follows"),
    Metric("success_rate_low", "lower end of the Wilson 95 % interval of success_rate"),
    Metric("success_rate_high", "upper end of the Wilson 95 % interval of success_rate"),
    Metric(
        "follow_rate",
        "share of sentinels, without questions about the model itself, that it follows in gonogo's format",
    ),
    Metric("follow_rate_low", "lower end of the Wilson 95 % interval of follow_rate"),
    Metric("follow_rate_high", "upper end of the Wilson 95 % interval of follow_rate"),
    Metric("completion_rate", "share of simple patterns that the model completes correctly"),
    Metric("chat_leak", "mean probability of a chat token where a turn would end in bare text"),
    Metric(
        "stop_excess",
        "excess of the probability of the end after an answer, in the plain-text format where it is highest, "
        "over that in texts that ask for nothing: 0 as there, 1 always",
    ),
    Metric("stop_format", "the plain-text format of stop_excess"),
    Metric("ended_rate", "share of the model's answers in that format that end by themselves"),
    Metric("answered_rate", "share of its answers in that format that are right and end by themselves"),
    Metric(
        "identity_preference", "log-probability per token of 'I am an AI' minus that of a person's answer"
    ),
    Metric(
        "frame_stop",
        "mean probability of the end of a turn after an answer in a chat",
    ),
    Metric("frame_gain", "log-probability per token of an answer in a chat frame minus that in bare text"),
    Metric("chat_template", "whether the tokenizer ships a chat template (the loader removes it)"),
    Metric("chat_end_token", "whether the end-of-text token is a chat token"),
    Metric("wraps_prompts", "whether the tokenizer adds more to plain text than the marks of a document"),
)

ANSWER_TOKENS = 15
"""Upper bound of the tokens of such an answer."""


def list_workloads(parameters: Parameters, context: ModelContext) -> tuple[Workload, ...]:
    """Return the batches of sentinels and of scored answers."""
    return (
        Generation(parameters.batch_size, INSTRUCTION_TOKENS, parameters.max_new_tokens, "random"),
        Scoring(parameters.batch_size, INSTRUCTION_TOKENS, ANSWER_TOKENS),
    )


SPEC = PhaseSpec(
    Parameters,
    METRICS,
    description="Test whether a model is a base model or was tuned on chats.",
    workloads=list_workloads,
)
