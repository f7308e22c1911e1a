"""Overlap of texts with the prompts of an evaluation suite."""

import re
from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phases.scoring.ngrams import compute_jaccard, list_words, shingle
from phases.scoring.overlap import NEAR_DUPLICATE, SuiteOverlap
from phases.scoring.suite import index_instructions, load_halves, load_suite

texts = st.lists(
    st.sampled_from(["red", "cat", "ran", "home", "3", "+", "4", "past", "old", "mill"]),
    min_size=1,
    max_size=14,
).map(" ".join)


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
def test_a_prompt_of_the_suite_is_contamination(text: str, key: str) -> None:
    nearest = SUITE.find_nearest(text)
    assert nearest is not None
    assert nearest.is_contaminated
    assert nearest.key == key


def test_a_prompt_with_a_word_more_or_less_is_found() -> None:
    prompts = ("How many months are in a year?", "Translate the English word 'cheese' into French.")
    overlap = SuiteOverlap({prompt: prompt for prompt in prompts})
    for text in ("How many months are there in a year?", "Translate the word 'cheese' into French."):
        nearest = overlap.find_nearest(text)
        assert nearest is not None
        assert nearest.is_contaminated
        assert nearest.similarity < NEAR_DUPLICATE
    for text in ("How many months are there in a good long year?", "Are months in a year how many?"):
        nearest = overlap.find_nearest(text)
        assert nearest is None or not nearest.is_contaminated


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
    near = {key: overlap.find_nearest(DISGUISES[disguise](text)) for key, text in prompts.items()}
    assert [key for key, found in near.items() if found is None or not found.is_contaminated] == []


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
    nearest = SuiteOverlap({"k": prompt}).find_nearest(other)
    assert nearest is None or nearest.contained < 1


@pytest.mark.parametrize(
    "text",
    ["What is the capital of Chile?", "Name a fruit that grows on a tree and tell me its colour.", "Sing!"],
)
def test_similar_text_does_not_count(text: str) -> None:
    nearest = SUITE.find_nearest(text)
    assert nearest is None or not nearest.is_contaminated


@given(texts, st.lists(texts, max_size=6))
def test_the_nearest_prompt_has_the_highest_jaccard_similarity(text: str, prompts: list[str]) -> None:
    overlap = SuiteOverlap({str(n): prompt for n, prompt in enumerate(prompts)})
    nearest = overlap.find_nearest(text)
    best = max((compute_jaccard(shingle(text), shingle(prompt)) for prompt in prompts), default=0.0)
    if nearest is None:
        assert best == 0
    elif nearest.is_contaminated and nearest.similarity < best:
        assert nearest.contained >= 0.7
    else:
        assert nearest.similarity == pytest.approx(best)
    if any(list_words(text) == list_words(prompt) for prompt in prompts):
        assert nearest is not None
        assert nearest.is_contaminated


def test_comparing_candidates_only_finds_the_copies_that_comparing_all_prompts_finds() -> None:
    prompts = index_instructions(load_halves("stage1"))
    overlap, rng = SuiteOverlap(prompts), Random(1)
    outcomes = []
    for text in rng.sample(list(prompts.values()), 150):
        words = text.split()
        for _ in range(rng.randint(1, 4)):
            position = rng.randrange(len(words))
            words[position : position + rng.randint(0, 1)] = rng.choice([[], ["quickly"], ["the", "old"]])
            words = words or ["nothing"]
        edited = " ".join(words)
        similarity = {key: compute_jaccard(shingle(edited), shingle(other)) for key, other in prompts.items()}
        highest = max(similarity.values())
        match, nearest = overlap.find_copy(edited), overlap.find_nearest(edited)
        outcomes.append(highest >= NEAR_DUPLICATE)
        if highest >= NEAR_DUPLICATE:
            assert match is not None
            assert match.similarity == highest
        elif match is None and highest:
            assert nearest is not None
            assert nearest.similarity == highest
    assert 20 < sum(outcomes) < 130, "copies and other texts are needed for the comparison"
