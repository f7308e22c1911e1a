"""The failed answers of a session: which are labelled, and that they do not reveal their model."""

import itertools
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from app.labelling import failed_answers
from app.labelling.failed_answers import LabelError, load_failed_answers
from phases.contract import labels
from phases.contract.files import hash_path

FIXTURE = Path(__file__).parents[1] / "fixtures" / "before_redesign" / "rehearsal"
MODELS = ("base", "sft", "dpo")


@pytest.fixture
def session(tmp_path: Path) -> Path:
    """A finished session whose evaluations were recorded before answers had readings."""
    outputs = tmp_path / "artifacts"
    shutil.copytree(FIXTURE, outputs)
    [info] = outputs.glob("sessions/*/session.json")
    return info.parent


def find_evaluation(session: Path, model: str) -> Path:
    [path] = session.parent.parent.glob(f"evaluations/{model}_model/eval_*.json")
    return path


def record_evaluation(session: Path, model: str, results: list[dict[str, Any]]) -> str:
    """Replace a model's evaluation and its record; return the new hash."""
    path = find_evaluation(session, model)
    before = hash_path(path)
    record = json.loads(path.read_bytes())
    path.write_text(json.dumps(record | {"results": results}))
    for result in session.glob("attempts/*/*/result.json"):
        result.write_text(result.read_text().replace(before, hash_path(path)))
    return hash_path(path)


def make_row(key: str, response: str, **more: Any) -> dict[str, Any]:
    row = {"key": key, "category": "x", "instruction": f"Do {key}.", "response": response, "finished": True}
    return row | {"passed": False, "failures": ["one_of"], "follows": False} | more


def count_by_model(session: Path, answers: Mapping[str, Any] | Any) -> dict[str, int]:
    hashes = {hash_path(find_evaluation(session, model)): model for model in MODELS}
    ids = [hashes[sha256] for answer in answers for sha256, _ in answer.ids]
    return {model: ids.count(model) for model in MODELS}


def test_all_failures_are_there_if_fewer_fail_than_are_needed(session: Path) -> None:
    failed = {}
    for model in MODELS:
        rows = json.loads(find_evaluation(session, model).read_bytes())["results"]
        failed[model] = sum(not set(row["failures"]) <= {"went_on"} for row in rows)
    assert max(failed.values()) < labels.REQUIRED_LABELS
    answers = load_failed_answers(session)
    assert count_by_model(session, answers) == failed
    # An answer that several models gave is labelled once.
    assert len(answers) < sum(failed.values())


def test_the_order_mixes_the_models(session: Path) -> None:
    for number, model in enumerate(MODELS):
        record_evaluation(session, model, [make_row(f"k{n}", f"answer {number} {n}") for n in range(30)])
    order = [answer.ids[0][0] for answer in load_failed_answers(session)]
    runs = sum(first != second for first, second in itertools.pairwise(order))
    assert len(order) == 90
    assert runs > 40


def test_no_more_are_chosen_than_are_needed(session: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(labels, "REQUIRED_LABELS", 7)
    for number, model in enumerate(MODELS):
        record_evaluation(session, model, [make_row(f"k{n}", f"answer {number} {n}") for n in range(30)])
    assert count_by_model(session, load_failed_answers(session)) == dict.fromkeys(MODELS, 7)


def test_the_answer_ends_before_the_next_turn(session: Path) -> None:
    """The text after the answer would reveal a model that does not stop."""
    rambling = "Rome\nQuestion: What is the capital of Spain?\nAnswer: Madrid"
    for model, response in (("base", rambling), ("sft", " Rome"), ("dpo", "Oslo")):
        record_evaluation(session, model, [make_row("k", response)])
    answers = load_failed_answers(session)
    assert sorted((answer.answer, len(answer.ids)) for answer in answers) == [("Oslo", 1), ("Rome", 2)]


def test_followed_answers_are_left_out_however_they_ended(session: Path) -> None:
    rows = [
        make_row("a", "right", follows=True, failures=["went_on"]),
        make_row("b", "right", follows=None, failures=["went_on"]),
        make_row("c", "wrong", follows=None, failures=["went_on", "one_of"]),
    ]
    for model in MODELS:
        record_evaluation(session, model, rows)
    [answer] = load_failed_answers(session)
    assert (answer.instruction, len(answer.ids)) == ("Do c.", 3)


def test_nothing_to_label_is_one_message(session: Path) -> None:
    for model in MODELS:
        record_evaluation(session, model, [make_row("a", "right", follows=True, failures=[])])
    with pytest.raises(LabelError, match="no answer failed"):
        load_failed_answers(session)


def test_an_evaluation_that_changed_is_named(session: Path) -> None:
    with find_evaluation(session, "sft").open("a") as file:
        file.write(" ")
    with pytest.raises(LabelError, match=r"sft_model/eval_.*expected this evaluation, unchanged"):
        load_failed_answers(session)


def test_a_session_without_evaluations_says_when_to_label(session: Path) -> None:
    for result in session.glob("attempts/*/*/result.json"):
        result.unlink()
    with pytest.raises(LabelError, match="run `gonogo label` after the evaluations"):
        load_failed_answers(session)


def test_a_folder_that_is_not_a_session_is_named(tmp_path: Path) -> None:
    with pytest.raises(LabelError, match="expected the folder of a session"):
        failed_answers.load_failed_answers(tmp_path)
