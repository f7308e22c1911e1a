"""What the phases that make data share before a model is loaded: parameters, seed instructions, the command.

This module is light: `gonogo check` reads the parameters.
"""

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from phases.contract.parameters import parse
from phases.contract.reporter import Reporter, stop_on_sigterm
from phases.datagen.parameters import DataParameters

SEEDS: Final = Path(__file__).parents[1] / "seeds"


class BadInputError(ValueError):
    """An input cannot be used; the message says which, where, what was expected and what to do."""


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
