"""Exact and near duplicates."""

from hypothesis import given
from hypothesis import strategies as st

from phases.datagen.dedupe import NearDuplicates
from phases.scoring.ngrams import compute_jaccard, shingle

LONG = "Write a short letter to your aunt and tell her about the garden behind the old house by the river."
texts = st.lists(
    st.sampled_from(["red", "cat", "ran", "home", "3", "+", "4", "past", "old", "mill"]),
    min_size=1,
    max_size=14,
).map(" ".join)


def test_near_duplicates_are_rejected_and_variants_are_not() -> None:
    collection = NearDuplicates()
    assert collection.add(LONG)
    assert not collection.add(LONG.upper())
    assert not collection.add(LONG.replace("aunt", "uncle"))
    assert collection.add("Write a short letter to your teacher about a broken window.")
    assert collection.add("What is the capital of Spain?")
    assert collection.add("What is the capital of Italy?")
    assert len(collection) == 4


@given(st.lists(texts, max_size=25))
def test_added_texts_differ_and_rejected_ones_resemble_an_added_one(texts_to_add: list[str]) -> None:
    collection, kept = NearDuplicates(), []
    for text in texts_to_add:
        shingles = shingle(text)
        if collection.add(text):
            # MinHash may miss a text just above the threshold, never one far above it.
            assert all(compute_jaccard(shingles, shingle(other)) < 0.95 for other in kept)
            kept.append(text)
        else:
            assert any(compute_jaccard(shingles, shingle(other)) >= 0.7 for other in kept)
