"""Loose variants: remarks around an answer are dropped, parts of an answer are not."""

import pytest

from phases.verifiers.loose import make_loose_variants
from phases.verifiers.registry import Check, find_failures, follows

THREE = [Check("items", {"count": 3, "allowed": ["Mars", "Venus", "Earth", "Saturn"]})]
ASKED = "Name three planets. Write only their names."


@pytest.mark.parametrize(
    "answer",
    [
        "Sure! Here are three planets:\nMars\nVenus\nEarth",
        "Sure! Here are three planets: Mars, Venus, Earth",
        "Certainly.\n\n1. Mars\n2. Venus\n3. Earth\n\nI hope this helps!",
        "Planets of ours\n- Mars\n- Venus\n- Earth\nThat was easy",
        "*Mars*, *Venus*, *Earth*",
        "```\nMars\nVenus\nEarth\n```",
        "Answer: Mars, Venus, Earth",
        "Mars, Venus, Earth\nLet me know if you need more.",
        "Mars, Venus, Earth. Hope that helps!",
        "## Answer\n\nMars, Venus, Earth",
        "**Here they are:**\nMars, Venus, Earth\n\nThank you!",
        "Sure, I'd be happy to help! Mars, Venus, Earth",
        "__Mars__, `Venus`, Earth",
        "> Mars, Venus, Earth",
        "- Mars, Venus, Earth",
        "Mars, Venus, Earth \U0001f30d",
        "Three planets: Mars, Venus, Earth",
        "---\nMars, Venus, Earth\n---\n\nWould you like to know more?",
        "Mars, Venus, Earth\n\n*(I left out the dwarf planets.)*",
        "Happy to explain!\nMars, Venus, Earth",
        "How about these?\nMars, Venus, Earth",
        "That's an easy one!\nMars, Venus, Earth",
    ],
)
def test_remarks_and_emphasis_are_forgiven_loosely(answer: str) -> None:
    assert follows(ASKED, THREE, answer, loose=True)


@pytest.mark.parametrize(
    "answer",
    [
        "Mars\nVenus\nEarth\nSaturn",
        "1. Mars\n2. Venus\n3. Earth\n4. Saturn",
        "Sure! Here are three planets:\nMars\nVenus",
        "Mars, Venus, Pluto",
        "Mars\nVenus\nEarth\nHello",
        "## Mars, Venus, Earth, Saturn",
        "Mars, Venus\n\n(and Earth)",
        "",
        "Sure!",
    ],
)
def test_nothing_that_belongs_to_the_answer_is_dropped(answer: str) -> None:
    assert not follows(ASKED, THREE, answer, loose=True)


def test_a_loose_failure_names_the_checks_that_fail_as_written() -> None:
    assert find_failures(ASKED, THREE, "Sure! Mars and Venus", loose=True) == ("items",)


def test_one_variant_must_pass_all_checks() -> None:
    # The first line has no list, and without it nothing begins with "Sure".
    checks = [*THREE, Check("starts_with", {"text": "Sure"})]
    assert not follows(ASKED, checks, "Sure! Here they are:\n1. Mars\n2. Venus\n3. Moon", loose=True)


def test_variants_are_distinct_and_never_blank() -> None:
    for text in ("Sure!\nSure!", "Here it is:\n\nHere it is:", "**", "Here:\n\nParis."):
        variants = make_loose_variants(text)
        assert len(set(variants)) == len(variants)
        assert all(variant.strip() for variant in variants)


YES = [Check("yes_no", {"answer": "yes"})]
NO = [Check("yes_no", {"answer": "no"})]


@pytest.mark.parametrize(
    ("checks", "answer", "is_accepted"),
    [
        (YES, "The answer is yes.", True),
        (YES, "Yes, it is.", False),
        (NO, "No, a whale isn't a fish.", False),
        (YES, "Yes, but I doubt it.", False),
        (YES, "Yes, because it has no other divisors.", False),
        (YES, "Yes, it is not.", False),
        (NO, "No. It is a fish.", False),
        (YES, "Yes, I think so", False),
        ([Check("number", {"value": 24, "at_most_words": 1})], "The final number is 24.", True),
        ([Check("number", {"value": 24, "at_most_words": 1})], "The final number is not 24.", False),
        ([Check("number", {"value": 24, "at_most_words": 1})], "The final number is 24 or 25.", False),
        ([Check("equals", {"text": "POTS"})], "The result is POTS", True),
        ([Check("equals", {"text": "POTS"})], "The result is STOP", False),
        ([Check("equals", {"text": "POTS"})], '"POTS" is what you get.', True),
        ([Check("equals", {"text": "POTS"})], '"STOP" is what you get.', False),
        ([Check("one_of", {"answers": ["gold"]})], "Gold.\n\nIt means that looks deceive.", True),
        ([Check("one_of", {"answers": ["gold"]})], "Gold.\n\nSilver.", False),
    ],
)
def test_a_sentence_that_only_states_the_answer_is_forgiven_loosely(
    checks: list[Check], answer: str, is_accepted: bool
) -> None:
    asked = "Reply with the answer only."
    assert not follows(asked, checks, answer)
    assert follows(asked, checks, answer, loose=True) == is_accepted


@pytest.mark.parametrize(
    ("answer", "is_accepted"),
    [
        ("The old stone bridge crosses the river", True),
        ("The bridge is old. It crosses the river", False),
        ("A bridge over the wide river", False),
        ("The bridge crosses", False),
    ],
)
def test_a_missing_full_stop_is_forgiven_loosely(answer: str, is_accepted: bool) -> None:
    checks = [Check("sentences", {"at_least": 1, "at_most": 1}), Check("verbs")]
    assert not follows("Write one sentence about a bridge.", checks, answer)
    assert follows("Write one sentence about a bridge.", checks, answer, loose=True) == is_accepted


@pytest.mark.parametrize(
    ("answer", "is_sentence"),
    [
        ("Me encanta el ceviche con mucho limón", True),
        ("Il mio amico è un ragazzo timido con i capelli rossi", True),
        ("Me encanta mucho el ceviche con el", False),
        ("Taxi hotel radio banana pizza", False),
    ],
)
def test_a_sentence_in_another_language_may_lack_its_full_stop(answer: str, is_sentence: bool) -> None:
    checks = [Check("sentences", {"at_least": 1, "at_most": 1})]
    assert not follows("Write a sentence.", checks, answer)
    assert follows("Write a sentence.", checks, answer, loose=True) is is_sentence


@pytest.mark.parametrize("courtesy", ["Gerne!", "Bien sûr !", "Claro que sí:", "Certo!", "Easy one!"])
def test_a_courtesy_may_be_in_the_language_of_the_answer(courtesy: str) -> None:
    asked = "Say this in German: I have two brothers."
    checks = [Check("short_answer", {"answers": ["Ich habe zwei Brüder."]})]
    assert follows(asked, checks, f"{courtesy}\n„Ich habe zwei Brüder.“", loose=True)
    assert not follows(asked, checks, f"{courtesy}\n„Ich habe zwei Schwestern.“", loose=True)
