"""The files of answers, which an interrupted evaluation continues.

`eval_<time>.jsonl` holds the answers to the suite, and `sealed_<time>.jsonl` those to its test half. The
first row of each is a fingerprint of everything that the answers depend on. Files with another fingerprint
are never continued.
"""

import datetime
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from phases.contract import files
from phases.contract.readings import READINGS_VERSION
from phases.contract.reporter import Reporter
from phases.evaluation.few_shot import Examples
from phases.evaluation.spec import Parameters
from phases.models.prompt_format import FORMAT_ID, NEXT_PROMPT
from phases.models.source import ModelSource
from phases.scoring.results import EvaluatedAnswer
from phases.scoring.suite import Suite
from phases.verifiers.registry import VERIFIERS_VERSION, resolve_version

STOP_RULE: Final = (
    f"readings {READINGS_VERSION}: an output follows by its text up to the first new turn in any format, "
    "or by its first paragraph; it stops if it ends with the end-of-text token after the answer"
)
"""Recorded with the answers: models under different rules are not compared."""

SEAL: Final = "answers to the test half of the suite: only the comparison opens this file"
AnswerKey = tuple[str, int]
"""The key of a prompt and the number of solved examples before it."""


def compute_fingerprint(
    parameters: Parameters,
    source: ModelSource,
    halves: Sequence[Suite],
    examples: Examples,
    engine: str,
) -> dict[str, Any]:
    """Return everything that the answers depend on, as the first row of the file."""
    return {
        "fingerprint": {
            "model_sha256": source.sha256,
            "engine": engine,
            "suite_version": "+".join(suite.version for suite in halves),
            "verifiers": VERIFIERS_VERSION,
            "max_new_tokens": parameters.max_new_tokens,
            "prompt_format": FORMAT_ID,
            "stop_rule": STOP_RULE,
            "stop": NEXT_PROMPT,
            "seed": parameters.seed,
            "demonstrations": {
                category: [msgspec.to_builtins(example) for example in chosen]
                for category, chosen in examples.items()
            },
        }
    }


def find_answers_file(output_dir: Path, fingerprint: Mapping[str, Any], reporter: Reporter) -> Path:
    """Return the unfinished file with this fingerprint, or a new path named by the time."""
    for path in sorted(output_dir.glob("eval_*.jsonl"), reverse=True):
        is_finished = path.with_suffix(".json").exists()
        if is_finished:
            continue
        if _read_fingerprint(path) == fingerprint:
            return path
        reporter.notice(
            f"{path} was made from another model, suite, stop rule or parameters, or checked by other "
            "verifiers; it is not continued",
            "warning",
        )
    now = datetime.datetime.now(datetime.UTC)
    return output_dir / f"eval_{now:%Y%m%d_%H%M%S}.jsonl"


def find_sealed_file(answers_path: Path) -> Path:
    """Return the path of the answers to the test half, next to those to the other half."""
    return answers_path.with_name(answers_path.name.replace("eval_", "sealed_", 1))


def read_answers(path: Path) -> dict[AnswerKey, EvaluatedAnswer]:
    """Return the answers in a file, which need not exist."""
    if not path.is_file():
        return {}
    return {
        (row["key"], row["shots"]): msgspec.convert(row, EvaluatedAnswer)
        for row in files.read_rows(path)
        if "fingerprint" not in row
    }


def open_answers_file(path: Path, fingerprint: Mapping[str, Any]) -> files.RowWriter:
    """Open a file for appending answers; a new one starts with the fingerprint."""
    writer = files.RowWriter(path)
    if not path.stat().st_size:
        writer.write([fingerprint])
    return writer


def _read_fingerprint(path: Path) -> dict[str, Any]:
    """Return the first row of a file, with the version of the verifiers instead of a hash."""
    first = next(files.read_rows(path), {})
    fingerprint = first.get("fingerprint", {})
    version = resolve_version(fingerprint.get("verifiers"))
    return {**first, "fingerprint": {**fingerprint, "verifiers": version}}
