"""Splitting and normalizing text."""

from hypothesis import given
from hypothesis import strategies as st

from phases.verifiers.text import normalize, split_items, split_sentences


@given(st.text())
def test_normalized_text_is_unchanged(text: str) -> None:
    once = normalize(text)
    assert once == once.strip()
    assert once == once.casefold() or not text.isascii()


def test_sentences_and_items_are_read() -> None:
    assert split_sentences('He met Mr. Fox at 3 p.m. today. "Really?" Yes…') == [
        "He met Mr. Fox at 3 p.m. today.", '"Really?"', "Yes…",
    ]  # fmt: skip
    assert split_sentences("It costs 3.50 dollars. Cheap!") == ["It costs 3.50 dollars.", "Cheap!"]
    assert split_items("My list:\n1. a b\n2. c") == ["a b", "c"]
    assert split_items("a, b and c.") == ["a", "b", "c"]
