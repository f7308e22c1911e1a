"""Decisions over candidates by verifiers, votes and the judge."""

import math
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phases.datagen.judge import JudgeScore
from phases.datagen.preferences import (
    Candidate,
    DecidedPair,
    check_candidates,
    choose_pairs_to_judge,
    classify_rejection,
    decide_by_judge,
    decide_without_judge,
)
from phases.generation.completion import Completion
from phases.scoring.ngrams import reduce_to_words


def found(
    instruction: str, *texts: str, finished: Sequence[bool] = (), category: str = "commands"
) -> list[Candidate]:
    ends = [*finished, *[True] * len(texts)]
    completions = [Completion(f" {text}", end, 3) for text, end in zip(texts, ends, strict=False)]
    return check_candidates(instruction, category, completions, list(range(len(texts))), max_words=50)


def choice(instruction: str, *texts: str, **rest: Any) -> DecidedPair:
    made = decide_without_judge(instruction, found(instruction, *texts, **rest))
    assert isinstance(made, DecidedPair)
    return made


# ---------------------------------------------------------------- the phase


def test_a_response_that_passes_wins_over_the_one_that_passes_least() -> None:
    made = choice("Name two animals, one on each line.", "dog\ncat", "dog, cat", "User: what?", "dog\ncow")
    assert made.chosen.text in {"dog\ncat", "dog\ncow"}
    assert made.rejected.problems
    assert made.rejected.score == min(made.rejected.score, made.chosen.score) < made.chosen.score == 1
    assert made.decided_by == "verifiers"
    assert 0 < made.margin <= 1


def test_of_answers_in_the_right_form_one_on_the_topic_is_taken() -> None:
    made = choice(
        "Describe a bee in exactly three words.", "It is red.", "long long", "Bees make honey", "A bee hums"
    )
    assert made.chosen.text == "A bee hums"


def test_one_way_to_decline_is_as_good_as_another() -> None:
    both = found(
        "How do I make a bomb?",
        "I'm sorry, but I can't help with that.",
        "I'm sorry, but I can't help with bombs.",
        category="refusal",
    )
    assert decide_without_judge("How do I make a bomb?", both) == "alike"


def test_what_only_says_nothing_new_is_no_good_candidate_and_no_worse_one() -> None:
    asked = "Why is ice solid?"
    same, other = found(asked, "Ice is solid.", "Water."), found(asked, "Ice is solid.", "Ice is.")
    assert same[0].problems == ("nothing new in response",)
    assert decide_without_judge(asked, same) == "alike"
    assert decide_without_judge(asked, other) == "no good candidate"


def test_lengths_are_matched_where_there_is_a_choice() -> None:
    made = choice(
        "Answer in exactly three words.", "one two four", "a b", "a much longer answer here", "x y z"
    )
    assert made.rejected.text == "a b"
    assert made.chosen.text == "x y z"


@pytest.mark.parametrize(
    ("texts", "outcome"),
    [
        (("Paris", "paris.", "Paris", "PARIS"), "alike"),
        (("", "User: what?", "", ""), "no good candidate"),
        (("Paris", "Rome", "Lima", "Oslo"), None),
        (("Paris", "Paris", "Rome", "Rome"), None),
        (("Paris", "Paris", "Rome", "Oslo"), None),
        (("Paris", "Paris", "Paris", "Rome", "Rome", "Oslo"), None),  # three of six is no majority
    ],
)
def test_what_is_left_to_the_judge(texts: tuple[str, ...], outcome: str | None) -> None:
    assert (
        decide_without_judge(
            "What is the capital of France?", found("What is the capital of France?", *texts)
        )
        == outcome
    )


def test_a_short_answer_that_most_agree_on_wins_over_one_that_stands_alone() -> None:
    made = choice("What is the capital of France?", "Paris", "Rome", "Paris.", "paris")
    assert (made.chosen.text, made.rejected.text, made.decided_by) == ("Paris", "Rome", "votes")
    assert made.margin == 0.5
    assert (
        decide_without_judge("Say it.", found("Say it.", "Paris", "Rome", "Paris", "Paris"), min_lead=0)
        is None
    )
    assert (
        decide_without_judge("Say it.", found("Say it.", "Paris", "Rome", "Paris", "Paris"), min_lead=3)
        is None
    )
    long = ["I think that it must be the town of Paris"] * 3
    assert (
        decide_without_judge("Say it.", found("Say it.", *long, "It is certainly the old town of Rome"))
        is None
    )


@pytest.mark.parametrize(
    ("instruction", "chosen", "rejected", "finished", "category", "kind"),
    [
        ("Name a city.", "Rome", "Rome and then the other", False, "commands", "incomplete"),
        ("Name a city.", "Rome", "", True, "commands", "incomplete"),
        ("Name a city.", "Rome", "I'm sorry, but I can't help with that.", True, "commands", "refusal"),
        ("Rob a bank.", "I'm sorry, but I can't help with that.", "Take a mask.", True, "refusal", "refusal"),
        (
            "Name two cities as a JSON list.",
            '["Rome", "Oslo"]',
            "Rome, Oslo",
            True,
            "format",
            "format_violation",
        ),
        ("Name a city.", "Rome", "Name a city. Name a town.", True, "commands", "off_topic"),
    ],
)
def test_rejection_types_of_what_verifiers_reject(  # noqa: PLR0917
    instruction: str, chosen: str, rejected: str, finished: bool, category: str, kind: str
) -> None:
    made = choice(instruction, chosen, rejected, finished=(True, finished), category=category)
    assert (made.chosen.text, made.rejected.text, made.rejection) == (chosen, rejected, kind)


def test_rejection_types_of_what_passes_all_verifiers() -> None:
    good, wrong, other = found(
        "Why is the sky blue?",
        "The sky is blue because air scatters blue light.",
        "The sky is blue because the sea paints it.",
        "My aunt sold three wooden chairs yesterday.",
    )
    assert classify_rejection("Why is the sky blue?", good, wrong) == "hallucination"
    assert classify_rejection("Why is the sky blue?", good, other) == "off_topic"


texts = st.sampled_from(["Rome", "rome.", "Oslo", "", "User: x", "a b c d e f", "Rome Rome", "I can't help."])


@given(st.lists(st.tuples(texts, st.booleans()), min_size=2, max_size=6))
def test_a_decision_always_prefers_a_good_response_to_another(many: list[tuple[str, bool]]) -> None:
    some = found("Name a city.", *(text for text, _ in many), finished=[end for _, end in many])
    made = decide_without_judge("Name a city.", some)
    if isinstance(made, DecidedPair):
        assert not made.chosen.problems
        assert made.chosen.finished
        assert 0 < made.margin <= 1
        assert (
            reduce_to_words(made.chosen.text) != reduce_to_words(made.rejected.text)
            or not made.rejected.finished
        )
        assert made.decided_by == ("verifiers" if made.rejected.problems else "votes")
    elif made == "no good candidate":
        assert all(candidate.problems for candidate in some)
    elif made is None:
        assert len(choose_pairs_to_judge(some, 3)) >= 1


# ---------------------------------------------------------------- the phase


def test_the_judge_takes_the_best_against_the_worst() -> None:
    a, b, c = found("Say something true.", "first answer", "second answer", "third answer")
    pairs = choose_pairs_to_judge([a, b, c], max_candidates=3)
    preference = {("first answer", "second answer"): 1.0, ("first answer", "third answer"): 3.0}
    judgements = [
        JudgeScore(*[preference.get((x.text, y.text), 0.0) or (1.5 if x is b else 0.0)] * 2) for x, y in pairs
    ]
    made = decide_by_judge("Say something true.", pairs, judgements, min_margin=0.1)
    assert isinstance(made, DecidedPair)
    assert (made.chosen.text, made.rejected.text) == ("first answer", "third answer")
    assert made.margin == pytest.approx(math.tanh(1.5))
    assert decide_by_judge("Say something true.", pairs, judgements, min_margin=0.95) == "tie"
    assert decide_by_judge("Say something true.", pairs, [JudgeScore(4, -1)] * 3, min_margin=0) == "tie"
