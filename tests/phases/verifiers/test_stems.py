"""Stems and plurals."""

import pytest

from phases.verifiers.stems import has_stems, list_content_stems, list_stems, singularize


def test_words_match_by_stem_and_in_order() -> None:
    stems = list_stems("The ships' captains were driving old-fashioned cars")
    assert has_stems(stems, "ship")
    assert has_stems(stems, "drives")
    assert has_stems(stems, "old fashioned car")
    assert not has_stems(stems, "car old")
    assert not has_stems(stems, "shipping lane")


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
