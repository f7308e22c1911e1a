"""Stems and plurals."""

import pytest

from phases.verifiers.stems import list_content_stems, singularize


def test_function_words_have_no_content() -> None:
    assert list_content_stems("It's what they don't do with the bridge.") == ["bridg"]


@pytest.mark.parametrize(
    ("plural", "singular"),
    [
        *(("apples", "apple"), ("cherries", "cherry"), ("peaches", "peach"), ("tomatoes", "tomato")),
        *(("mice", "mouse"), ("foxes", "fox"), ("geese", "goose"), ("knives", "knife"), ("pies", "pie")),
        *(
            ("glass", "glass"),
            ("octopus", "octopus"),
            ("iris", "iris"),
            ("gas", "gas"),
            ("gases", "gas"),
            ("irises", "iris"),
            *(("walruses", "walrus"), ("houses", "house"), ("horses", "horse")),
        ),
    ],
)
def test_plurals(plural: str, singular: str) -> None:
    # Words of both numbers must only agree with each other; "iris" need not stay a word.
    assert singularize(singularize(plural)) == singularize(singular)
