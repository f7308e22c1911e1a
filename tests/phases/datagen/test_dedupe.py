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
        grams = shingle(text)
        if seen.add(text):
            # MinHash may miss a text just above the threshold, never one far above it.
            assert all(compute_jaccard(grams, shingle(other)) < 0.95 for other in kept)
            kept.append(text)
        else:
            assert any(compute_jaccard(grams, shingle(other)) >= 0.7 for other in kept)
