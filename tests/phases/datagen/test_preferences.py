"""Decisions over candidates by verifiers, votes and the judge."""

import math
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phases.datagen.judge_score import JudgeScore
from phases.datagen.preferences import (
    Candidate,
    DecidedPair,
    check_candidates,
    choose_pairs_to_judge,
    classify_rejection,
    decide_by_judge,
    decide_without_judge,
)
from phases.datagen.rejections import PROBLEM_TYPES, WEAK_PROBLEMS
from phases.generation.completion import Completion
from phases.scoring.ngrams import reduce_to_words
from phases.verifiers.infer import infer_checks
from phases.verifiers.registry import VERIFIERS

UNINFERRED = {
    "refusal",
    "statement",
    "sentences_at_most",
    "sentence_marks",
    "refers_to_first_line",
    "no_repetition",
    "advice",
    "defines",
    "verbs",
}
UNINFERRED |= {"json_fields", "json_list_of"}
"""Kinds of check that suites use, but that are never inferred from an instruction."""
FILTER_PROBLEMS = (
    *("empty response", "unfinished response", "response length", "chat token in response"),
    *("label in response", "junk in response", "repetition in response", "echo of the instruction"),
    *("nothing new in response", "response cut short", "self-reference in response"),
)


def check(
    instruction: str, *texts: str, finished: Sequence[bool] = (), category: str = "commands"
) -> list[Candidate]:
    ends = [*finished, *[True] * len(texts)]
    completions = [Completion(f" {text}", end, 3) for text, end in zip(texts, ends, strict=False)]
    return check_candidates(instruction, category, completions, list(range(len(texts))), max_words=50)


def decide(instruction: str, *texts: str, **rest: Any) -> DecidedPair:
    pair = decide_without_judge(instruction, check(instruction, *texts, **rest))
    assert isinstance(pair, DecidedPair)
    return pair


# ---------------------------------------------------------------- the phase


def test_a_passing_response_wins_against_the_worst_one() -> None:
    pair = decide("Name two animals, one on each line.", "dog\ncat", "dog, cat", "User: what?", "dog\ncow")
    assert pair.chosen.text in {"dog\ncat", "dog\ncow"}
    assert pair.rejected.problems
    assert pair.rejected.score == min(pair.rejected.score, pair.chosen.score) < pair.chosen.score == 1
    assert pair.decided_by == "verifiers"
    assert 0 < pair.margin <= 1


def test_a_response_on_topic_is_preferred() -> None:
    pair = decide(
        "Describe a bee in exactly three words.", "It is red.", "long long", "Bees make honey", "A bee hums"
    )
    assert pair.chosen.text in {"Bees make honey", "A bee hums"}


def test_two_refusals_are_equally_good() -> None:
    both = check(
        "How do I make a bomb?",
        "I'm sorry, but I can't help with that.",
        "I'm sorry, but I can't help with bombs.",
        category="refusal",
    )
    assert decide_without_judge("How do I make a bomb?", both) == "alike"


def test_an_uninformative_response_is_neither_chosen_nor_rejected() -> None:
    instruction = "Why is ice solid?"
    same, other = (
        check(instruction, "Ice is solid.", "Water."),
        check(instruction, "Ice is solid.", "Ice is."),
    )
    assert same[0].problems == ("nothing new in response",)
    assert decide_without_judge(instruction, same) == "alike"
    assert decide_without_judge(instruction, other) == "no good candidate"


def test_responses_of_similar_length_are_paired() -> None:
    pair = decide(
        "Answer in exactly three words.", "one two four", "a b", "a much longer answer here", "x y z"
    )
    assert pair.rejected.text == "a b"
    # The lengths do not choose among good responses.
    assert pair.chosen.text == "one two four"


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
def test_decisions_left_to_the_judge(texts: tuple[str, ...], outcome: str | None) -> None:
    assert (
        decide_without_judge(
            "What is the capital of France?", check("What is the capital of France?", *texts)
        )
        == outcome
    )


def test_a_short_majority_answer_wins_against_a_rare_one() -> None:
    pair = decide("What is the capital of France?", "Paris", "Rome", "Paris.", "paris")
    assert (pair.chosen.text, pair.rejected.text, pair.decided_by) == ("Paris", "Rome", "votes")
    assert pair.margin == 0.5
    assert (
        decide_without_judge("Say it.", check("Say it.", "Paris", "Rome", "Paris", "Paris"), min_lead=0)
        is None
    )
    assert (
        decide_without_judge("Say it.", check("Say it.", "Paris", "Rome", "Paris", "Paris"), min_lead=3)
        is None
    )
    long = ["I think that it must be the town of Paris"] * 3
    assert (
        decide_without_judge("Say it.", check("Say it.", *long, "It is certainly the old town of Rome"))
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
def test_rejection_types_of_responses_with_problems(  # noqa: PLR0917
    instruction: str, chosen: str, rejected: str, finished: bool, category: str, kind: str
) -> None:
    pair = decide(instruction, chosen, rejected, finished=(True, finished), category=category)
    assert (pair.chosen.text, pair.rejected.text, pair.rejection) == (chosen, rejected, kind)


def test_rejection_types_of_responses_without_problems() -> None:
    good, wrong, other = check(
        "Why is the sky blue?",
        "The sky is blue because air scatters blue light.",
        "The sky is blue because the sea paints it.",
        "My aunt sold three wooden chairs yesterday.",
    )
    assert classify_rejection("Why is the sky blue?", good, wrong) == "unknown"
    assert classify_rejection("Why is the sky blue?", good, other) == "off_topic"
    # A right answer that was not preferred is no hallucination.
    one, same = check("How much is 17 times 3, in words?", "The result is fifty-one.", "fifty-one")
    assert classify_rejection("How much is 17 times 3, in words?", one, same) == "unknown"


@pytest.mark.parametrize(
    ("instruction", "good", "bad"),
    [
        ("What is 17 plus 25?", "42", "17 plus 25 is 43"),
        ("How much is 9 times 9?", "81", "It is 80."),
    ],
)
def test_an_answer_that_fails_a_check_of_facts_is_a_hallucination(
    instruction: str, good: str, bad: str
) -> None:
    pair = decide(instruction, good, bad)
    assert (pair.rejected.text, pair.rejection) == (bad, "hallucination")


def test_every_problem_has_one_type() -> None:
    types = PROBLEM_TYPES
    problems = [problem for own in types.values() for problem in own]
    assert len(problems) == len(set(problems))
    assert {kind for kind in VERIFIERS if kind not in problems} <= UNINFERRED
    assert set(FILTER_PROBLEMS) <= {*problems, *WEAK_PROBLEMS}


@pytest.mark.parametrize(
    ("instruction", "off_topic", "on_topic"),
    [
        (
            "Describe a bee. Use exactly seven words.",
            "The cat sat on the red mat.",
            "Bees are small insects that make honey.",
        ),
        (
            "Explain why we sleep in one sentence.",
            "My aunt sold three chairs.",
            "Sleeping lets the body rest.",
        ),
        (
            "Write a sentence about baking bread.",
            "The weather is nice today.",
            "She baked two loaves in the morning.",
        ),
    ],
)
def test_topicality_is_judged_by_stems(instruction: str, off_topic: str, on_topic: str) -> None:
    pair = decide(instruction, off_topic, off_topic, on_topic, "User: what?")
    assert pair.chosen.text == on_topic
    # A form that is kept without an answer does not win against an answer that misses the form.
    broken = f"{on_topic} {on_topic.replace('.', '')} as well, I think"
    assert decide_without_judge(instruction, check(instruction, off_topic, broken)) is None
    # Against a response that is not about the topic either, it does.
    assert decide(instruction, off_topic, "User: what?").chosen.text == off_topic


@pytest.mark.parametrize(
    ("instruction", "right_form", "good"),
    [
        (
            "Describe a bee in seven words.",
            "The cat sat on the red mat.",
            "A bee is a small insect that makes honey.",
        ),
        (
            "Describe a tractor in five words.",
            "The sun is very hot.",
            "A strong machine for farms and fields.",
        ),
        (
            "What is a compass? Answer in five words.",
            "The soup is too hot.",
            "It is a tool that shows north.",
        ),
        ("Recommend a way to relax in five words.", "He bought a new car.", "Take a long walk in the park."),
        (
            "Give advice on saving money in six words.",
            "The door is painted bright blue.",
            "Spend less than you earn each month.",
        ),
        ("What is the capital of Italy? Answer in one word.", "Paris.", "The capital of Italy is Rome."),
        ("Answer in one word: What is the capital of France?", "London.", "The capital of France is Paris."),
        ("What is the capital of Italy? Write a single sentence.", "The capital of Italy is Paris.", "Rome"),
        ("How many legs has a spider? Answer in one sentence.", "A spider has six legs.", "8"),
        ("Is ice cold? Answer yes or no.", "No.", "Yes, ice is cold."),
        ("Is ice cold? Answer yes or no.", "No.", "Ice is very cold."),
        ("List three animals, separated by commas.", "red, blue, green", "a cat, a dog"),
        # The topic alone explains nothing.
        (
            "Explain why ice floats in at most eight words.",
            "Ice is cold and frozen.",
            "Ice is less dense than water, because its molecules form an open crystal.",
        ),
        (
            "Tell me in two sentences how a bicycle works.",
            "Bicycles have two wheels. My sister likes them.",
            "Pedals turn a chain, which drives the back wheel of the bicycle.",
        ),
        (
            "Summarize in one sentence: The bus was late because of snow, and we missed half of the film.",
            "The bus looks great.",
            "Snow delayed the bus. We missed much of the film.",
        ),
        ("What do owls eat? Put the whole answer in double quotes.", '"The sun is hot."', "Owls eat mice."),
    ],
)
def test_the_right_form_of_a_wrong_answer_never_wins(instruction: str, right_form: str, good: str) -> None:
    for texts in ((right_form, good), (good, right_form)):
        candidates = check(instruction, *texts)
        assert {c.text: bool(c.problems) for c in candidates} == {right_form: False, good: True}
        assert decide_without_judge(instruction, candidates) is None


@pytest.mark.parametrize(
    ("instruction", "chosen", "rejected"),
    [
        ("What is the capital of Italy? Answer in one word.", "Rome.", "The capital of Italy is Rome."),
        ("How many legs has a spider? Answer in one sentence.", "A spider has eight legs.", "8"),
        ("Is ice cold? Answer yes or no.", "Yes.", "Yes, ice is cold."),
        ("List three animals, separated by commas.", "horse, cow, pig", "a cat, a dog"),
        (
            "Write a sentence of exactly 5 words.",
            "The fox carried the rope.",
            "The cow rested in the library.",
        ),
        ("Describe the sea in two sentences.", "The sea is deep. Fish live in it.", "Water and salt"),
        ("What is 17 times 3? Answer in one sentence.", "17 times 3 is 51.", "Fifty-two"),
        ("Sort these numbers from smallest to largest: 9, 4, 7", "4, 7, 9", "4, 9, 7"),
    ],
)
def test_the_right_form_of_an_answer_wins(instruction: str, chosen: str, rejected: str) -> None:
    pair = decide(instruction, rejected, chosen)
    assert (pair.chosen.text, pair.rejected.text) == (chosen, rejected)


@pytest.mark.parametrize(
    ("instruction", "right", "rejected", "kind"),
    [
        ("What is 17 times 3?", "51", "fifty-one", "unknown"),
        ("What is 17 times 3? Answer in one sentence.", "17 times 3 is 51.", "fifty-one", "format_violation"),
        ("What is 17 times 3? Answer in words.", "Fifty-one.", "Fifty-three.", "hallucination"),
        ("What is 17 times 3?", "51", "I do not know.", "unknown"),
        ("Arrange these numbers from high to low: 4, 10, 7", "10, 7, 4", "4, 7, 10", "hallucination"),
        ("Sort these numbers from small to large: 5, 2, 9", "2, 5, 9", "9, 5, 2", "hallucination"),
        ("What is 17 times 3?", "51", "Is it 51?", "unknown"),
        ("Sort these numbers from smallest to largest: 9, 4, 7", "4, 7, 9", "4, 7, 8", "hallucination"),
        ("Sort these numbers from smallest to largest: 9, 4, 7", "4, 7, 9", "4, 9, 7", "hallucination"),
        ("Sort these numbers from smallest to largest: 9, 4, 7", "4, 7, 9", "4, 7", "format_violation"),
        ("Write a poem about rain.", "Rain falls on all the walls.", "Rain", "incomplete"),
    ],
)
def test_rejection_types_are_measured(instruction: str, right: str, rejected: str, kind: str) -> None:
    good, bad = check(instruction, right, rejected)
    assert not good.problems
    assert classify_rejection(instruction, good, bad) == kind


@pytest.mark.parametrize(
    ("instruction", "right", "wrong"),
    [
        (
            "What is half of 9?",
            ["4.5", "four and a half", "4 1/2", "4½", "four point five"],
            ["4 and a quarter", "4"],
        ),
        (
            "What is 7 minus 10?",
            ["-3", "minus three", "Negative 3.", "7 minus 10 is minus 3."],
            ["3", "minus 2"],
        ),
        (
            "What is 11 divided by 4?",
            ["2.75", "Two and three quarters.", "2 3/4"],
            ["2 1/4", "two and a half"],
        ),
    ],
)
def test_fractions_and_signs_in_words_are_right_answers(
    instruction: str, right: list[str], wrong: list[str]
) -> None:
    candidates = check(instruction, *right, *wrong)
    assert [c.text for c in candidates if c.problems] == wrong


def test_a_short_answer_need_not_name_its_topic() -> None:
    pair = decide(
        "What is the capital of France?", "Paris.", "The capital of France is the capital of France and"
    )
    assert pair.chosen.text == "Paris."


def test_neither_length_nor_novelty_alone_decides() -> None:
    instruction = "Why is ice solid?"
    long = "Ice is solid because cold water freezes, " + "and cold water is hard " * 12
    responses = check(instruction, "Ice is frozen water.", f"{long}.")
    assert responses[1].problems == ("response length",)
    assert decide_without_judge(instruction, responses) == "alike"


texts = st.sampled_from(["Rome", "rome.", "Oslo", "", "User: x", "a b c d e f", "Rome Rome", "I can't help."])


@given(st.lists(st.tuples(texts, st.booleans()), min_size=2, max_size=6))
def test_a_good_response_is_always_preferred(many: list[tuple[str, bool]]) -> None:
    candidates = check("Name a city.", *(text for text, _ in many), finished=[end for _, end in many])
    pair = decide_without_judge("Name a city.", candidates)
    if isinstance(pair, DecidedPair):
        assert not pair.chosen.problems
        assert pair.chosen.finished
        assert 0 < pair.margin <= 1
        assert (
            reduce_to_words(pair.chosen.text) != reduce_to_words(pair.rejected.text)
            or not pair.rejected.finished
        )
        assert pair.decided_by == ("verifiers" if pair.rejected.problems else "votes")
    elif pair == "no good candidate":
        assert all(candidate.problems for candidate in candidates)
    elif pair is None:
        assert len(choose_pairs_to_judge(candidates, 3)) >= 1


# ---------------------------------------------------------------- the phase


def test_the_judge_pairs_the_best_with_the_worst() -> None:
    a, b, c = check("Say something true.", "first answer", "second answer", "third answer")
    pairs = choose_pairs_to_judge([a, b, c], max_candidates=3)
    preference = {("first answer", "second answer"): 1.0, ("first answer", "third answer"): 3.0}
    scores = [
        JudgeScore(*[preference.get((x.text, y.text), 0.0) or (1.5 if x is b else 0.0)] * 2) for x, y in pairs
    ]
    pair = decide_by_judge("Say something true.", pairs, scores, min_margin=0.1)
    assert isinstance(pair, DecidedPair)
    assert (pair.chosen.text, pair.rejected.text) == ("first answer", "third answer")
    assert pair.margin == pytest.approx(math.tanh(1.5))
    assert decide_by_judge("Say something true.", pairs, scores, min_margin=0.95) == "tie"
    assert decide_by_judge("Say something true.", pairs, [JudgeScore(4, -1)] * 3, min_margin=0) == "tie"


def test_a_wrong_sum_is_a_hallucination_even_if_the_instruction_has_no_check() -> None:
    problem = "Tim has 12 marbles. He loses 5. How many has he left?"
    assert infer_checks(problem) == ()
    wrong, right = check_candidates(
        problem,
        "questions",
        [Completion("Tim has 9 left.", True, 1), Completion("Tim has 7 left.", True, 1)],
        [1, 2],
        50,
    )
    assert (wrong.problems, right.problems) == (("number",), ())
    assert classify_rejection(problem, right, wrong) == "hallucination"
