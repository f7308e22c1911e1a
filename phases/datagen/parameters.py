"""Parameters of the phases that generate training data."""

from pathlib import Path
from typing import Final

from pydantic import Field

from phases.contract.parameters import ENGINE_HELP, EnginePreference, PhaseParameters
from phases.contract.phase_spec import Metric
from phases.contract.workload import INSTRUCTION_TOKENS, Generation


class DataParameters(PhaseParameters):
    """Parameters common to the phases that generate training data."""

    model: str = Field("Qwen/Qwen2.5-32B", description="hub id, folder, adapter folder or 'embedded'")
    count: int = Field(5000, ge=1, le=1_000_000, description="number of rows in this batch")
    output_dir: Path = Field(description="folder for the rows, the quality report and the manifest")
    batch: int = Field(
        1, ge=1, le=10_000, description="batch number: a new one adds a file, an existing one resumes"
    )
    seed: int = Field(20251003, ge=0, lt=2**32, description="seed of all random choices")
    seeds: str = Field(
        "auto", description="seed instructions: a name, a JSONL file, or auto to choose by model"
    )
    suite: str = Field(
        "auto",
        description="evaluation suite to check the rows against for contamination: a name, a JSONL file, or "
        "auto to choose by model",
    )
    engine: EnginePreference = Field("auto", description=ENGINE_HELP)
    batch_size: int = Field(
        32, ge=1, le=4096, description="rows that transformers generates at once; vllm chooses its own"
    )
    list_examples: int = Field(8, ge=2, le=64, description="instructions shown in front of each new list")
    list_tokens: int = Field(256, ge=16, le=4096, description="token limit of a list of new instructions")
    list_temperature: float = Field(0.9, gt=0, le=2, description="sampling temperature of new instructions")
    lists_per_round: int = Field(16, ge=1, le=1024, description="different example lists in a round")
    samples_per_list: int = Field(8, ge=1, le=1024, description="continuations sampled for each list")
    max_new_tokens: int = Field(256, ge=4, le=4096, description="token limit of a response")
    longest_response: int = Field(200, ge=1, le=4096, description="word limit of a response")
    judge_harm: bool = Field(
        True,
        description="let the base model judge whether new instructions are harmless, if it passes its "
        "calibration on vetted requests; otherwise, words decide alone",
    )
    minimum_acceptance: float = Field(
        0.02, ge=0, le=1, description="give up if the last rounds accept a smaller share than this"
    )


WITHOUT_EFFECT: Final = frozenset(
    {"output_dir", "count", "batch", "engine", "batch_size", "minimum_acceptance", "audited_pairs"}
)
"""Parameters that do not change the content of a row, so changing them resumes a batch."""
INPUT_NAMES: Final = frozenset({"model", "seeds", "suite", "constitution", "prompts_from"})
"""Parameters that name inputs. A batch is compared by the content of its inputs, not by their names."""

LIST_EXAMPLE_TOKENS: Final = 36
"""Upper bound of each instruction that is shown in front of a new list."""


def build_instructions_workload(parameters: DataParameters) -> Generation:
    """Return the largest batch of lists that the base model continues with new instructions."""
    return Generation(
        rows=min(parameters.batch_size, parameters.lists_per_round * parameters.samples_per_list),
        prompt_tokens=INSTRUCTION_TOKENS + parameters.list_examples * LIST_EXAMPLE_TOKENS,
        new_tokens=parameters.list_tokens,
        sampling="nucleus",
        adapted=False,
    )


HARM_METRICS: Final = (
    Metric(
        "harm_judge_used",
        "1 if the base model and words judge which instructions are harmless, 0 if words alone do",
    ),
    Metric(
        "harm_judge_missed",
        "share of vetted harmful requests that the base model calls harmless; others set its threshold",
    ),
    Metric(
        "harm_judge_kept",
        "share of vetted harmless requests that the base model calls harmless; not those it has as examples",
    ),
)
"""Metrics of the judge of harm; the last two are missing if it was not calibrated."""
