"""The vetted sets, and the order in which they are given out."""

from collections import Counter
from itertools import product

import pytest

from phases.datagen.vetted import (
    SET_OF_CATEGORY,
    VettedSource,
    find_vetted_category,
    list_test_instructions,
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
    texts = [row.instruction for row in load_vetted(name)]
    assert [text for text in texts if overlap.find_contamination(text)] == []


def test_each_instruction_is_given_once_and_none_that_was_used() -> None:
    used = [row.instruction for row in load_vetted("harmful")[:20]]
    source = VettedSource(["refusal", "commands", "harmless"], used, "1")
    drawn = [row for _ in range(300) for row in source.draw(3)]
    assert len(drawn) == len(set(drawn)) == len(load_vetted("harmful")) - 20 + len(load_vetted("harmless"))
    assert not {text for text, _ in drawn} & set(used)
    assert all(find_vetted_category(text) == category for text, category in drawn)
    assert source.draw(1) == []


def test_the_order_depends_on_the_seed_alone() -> None:
    orders = [VettedSource(["refusal"], [], seed).draw(30) for seed in ("1", "1", "2")]
    assert orders[0] == orders[1] != orders[2]
    assert VettedSource(["commands"], [], "1").draw(30) == []


def test_other_instructions_have_no_vetted_category() -> None:
    for name, part in product(SET_OF_CATEGORY.values(), ("test",)):
        assert find_vetted_category(load_vetted(name, part)[0].instruction) is None  # type: ignore[arg-type]
