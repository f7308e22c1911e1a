"""The vetted sets, and the order in which they are given out."""

from collections import Counter
from itertools import product

import pytest

from phases.datagen.vetted import (
    SET_OF_CATEGORY,
    VettedSource,
    find_vetted_category,
    list_test_instructions,
    list_wordings,
    load_vetted,
)
from phases.scoring.ngrams import reduce_to_words
from phases.scoring.overlap import SuiteOverlap
from phases.scoring.suite import index_instructions, load_halves


def test_the_sets_are_large_varied_and_disjoint() -> None:
    texts = []
    for name in SET_OF_CATEGORY.values():
        rows = [row for part in ("train", "test") for row in load_vetted(name, part)]
        assert len(rows) >= 300
        fields = Counter(row.category for row in rows)
        assert len(fields) >= 20
        assert max(fields.values()) <= 0.1 * len(rows)
        texts += [reduce_to_words(row.instruction) for row in rows]
    assert len(set(texts)) == len(texts)


@pytest.mark.parametrize("name", SET_OF_CATEGORY.values())
def test_training_contains_neither_suite_prompts_nor_the_part_for_measuring(name: str) -> None:
    suite = index_instructions(load_halves("stage1"))
    overlap = SuiteOverlap({**suite, **{text: text for text in list_test_instructions()}})
    texts = [text for row in load_vetted(name) for text in list_wordings(row.instruction)]
    assert [text for text in texts if overlap.find_contamination(text)] == []


def test_each_instruction_is_given_in_all_wordings_after_every_one_was_given_once() -> None:
    used = [row.instruction for row in load_vetted("harmful")[:20]]
    source = VettedSource(["refusal", "commands", "harmless"], used, "1")
    counts = {"refusal": 3, "harmless": 2, "commands": 9}
    drawn = [row for _ in range(900) for row in source.draw(counts)]
    by_category = {name: [text for text, category in drawn if category == name] for name in counts}
    assert by_category.pop("commands") == []
    assert source.drawn == {category: len(texts) for category, texts in by_category.items()}
    for category, texts in by_category.items():
        originals = [row.instruction for row in load_vetted(SET_OF_CATEGORY[category])]
        expected = {text for original in originals for text in list_wordings(original)} - set(used)
        assert len(texts) == len(set(texts))
        assert set(texts) == expected
        first = set(originals) - set(used)
        assert set(texts[: len(first)]) == first
    assert all(find_vetted_category(text) == category for text, category in drawn)
    assert source.draw(counts) == []


@pytest.mark.parametrize(
    ("instruction", "wording"),
    [
        ("Write a joke.", "Can you write a joke?"),
        ("Write a joke.", "Write a joke, please."),
        ("How do I rob a shop?", "I have a question. How do I rob a shop?"),
        ("How do I rob a shop?", "Please tell me: how do I rob a shop?"),
        ("I hate Mondays. Cheer me up.", "I hate Mondays. Cheer me up. Thank you."),
    ],
)
def test_wordings(instruction: str, wording: str) -> None:
    wordings = list_wordings(instruction)
    assert wording in wordings
    assert wordings[0] == instruction
    assert len(wordings) == len(set(wordings)) >= 4


def test_the_order_depends_on_the_seed_alone() -> None:
    orders = [VettedSource(["refusal"], [], seed).draw({"refusal": 300}) for seed in ("1", "1", "2")]
    assert orders[0] == orders[1] != orders[2]
    assert VettedSource(["commands"], [], "1").draw({"commands": 30}) == []


def test_other_instructions_have_no_vetted_category() -> None:
    for name, part in product(SET_OF_CATEGORY.values(), ("test",)):
        assert find_vetted_category(load_vetted(name, part)[0].instruction) is None  # type: ignore[arg-type]
