"""What the phases that make data share before a model is loaded: parameters, seed instructions, the command.

This module is light: `gonogo check` reads the parameters.
"""

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, TypeVar

import msgspec
from pydantic import Field

from phases.contract.parameters import ENGINE_HELP, EngineWish, PhaseParameters, parse
from phases.contract.reporter import Reporter, stop_on_sigterm

SEEDS: Final = Path(__file__).parents[1] / "seeds"


class BadInputError(ValueError):
    """An input cannot be used; the message says which, where, what was expected and what to do."""


class DataParameters(PhaseParameters):
    """Parameters of both phases that make data."""

    model: str = Field("Qwen/Qwen2.5-32B", description="hub id, folder, adapter folder or 'embedded'")
    count: int = Field(5000, ge=1, le=1_000_000, description="rows that this batch is to have")
    output_dir: Path = Field(description="folder for the rows, the quality report and the manifest")
    batch: int = Field(
        1, ge=1, le=10_000, description="which batch: a new one adds a file, the same one resumes"
    )
    seed: int = Field(20251003, ge=0, lt=2**32, description="seed of everything random")
    seeds: str = Field("auto", description="seed instructions: a name, a JSONL file, or auto: by model")
    suite: str = Field(
        "auto", description="suite that must not occur: a name, a JSONL file, or auto: by model"
    )
    engine: EngineWish = Field("auto", description=ENGINE_HELP)
    batch_size: int = Field(
        32, ge=1, le=4096, description="rows generated at once by transformers; vllm finds its own"
    )
    list_examples: int = Field(8, ge=2, le=64, description="instructions shown before new ones are generated")
    list_tokens: int = Field(256, ge=16, le=4096, description="most tokens of one list of new instructions")
    list_temperature: float = Field(0.9, gt=0, le=2, description="temperature of new instructions")
    lists_per_round: int = Field(16, ge=1, le=1024, description="different lists of examples in a round")
    samples_per_list: int = Field(8, ge=1, le=1024, description="continuations of each list of examples")
    max_new_tokens: int = Field(256, ge=4, le=4096, description="most tokens of a response")
    longest_response: int = Field(200, ge=1, le=4096, description="most words of a response")
    minimum_acceptance: float = Field(
        0.02, ge=0, le=1, description="accepted share of the last rounds below which the phase gives up"
    )


WITHOUT_EFFECT: Final = frozenset(
    {"output_dir", "count", "batch", "engine", "batch_size", "minimum_acceptance", "audited_pairs"}
)
"""Parameters that do not change what a row holds: a batch begun with others of them goes on."""
NAMES: Final = frozenset({"model", "seeds", "suite", "constitution", "prompts_from"})
"""Parameters that name inputs; what the inputs hold is compared, not their names."""


class Seed(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A hand-made instruction with a good response.

    Seeds of one category may be of several kinds: a list of instructions and the records before a response
    show one kind only, so that a small model sees what is asked of it.
    """

    category: str
    instruction: str
    response: str
    kind: str = ""

    @property
    def group(self) -> str:
        """The category, and the kind where it has one."""
        return f"{self.category}/{self.kind}" if self.kind else self.category


def load_seeds(name_or_path: str) -> tuple[Seed, ...]:
    """Read the seed instructions that ship with gonogo, by name, or those of a JSONL file.

    Raises:
        BadInputError: there is no such file, or a line is not a seed.
    """
    shipped = SEEDS / f"{name_or_path}.jsonl"
    path = shipped if shipped.is_file() else Path(name_or_path)
    if not path.is_file():
        known = ", ".join(sorted(p.stem for p in SEEDS.glob("*.jsonl")))
        raise BadInputError(f"--seeds {name_or_path}: no such file; expected {known}, or a JSONL file")
    seeds = []
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        try:
            seeds.append(msgspec.json.decode(line, type=Seed))
        except ValueError as error:
            raise BadInputError(
                f"{path}, line {number}: {error}; expected an object with category, instruction, response"
            ) from error
    if len(seeds) < 2:  # noqa: PLR2004 - one example shows no pattern
        raise BadInputError(f"{path}: expected at least two seed instructions")
    return tuple(seeds)


P = TypeVar("P", bound=DataParameters)


def command(
    run: Callable[[P, Reporter], bool],
    kind: type[P],
    argv: Sequence[str] | None,
    *,
    program: str,
    description: str,
) -> int:
    """Run a phase from its command line; return its exit code: 2 for bad input, 1 where it gave up."""
    stop_on_sigterm()
    parameters = parse(kind, argv, program=program, description=description)
    # Read when the libraries are imported: no telemetry, and no progress bars in logs.
    for name in ("HF_HUB_DISABLE_TELEMETRY", "HF_HUB_DISABLE_PROGRESS_BARS", "TQDM_DISABLE"):
        os.environ.setdefault(name, "1")
    try:
        return 0 if run(parameters, Reporter(parameters.output_dir)) else 1
    except (ValueError, FileNotFoundError) as error:
        from phases.models.loader import ModelError
        from phases.scoring.suite import SuiteError

        if not isinstance(error, BadInputError | ModelError | SuiteError | FileNotFoundError):
            raise
        print(f"{program}: {error}", file=sys.stderr)  # noqa: T201
        return 2
