"""Hand-written seed instructions with responses."""

from pathlib import Path
from typing import Final

import msgspec

from phases.contract import files
from phases.contract.errors import BadInputError

SEEDS_FOLDER: Final = Path(__file__).parents[1] / "seeds"


class Seed(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A hand-written instruction with a good response.

    Seeds of one category may be of several kinds. Prompts show examples of one kind only, so that the pattern
    is clear to a small model.
    """

    category: str
    instruction: str
    response: str
    kind: str = ""

    @property
    def group(self) -> str:
        """The category, with the kind if there is one."""
        return f"{self.category}/{self.kind}" if self.kind else self.category


def load_seeds(name_or_path: str) -> tuple[Seed, ...]:
    """Read the seeds that ship with gonogo, by name, or those of a JSONL file.

    Raises:
        BadInputError: the file does not exist, a line is not a seed, or there are fewer than two.
    """
    shipped = SEEDS_FOLDER / f"{name_or_path}.jsonl"
    path = shipped if shipped.is_file() else Path(name_or_path)
    if not path.is_file():
        names = ", ".join(sorted(p.stem for p in SEEDS_FOLDER.glob("*.jsonl")))
        raise BadInputError(f"--seeds {name_or_path}: no such file; expected {names}, or a JSONL file")
    seeds = []
    for number, line in files.read_lines(path):
        try:
            seeds.append(msgspec.json.decode(line, type=Seed))
        except ValueError as error:
            raise BadInputError(
                f"{path}, line {number}: {error}; expected an object with category, instruction, response"
            ) from error
    if len(seeds) < 2:  # noqa: PLR2004 - one example shows no pattern
        raise BadInputError(f"{path}: expected at least two seed instructions")
    return tuple(seeds)
