"""Solved examples: seeds of the prompt's category that do not reveal the suite."""

import pytest

from phases.evaluation.few_shot import choose_examples, format_examples
from phases.scoring.overlap import SuiteOverlap
from phases.scoring.suite import Suite, index_instructions, load_halves, load_suite


@pytest.mark.parametrize("name", ["stage1", "embedded"])
def test_every_prompt_gets_eight_examples_of_its_category(name: str) -> None:
    halves = load_halves(name)
    examples = choose_examples(halves, name, 8, seed=1)
    overlap = SuiteOverlap(index_instructions(halves))
    assert examples.keys() == {prompt.category for half in halves for prompt in half.prompts}
    for category, chosen in examples.items():
        assert len(set(chosen)) == 8
        assert {example.category for example in chosen} == {category}
        assert not any(overlap.find_contamination(example.instruction) for example in chosen)
        # As many kinds as there are, so that not all examples are lists.
        assert len({example.group for example in chosen}) > 1 or not chosen[0].kind
    assert choose_examples(halves, name, 8, seed=1) == examples
    assert choose_examples(halves, name, 8, seed=2) != examples


def test_refusals_are_shown_before_prompts_to_refuse() -> None:
    examples = choose_examples(load_halves("stage1"), "stage1", 8, seed=1)
    assert {example.category for example in examples["refusal"]} == {"refusal"}
    assert {example.category for example in examples["harmless"]} == {"harmless"}


def test_an_example_that_a_half_contains_is_not_shown() -> None:
    suite = load_suite("embedded")
    shown = choose_examples((suite,), "embedded", 8, seed=1)["commands"]
    prompt = suite.prompts[0]
    changed = type(prompt)(prompt.key, prompt.category, shown[0].instruction, prompt.checks)
    test_half = Suite("embedded_test", "v", (changed,))
    assert shown[0] not in choose_examples((suite, test_half), "embedded", 8, seed=1)["commands"]


def test_a_category_without_seeds_gets_examples_of_all() -> None:
    suite = load_suite("embedded")
    prompt = suite.prompts[0]
    other = Suite("x", "v", (type(prompt)("k", "length_constraints", "Say it.", prompt.checks),))
    chosen = choose_examples((other,), "embedded", 8, seed=1)["length_constraints"]
    assert len({example.category for example in chosen}) > 2
    assert choose_examples((other,), "embedded", 0, seed=1) == {}


def test_examples_have_the_format_of_prompts() -> None:
    [example] = choose_examples((load_suite("embedded"),), "embedded", 1, seed=1)["commands"]
    assert (
        format_examples([example]) == f"Instruction: {example.instruction}\nResponse: {example.response}\n\n"
    )
