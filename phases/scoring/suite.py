"""Evaluation suites: prompts with programmatic checks, versioned by their content."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from phases.contract.errors import BadInputError
from phases.verifiers import ifeval
from phases.verifiers.registry import Check, validate_check

SUITES: Final = Path(__file__).parents[1] / "suites"
"""Folder of the suites that ship with gonogo."""
STAGE1: Final = "stage1"
EMBEDDED: Final = "embedded"


class SuiteError(BadInputError):
    """A suite cannot be read. The message names the file and the line."""


class Prompt(msgspec.Struct, frozen=True):
    """An instruction, the checks that a response must pass, and a response that passes them."""

    key: str
    category: str
    instruction: str
    checks: tuple[Check, ...]
    reference: str = ""


@dataclass(frozen=True)
class Suite:
    """The prompts of a suite; `version` is the SHA-256 of their content, however the file is formatted."""

    name: str
    version: str
    prompts: tuple[Prompt, ...]


def default_suite(model: str) -> str:
    """Return the name of the suite for a model: `embedded` for the embedded model, else `stage1`."""
    return EMBEDDED if model == EMBEDDED else STAGE1


def load_suite(name_or_path: str) -> Suite:
    """Return a suite that ships with gonogo, by name, or the suite in a JSONL file.

    A file holds rows like those of the suites that ship, or the rows of IFEval's public prompt file.

    Raises:
        SuiteError: there is no such suite, or a row is not a valid prompt.
    """
    shipped = SUITES / f"{name_or_path}.jsonl"
    path = shipped if shipped.is_file() else Path(name_or_path)
    if not path.is_file():
        names = ", ".join(sorted(shipped.stem for shipped in SUITES.glob("*.jsonl")))
        raise SuiteError(f"suite {name_or_path}: expected {names}, or a JSONL file")
    prompts: dict[str, Prompt] = {}
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
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


def hash_prompts(prompts: Sequence[Prompt]) -> str:
    """Return the hash of the prompts' content."""
    return hashlib.sha256(msgspec.json.encode(prompts, order="sorted")).hexdigest()


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
