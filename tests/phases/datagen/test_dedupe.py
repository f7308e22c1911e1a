"""Duplicates, near duplicates and overlap with an evaluation suite."""

import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phases.datagen.dedupe import (
    NEAR_DUPLICATE,
    NearDuplicates,
    SuiteOverlap,
    normalise,
    shingles,
    similarity,
    words,
)
from phases.scoring.suite import load_suite

LONG = "Write a short letter to your aunt and tell her about the garden behind the old house by the river."
texts = st.lists(
    st.sampled_from(["red", "cat", "ran", "home", "3", "+", "4", "past", "old", "mill"]),
    min_size=1,
    max_size=14,
).map(" ".join)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Name a fruit.", "name  a FRUIT", True),
        ("What is 3 + 4?", "What is 3 - 4?", False),
        ("What is 3 + 4?", "What is 3 + 5?", False),
        ("Say 'hi', please!", "say hi please", True),
        ("Où est-il ?", "où est il", True),
        ("yes-or-no", "yes or no", True),
        ("8 - 3", "8 3", False),
    ],
)
def test_normalise(one: str, other: str, same: bool) -> None:
    assert (normalise(one) == normalise(other)) is same


def test_near_duplicates_are_kept_out_and_variants_are_not() -> None:
    seen = NearDuplicates()
    assert seen.add(LONG)
    assert not seen.add(LONG.upper())
    assert not seen.add(LONG.replace("aunt", "uncle"))
    assert seen.add("Write a short letter to your teacher about a broken window.")
    assert seen.add("What is the capital of Spain?")
    assert seen.add("What is the capital of Italy?")
    assert len(seen) == 4


@given(st.lists(texts, max_size=25))
def test_kept_texts_are_unlike_and_dropped_ones_are_like_a_kept_one(many: list[str]) -> None:
    seen, kept = NearDuplicates(), []
    for text in many:
        grams = shingles(text)
        if seen.add(text):
            # MinHash may miss a text just above the threshold, never one far above it.
            assert all(similarity(grams, shingles(other)) < 0.95 for other in kept)
            kept.append(text)
        else:
            assert any(similarity(grams, shingles(other)) >= 0.7 for other in kept)


SUITE = SuiteOverlap(
    {
        "long": "Write three sentences about a lighthouse keeper who has lost the key to the tower",
        "short": "What is the capital of Peru?",
        "tiny": "Name a fruit.",
    }
)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("What is the capital of Peru?", "short"),
        ("what is the capital of peru", "short"),
        ("Please answer in one word: What is the capital of Peru?", "short"),
        ("Name a fruit", "tiny"),
        ("Write three sentences about a lighthouse keeper who has lost the key to the cellar.", "long"),
        (
            "Be brief. Write three sentences about a lighthouse keeper who has lost the key to the tower. "
            "Use simple words, do not use the word sea, and end with a question that the reader must answer.",
            "long",
        ),
    ],
)
def test_what_stands_in_the_suite_is_contaminated(text: str, key: str) -> None:
    nearest = SUITE.nearest(text)
    assert nearest is not None
    assert nearest.contaminated
    assert nearest.key == key


def test_a_prompt_with_a_word_more_or_less_is_found() -> None:
    prompts = ("How many months are in a year?", "Translate the English word 'cheese' into French.")
    overlap = SuiteOverlap({prompt: prompt for prompt in prompts})
    for text in ("How many months are there in a year?", "Translate the word 'cheese' into French."):
        nearest = overlap.nearest(text)
        assert nearest is not None
        assert nearest.contaminated
        assert nearest.similarity < NEAR_DUPLICATE
    for text in ("How many months are there in a good long year?", "Are months in a year how many?"):
        nearest = overlap.nearest(text)
        assert nearest is None or not nearest.contaminated


DISGUISES: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "another case": str.swapcase,
    "no punctuation": lambda text: re.sub(r"(?![+*/=<>%^|-])[^\w\s]|-(?!\s*\d)|/(?!\s*\d)", "", text),
    "blanks for it": lambda text: re.sub(r"(?![+*/=<>%^|-])[^\w\s]|-(?!\s*\d)|/(?!\s*\d)", " ", text),
    "typographic marks": lambda text: text.replace("'", "’").replace('"', "”").replace("-", "‑"),
    "one word a line": lambda text: "\n".join(text.split()),
    "invisible marks": "\u200b".join,
    "embedded": lambda text: f"Here is a task. {text} Thank you, and take all the time that you need.",
    "in the prompt format": lambda text: f"Do it.\nInstruction: {text}\nResponse: Yes.",
}


@pytest.mark.parametrize("name", ["stage1", "embedded"])
@pytest.mark.parametrize("disguise", DISGUISES)
def test_every_prompt_of_a_suite_is_found_in_any_disguise(disguise: str, name: str) -> None:
    prompts = {prompt.key: prompt.instruction for prompt in load_suite(name).prompts}
    overlap = SuiteOverlap(prompts)
    near = {key: overlap.nearest(DISGUISES[disguise](text)) for key, text in prompts.items()}
    assert [key for key, found in near.items() if found is None or not found.contaminated] == []


@pytest.mark.parametrize(
    ("prompt", "other"),
    [
        ("What is 23 plus 19?", "What is 23 plus 195?"),
        ("What is the opposite of up?", "What is the opposite of upset?"),
        ("Name two oceans.", "Name two oceans that touch Africa."),
        ("???", "What? It is."),
        ("Work out 3 + 4 - 1 now.", "Work out 3 - 4 + 1 now."),
    ],
)
def test_a_prompt_that_is_only_the_beginning_of_another_is_not_found(prompt: str, other: str) -> None:
    nearest = SuiteOverlap({"k": prompt}).nearest(other)
    assert nearest is None or nearest.contained < 1


@pytest.mark.parametrize(
    "text",
    ["What is the capital of Chile?", "Name a fruit that grows on a tree and tell me its colour.", "Sing!"],
)
def test_what_is_merely_similar_is_not(text: str) -> None:
    nearest = SUITE.nearest(text)
    assert nearest is None or not nearest.contaminated


@given(texts, st.lists(texts, max_size=6))
def test_the_nearest_prompt_has_the_highest_similarity(text: str, prompts: list[str]) -> None:
    overlap = SuiteOverlap({str(n): prompt for n, prompt in enumerate(prompts)})
    nearest = overlap.nearest(text)
    best = max((similarity(shingles(text), shingles(prompt)) for prompt in prompts), default=0.0)
    if nearest is None:
        assert best == 0
    elif nearest.contaminated and nearest.similarity < best:
        assert nearest.contained >= 0.7
    else:
        assert nearest.similarity == pytest.approx(best)
    if any(words(text) == words(prompt) for prompt in prompts):
        assert nearest is not None
        assert nearest.contaminated
