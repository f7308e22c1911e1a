"""Labels are written key by key, undone, and continued."""

import json
from pathlib import Path

import pytest

from app.labelling.failed_answers import FailedAnswer
from app.labelling.labeller import Labeller
from phases.contract.labels import FailureLabel, read_labels

ANSWERS = [
    FailedAnswer("Do a.", "wrong", (("base", "a"), ("sft", "a"))),
    FailedAnswer("Do b.", "wrong", (("dpo", "b"),)),
    FailedAnswer("Do c.", "wrong", (("dpo", "c"),)),
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "labels.jsonl"


def test_a_label_records_who_and_when_for_every_model(path: Path) -> None:
    labeller = Labeller(ANSWERS, path, "ada", clock=lambda: 12.5)
    labeller.label("form")
    assert read_labels(path) == {
        (model, "a"): FailureLabel(evaluation=model, key="a", kind="form", by="ada", at=12.5)
        for model in ("base", "sft")
    }
    assert (labeller.current, labeller.labelled, labeller.total) == (ANSWERS[1], 1, 3)


def test_undo_returns_to_the_last_answer_and_keeps_the_record(path: Path) -> None:
    labeller = Labeller(ANSWERS, path, "ada")
    labeller.undo()
    assert not path.read_bytes()
    labeller.label("form")
    labeller.label("wrong")
    labeller.undo()
    assert labeller.current == ANSWERS[1]
    labeller.undo()
    assert labeller.current == ANSWERS[0]
    assert read_labels(path) == {}
    labeller.label("check")
    assert {label.kind for label in read_labels(path).values()} == {"check"}
    kinds = [json.loads(line)["kind"] for line in path.read_text().splitlines()]
    assert kinds == ["form", "form", "wrong", "", "", "", "check", "check"]


def test_a_later_pass_continues_and_another_person_may(path: Path) -> None:
    first = Labeller(ANSWERS, path, "ada")
    first.label("form")
    first.close()
    with path.open("a") as file:
        file.write('{"evaluation": "dpo", "key": "b", "ki')  # torn by a lost connection
    second = Labeller(ANSWERS, path, "bob")
    assert second.current == ANSWERS[1]
    second.label("wrong")
    second.label("off_topic")
    assert second.current is None
    second.label("form")
    assert {key: label.by for (_, key), label in read_labels(path).items()} == {
        "a": "ada",
        "b": "bob",
        "c": "bob",
    }


def test_a_label_counts_for_a_model_that_gave_the_same_answer_later(path: Path) -> None:
    first = Labeller([FailedAnswer("Do a.", "wrong", (("base", "a"),))], path, "ada")
    first.label("form")
    first.close()
    second = Labeller(ANSWERS, path, "bob")
    assert second.current == ANSWERS[1]
    assert read_labels(path)["sft", "a"].kind == "form"
