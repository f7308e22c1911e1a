"""The answers in an evaluation's file, which is untrusted."""

import json
from pathlib import Path
from typing import Any

import pytest

from app.monitor import evaluation_file
from app.monitor.evaluation_file import MAX_ANSWERS, MAX_TEXT, read_evaluation_answers
from phases.scoring.results import EvaluatedAnswer


def write(path: Path, *results: dict[str, Any], **others: Any) -> Path:
    path.write_text(json.dumps({"results": results, **others}))
    return path


ROW = {"key": "a", "response": "yes", "passed": True}


def test_it_reads_what_the_evaluation_writes(tmp_path: Path) -> None:
    row = EvaluatedAnswer(
        key="format-1",
        category="format",
        instruction="List.",
        response="1. a",
        finished=True,
        passed=False,
        failures=("went_on",),
        follows=True,
    )
    path = write(tmp_path / "eval_1.json", {f: getattr(row, f) for f in row.__struct_fields__})
    content = read_evaluation_answers(path)
    assert content is not None
    [answer] = content.results
    assert (answer.key, answer.category, answer.is_following) == ("format-1", "format", row.is_following)


def test_without_the_reading_of_following_passing_counts(tmp_path: Path) -> None:
    content = read_evaluation_answers(write(tmp_path / "e.json", ROW))
    assert content is not None
    assert content.results[0].is_following


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"results": 1}', '{"results": [{"key": 1}]}', "[" * 100_000]
)
def test_anything_else_is_not_an_evaluation(tmp_path: Path, text: str) -> None:
    path = tmp_path / "e.json"
    path.write_text(text)
    assert read_evaluation_answers(path) is None
    assert read_evaluation_answers(tmp_path / "missing.json") is None
    assert read_evaluation_answers(tmp_path) is None


def test_it_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "e.json", *[ROW | {"response": "x" * 2 * MAX_TEXT}] * 2, *[ROW] * MAX_ANSWERS)
    content = read_evaluation_answers(path)
    assert content is not None
    assert len(content.results) == MAX_ANSWERS
    assert len(content.results[0].response) <= MAX_TEXT + 10
    monkeypatch.setattr(evaluation_file, "MAX_FILE_BYTES", 100)
    assert read_evaluation_answers(path) is None


def test_controls_and_secrets_do_not_reach_the_screen(tmp_path: Path) -> None:
    path = write(tmp_path / "e.json", ROW | {"response": "a\x1b[31mb hf_\u0073ecret", "key": "k\x07"})
    path.write_text(path.read_text().replace("hf_secret", r"hf_\u0073ecret"))
    content = read_evaluation_answers(path, lambda data: data.replace(b"hf_secret", b"***"))
    assert content is not None
    text = content.results[0].response + content.results[0].key
    assert "\x1b" not in text
    assert "\x07" not in text
    assert "hf_secret" not in text
