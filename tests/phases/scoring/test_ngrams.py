"""Comparison of texts by their words."""

import pytest

from phases.scoring.ngrams import compute_distinct_share, reduce_to_words


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
def test_texts_are_reduced_to_their_words(one: str, other: str, same: bool) -> None:
    assert (reduce_to_words(one) == reduce_to_words(other)) is same


def test_distinct_share() -> None:
    assert compute_distinct_share(["a b c d"]) == 1
    assert compute_distinct_share(["a b c", "a b c"]) == 0.5
    assert compute_distinct_share([]) == 1
