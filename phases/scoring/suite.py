"""Evaluation suites: prompts with programmatic checks, versioned by their content."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

import msgspec

from phases.contract import files
from phases.contract.errors import BadInputError
from phases.verifiers import ifeval
from phases.verifiers.registry import Check, validate_check

SUITES: Final = Path(__file__).parents[1] / "suites"
"""Folder of the suites that ship with gonogo."""
STAGE1: Final = "stage1"
EMBEDDED: Final = "embedded"
TEST_HALF: Final = "_test"
"""Ending of the name of a held-out test half: `stage1_test` belongs to `stage1`."""


class SuiteError(BadInputError):
    """A suite cannot be read. The message names the file and the line."""


class Prompt(msgspec.Struct, frozen=True):
    """An instruction, the checks that a response must pass, and responses that pass or fail them.

    Attributes:
        key: the prompt's key.
        category: the kind of task.
        instruction: the instruction.
        checks: the checks of the complete response.
        correct: right responses of different styles. All pass the checks.
        wrong: plausible wrong responses. All fail the checks, even loosely.
        limits: what the checks cannot judge; blank if they judge what was asked.
    """

    key: str
    category: str
    instruction: str
    checks: tuple[Check, ...]
    correct: tuple[str, ...] = ()
    wrong: tuple[str, ...] = ()
    limits: str = ""

    @property
    def reference(self) -> str:
        """The first of the correct responses, or a blank string."""
        return self.correct[0] if self.correct else ""


@dataclass(frozen=True)
class Suite:
    """The prompts of a suite; `version` is the SHA-256 of their content, however the file is formatted."""

    name: str
    version: str
    prompts: tuple[Prompt, ...]

    def __hash__(self) -> int:
        return hash((self.name, self.version))


def choose_default_suite(model: str) -> str:
    """Return the name of the suite for a model: `embedded` for the embedded model, else `stage1`."""
    return EMBEDDED if model == EMBEDDED else STAGE1


def load_suite(name_or_path: str) -> Suite:
    """Return a suite that ships with gonogo, by name, or the suite in a JSONL file.

    A file holds rows like those of the suites that ship, or the rows of IFEval's public prompt file.

    Raises:
        SuiteError: there is no such suite, or a row is not a valid prompt.
    """
    shipped = SUITES / f"{name_or_path}.jsonl"
    if shipped.is_file():
        return _load_shipped(shipped)
    path = Path(name_or_path)
    if not path.is_file():
        names = ", ".join(sorted(shipped.stem for shipped in SUITES.glob("*.jsonl")))
        raise SuiteError(f"suite {name_or_path}: expected {names}, or a JSONL file")
    return _read_suite(path)


def load_halves(name_or_path: str) -> tuple[Suite, ...]:
    """Return a suite and, if it ships with gonogo in two halves, the other half as well.

    Training data and solved examples must reveal neither half.

    Raises:
        SuiteError: as `load_suite`.
    """
    name = name_or_path.removesuffix(TEST_HALF)
    other = name if name_or_path != name else name + TEST_HALF
    is_shipped = (SUITES / f"{name_or_path}.jsonl").is_file()
    has_other = is_shipped and (SUITES / f"{other}.jsonl").is_file()
    return (load_suite(name_or_path), *([load_suite(other)] if has_other else []))


def index_instructions(suites: Sequence[Suite]) -> dict[str, str]:
    """Return the instructions of several suites by key; keys of all but the first begin with its name."""
    first, *others = suites
    instructions = {prompt.key: prompt.instruction for prompt in first.prompts}
    for suite in others:
        instructions |= {f"{suite.name}/{prompt.key}": prompt.instruction for prompt in suite.prompts}
    return instructions


def index_answers(suites: Sequence[Suite]) -> dict[str, tuple[str, ...]]:
    """Return the correct answers of several suites by the keys of `index_instructions`."""
    first, *others = suites
    answers = {prompt.key: prompt.correct for prompt in first.prompts}
    for suite in others:
        answers |= {f"{suite.name}/{prompt.key}": prompt.correct for prompt in suite.prompts}
    return answers


def hash_prompts(prompts: Sequence[Prompt]) -> str:
    """Return the hash of the prompts' content."""
    return hashlib.sha256(msgspec.json.encode(prompts, order="sorted")).hexdigest()


@lru_cache(maxsize=4)
def _load_shipped(path: Path) -> Suite:
    return _read_suite(path)


def _read_suite(path: Path) -> Suite:
    prompts: dict[str, Prompt] = {}
    for number, line in files.read_lines(path):
        try:
            prompt = _parse_prompt(line)
            if prompt.key in prompts:
                raise ValueError(f"key {prompt.key!r} occurs twice")
            if not prompt.checks:
                raise ValueError("a prompt without checks accepts every answer")
        except ValueError as error:  # The errors of msgspec are ValueErrors as well.
            raise SuiteError(f"{path}, line {number}: {error}") from error
        prompts[prompt.key] = prompt
    if not prompts:
        raise SuiteError(f"{path}: no prompts")
    return Suite(path.stem, hash_prompts(list(prompts.values())), tuple(prompts.values()))


def _parse_prompt(line: bytes) -> Prompt:
    if "instruction_id_list" in msgspec.json.decode(line):
        row = msgspec.json.decode(line, type=ifeval.IFEvalRow)
        checks = ifeval.build_checks(row)
        # A prompt may have instructions of several groups. The group of the first becomes its category.
        return Prompt(str(row.key), checks[0].kind.split(":")[0], row.prompt, checks)
    prompt = msgspec.json.decode(line, type=Prompt)
    for check in prompt.checks:
        validate_check(check)
    return prompt
