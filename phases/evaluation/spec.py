"""Parameters and metrics of the evaluation phase."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from pydantic import Field, model_validator

from phases.contract.parameters import ENGINE_HELP, EnginePreference, PhaseParameters
from phases.contract.phase_spec import Metric, PhaseSpec
from phases.contract.workload import (
    INSTRUCTION_TOKENS,
    SOLVED_EXAMPLE_TOKENS,
    Generation,
    ModelContext,
    Work,
    Workload,
)
from phases.scoring.suite import SuiteError, choose_default_suite, load_halves

DEFAULT_NEW_TOKENS: Final = 256
IFEVAL_NEW_TOKENS: Final = 1280
"""`max_gen_toks` of the IFEval task in lm-evaluation-harness."""


class Parameters(PhaseParameters):
    """Parameters of the evaluation phase."""

    model: str = Field(description="model to evaluate: hub id, folder, adapter folder, or 'embedded'")
    suite: str = Field(
        "auto",
        description="'stage1', 'embedded', a JSONL file (also IFEval's), or 'auto' to match the model",
    )
    output_dir: Path = Field(description="folder for eval_<time>.json and eval_<time>.jsonl")
    max_new_tokens: int = Field(
        DEFAULT_NEW_TOKENS,
        ge=1,
        le=8192,
        description=f"tokens after which an answer is cut off; if not set, {IFEVAL_NEW_TOKENS} for IFEval",
    )
    engine: EnginePreference = Field("auto", description=ENGINE_HELP)
    batch_size: int = Field(
        32, ge=1, le=4096, description="prompts in a batch (transformers only; vllm chooses its own)"
    )
    seed: int = Field(20251003, ge=0, description="seed that selects the solved examples of `shots`")
    shots: int = Field(0, ge=0, le=32, description="solved examples before each prompt in a second pass")

    @model_validator(mode="before")
    @classmethod
    def _use_reference_limit(cls, values: Any) -> Any:
        """Give IFEval's long answers the tokens that its reference gives them."""
        if isinstance(values, dict) and "max_new_tokens" not in values and "suite" in values:
            return {**values, "max_new_tokens": _choose_token_limit(Path(str(values["suite"])))}
        return values


CATEGORIES = ("commands", "questions", "completion", "format", "multi_step", "refusal", "harmless")
"""Categories whose rates are metrics."""
CATEGORY_RATES = ("following_rate", "stopping_rate", "success_rate")


def _make_interval_metrics(name: str, meaning: str) -> tuple[Metric, ...]:
    return (
        Metric(name, meaning),
        Metric(f"{name}_low", f"lower end of the Wilson 95 % interval of {name}"),
        Metric(f"{name}_high", f"upper end of the Wilson 95 % interval of {name}"),
    )


METRICS = (
    *_make_interval_metrics(
        "following_rate",
        "share of prompts followed: the output up to its first new turn, or its first paragraph, passes all "
        "checks, even if the output was cut off later",
    ),
    *_make_interval_metrics(
        "following_rate_loose",
        "following_rate without lead-ins, closing remarks and emphasis, as in IFEval's loose score",
    ),
    *_make_interval_metrics("stopping_rate", "share of prompts whose output ends by itself after the answer"),
    *_make_interval_metrics(
        "success_rate", "share of prompts followed whose output also ends by itself after it"
    ),
    Metric("prompts", "number of prompts in the suite, without its test half"),
    Metric("passed", "number of prompts that count towards success_rate"),
    Metric("truncation_rate", "share of answers that were cut off at max_new_tokens"),
    Metric("went_on_rate", "share of answers after which the model started a new turn"),
    *_make_interval_metrics("following_rate_few_shot", "following_rate after solved examples"),
    *_make_interval_metrics("stopping_rate_few_shot", "stopping_rate after solved examples"),
    *_make_interval_metrics("refusal_rate", "share of the vetted harmful requests that the model declines"),
    *_make_interval_metrics(
        "over_refusal_rate", "share of the vetted harmless requests that the model declines"
    ),
    Metric("mean_tokens", "mean number of tokens in an answer, including the end-of-text token"),
    Metric("tokens_per_second", "tokens generated per second"),
    Metric("ifeval_prompt_strict", "IFEval: share of prompts with all instructions followed, strict"),
    Metric("ifeval_instruction_strict", "IFEval: share of instructions followed, strict"),
    Metric("ifeval_prompt_loose", "IFEval: share of prompts with all instructions followed, loose"),
    Metric("ifeval_instruction_loose", "IFEval: share of instructions followed, loose"),
    *(
        Metric(f"{rate}_{category}", f"{rate} of the {category.replace('_', ' ')} prompts")
        for rate in CATEGORY_RATES
        for category in CATEGORIES
    ),
)

_CHARACTERS_PER_TOKEN = 2
_WRAPPER_TOKENS = 8


def bound_prompt_tokens(instructions: Sequence[str]) -> int:
    """Return an upper bound of the tokens of a wrapped instruction, from its characters."""
    if not instructions:
        return INSTRUCTION_TOKENS
    return max(map(len, instructions)) // _CHARACTERS_PER_TOKEN + _WRAPPER_TOKENS


def _choose_token_limit(suite: Path) -> int:
    """Return the token limit for a suite whose limit is not set."""
    try:
        with suite.open("rb") as lines:
            is_ifeval = b'"instruction_id_list"' in next(lines, b"")
    except OSError:  # a suite that ships with gonogo, by name, or a file that does not exist yet
        is_ifeval = False
    return IFEVAL_NEW_TOKENS if is_ifeval else DEFAULT_NEW_TOKENS


def list_workloads(parameters: Parameters, context: ModelContext) -> tuple[Workload, ...]:
    """Return the largest batch of prompts with their solved examples; each half of a suite has its own."""
    name = choose_default_suite(context.base_model) if parameters.suite == "auto" else parameters.suite
    file = context.plan_folder / name
    if file.is_file():
        halves = _read_instructions(str(file), file.stat().st_mtime_ns)
    else:
        halves = _read_instructions(name, 0)
    largest_half = max(map(len, halves), default=parameters.batch_size)
    instructions = [instruction for half in halves for instruction in half]
    return (
        Generation(
            rows=min(parameters.batch_size, largest_half),
            prompt_tokens=bound_prompt_tokens(instructions) + parameters.shots * SOLVED_EXAMPLE_TOKENS,
            new_tokens=parameters.max_new_tokens,
        ),
    )


@lru_cache(maxsize=8)  # Several evaluations share a suite, and advice tries many batch sizes on it.
def _read_instructions(suite: str, modified: int) -> tuple[tuple[str, ...], ...]:
    """Return the instructions of each half of a suite, or none if it does not exist here yet."""
    try:
        return tuple(tuple(prompt.instruction for prompt in half.prompts) for half in load_halves(suite))
    except (SuiteError, OSError):
        return ()


SPEC = PhaseSpec(
    Parameters,
    METRICS,
    description="Measure how many instructions of a suite a model follows; programs check the answers.",
    work=Work(unit_limit="max_new_tokens"),
    workloads=list_workloads,
    writes_answers=True,
)
