"""What the phases that make data share before a model is loaded: parameters, seed instructions, the command.

This module is light: `gonogo check` reads the parameters.
"""

from pathlib import Path
from typing import Final

import msgspec

from phases.contract.errors import BadInputError

SEEDS: Final = Path(__file__).parents[1] / "seeds"


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
