"""Judged answers: following by a reading, and stopping."""

import pytest

from phases.evaluation.judging import check_answer
from phases.generation.completion import Completion
from phases.scoring.suite import Prompt, load_halves
from phases.verifiers.registry import Check

CAPITAL = Prompt(
    "k", "questions", "What is the capital of France?", (Check("short_answer", {"answers": ["Paris"]}),)
)
LABELS = Prompt("k", "format", "Write a riddle.", (Check("words", {"at_least": 5}),))


@pytest.mark.parametrize(
    ("completion", "expected"),
    [
        # text, finished, stopped -> follows, stops, passes
        ((" Paris", True, False), (True, True, True)),
        ((" Paris", True, True), (True, False, False)),
        ((" Paris", False, False), (True, False, False)),
        ((" Rome", True, False), (False, True, False)),
        ((" Rome", True, True), (False, False, False)),
        ((" Rome and then", False, False), (False, False, False)),
        (
            (" Paris\n\nQuestion: What is the capital of Spain?\nAnswer: Mad", False, False),
            (True, False, False),
        ),
        ((" Paris\n### Instruction:\nName a river", False, False), (True, False, False)),
        ((" Paris\nHuman: thanks\nAssistant: welcome", True, False), (True, False, False)),
        (("\n\nParis\n\nFrance is a country in Europe. It has", False, False), (True, False, False)),
        (("Paris\n\nBananas are yellow and sweet.", True, False), (True, False, False)),
        (("Rome\nQuestion: Is it Paris?\nAnswer: Paris", True, False), (False, False, False)),
        (("Question: What?\nAnswer: Paris", True, False), (False, False, False)),
        (("I will not say.\n\nParis", True, False), (False, True, False)),
        ((" Paris<|im_end|>\n<|im_start|>user", False, False), (True, False, False)),
        (("", True, False), (False, True, False)),
    ],
)
def test_an_output_is_judged_by_two_readings(
    completion: tuple[str, bool, bool], expected: tuple[bool, bool, bool]
) -> None:
    text, finished, stopped = completion
    answer = check_answer(CAPITAL, Completion(text, finished, 9, stopped=stopped))
    assert (answer.is_following, answer.is_stopping, answer.passed) == expected
    assert answer.passed == (answer.is_following and answer.is_stopping)


def test_labels_without_which_the_answer_fails_belong_to_it() -> None:
    riddle = "Question: What barks?\nAnswer: A dog"
    answer = check_answer(LABELS, Completion(riddle, True, 9))
    assert (answer.passed, answer.failures) == (True, ())
    cut_off = check_answer(LABELS, Completion(riddle, False, 9))
    assert not cut_off.is_following


def test_failures_name_how_the_output_ended() -> None:
    went_on = check_answer(CAPITAL, Completion(" Rome\nUser: no", True, 9))
    assert went_on.failures[0] == "went_on"
    cut_off = check_answer(CAPITAL, Completion(" Paris\nUser: no", False, 9))
    assert set(cut_off.failures[:2]) == {"went_on", "unfinished"}


@pytest.mark.parametrize("name", ["stage1", "embedded"])
def test_readings_agree_with_the_answers_of_the_suites(name: str) -> None:
    """A right answer follows even if it is cut off after it; no reading makes a wrong one right."""
    disagreements = [
        (prompt.key, text)
        for half in load_halves(name)
        for prompt in half.prompts
        for texts, is_right in ((prompt.correct, True), (prompt.wrong, False))
        for text in texts
        if check_answer(prompt, Completion(f" {text}", False, 9)).is_following != is_right
    ]
    assert disagreements == []
