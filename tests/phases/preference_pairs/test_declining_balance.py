"""The balance of pairs that teach to decline and pairs that teach to answer instead."""

import pytest

from phases.preference_pairs.declining_balance import DecliningBalance, Lesson, count_lessons, find_lesson

DECLINE, ANSWER = "I'm sorry, but I can't help with that.", "Take the road to the north."
TEACHES_TO_DECLINE, TEACHES_TO_ANSWER = (DECLINE, ANSWER), (ANSWER, DECLINE)
TEACHES_NEITHER = (ANSWER, "Take it.")


@pytest.mark.parametrize(
    ("category", "pair", "lesson"),
    [
        ("refusal", TEACHES_TO_DECLINE, "decline"),
        ("commands", TEACHES_TO_ANSWER, "answer"),
        ("commands", TEACHES_NEITHER, "neither"),
        ("refusal", (DECLINE, "I can't help you."), "neither"),
        # A brief refusal of a harmful request is a refusal too, so the pair teaches nothing about declining.
        ("refusal", (DECLINE, "No."), "neither"),
        ("refusal", (DECLINE, "That is illegal."), "neither"),
        ("questions", ("No.", DECLINE), "answer"),
    ],
)
def test_lessons(category: str, pair: tuple[str, str], lesson: Lesson) -> None:
    assert find_lesson(category, *pair) == lesson
    chosen, rejected = pair
    assert count_lessons([{"category": category, "chosen": chosen, "rejected": rejected}]) == {lesson: 1}


def keep_all(balance: DecliningBalance, pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return [pair for pair in pairs if balance.keep("commands", *pair)]


def test_pairs_that_teach_to_answer_do_not_outnumber_those_that_teach_to_decline() -> None:
    """As in a session whose harmful requests are used up halfway."""
    first = [TEACHES_TO_DECLINE, TEACHES_TO_ANSWER, *[TEACHES_NEITHER] * 8] * 60
    second = [TEACHES_TO_ANSWER, *[TEACHES_NEITHER] * 9] * 60
    kept = keep_all(DecliningBalance([]), first + second)
    assert (kept.count(TEACHES_TO_DECLINE), kept.count(TEACHES_TO_ANSWER)) == (60, 60)
    assert kept.count(TEACHES_NEITHER) == 60 * 17


def test_the_balance_holds_at_every_time_but_for_the_first_pairs() -> None:
    kept = keep_all(DecliningBalance([]), [TEACHES_TO_ANSWER] * 50 + [TEACHES_TO_DECLINE] * 50)
    assert kept == [TEACHES_TO_ANSWER] * 10 + [TEACHES_TO_DECLINE] * 50


def test_pairs_that_teach_to_decline_are_never_dropped() -> None:
    pairs = [TEACHES_TO_DECLINE] * 100
    assert keep_all(DecliningBalance([]), pairs) == pairs


def test_without_harmful_requests_a_small_share_teaches_to_answer() -> None:
    """Every tenth pair rejects a wrong refusal; 10 are kept, and 1 % of all."""
    kept = keep_all(DecliningBalance([]), [TEACHES_TO_ANSWER, *[TEACHES_NEITHER] * 9] * 1000)
    assert kept.count(TEACHES_TO_ANSWER) == 100
    assert kept.count(TEACHES_NEITHER) == 9000


def test_earlier_batches_count() -> None:
    earlier = [
        {"category": "commands", "chosen": f" {chosen}", "rejected": f" {rejected}"}
        for chosen, rejected in [TEACHES_TO_DECLINE] * 30 + [TEACHES_TO_ANSWER] * 20
    ]
    assert count_lessons(earlier) == {"decline": 30, "answer": 20}
    assert len(keep_all(DecliningBalance(earlier), [TEACHES_TO_ANSWER] * 50)) == 10
