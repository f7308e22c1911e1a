"""Solved examples: seeds that do not reveal the suite."""

from dataclasses import replace

import pytest

from phases.evaluation.few_shot import choose_examples, format_examples
from phases.scoring.suite import Prompt, load_suite


@pytest.mark.parametrize("name", ["stage1", "embedded"])
def test_examples_are_seeds_that_give_no_prompt_of_the_suite_away(name: str) -> None:
    suite = load_suite(name)
    shown = choose_examples(suite, name, 7, seed=1)
    assert len(shown) == len(set(shown)) == 7
    assert not {e.instruction for e in shown} & {p.instruction for p in suite.prompts}
    assert shown == choose_examples(suite, name, 7, seed=1)
    assert shown != choose_examples(suite, name, 7, seed=2)
    planted = replace(suite, prompts=(replaced(suite.prompts[0], shown[0].instruction),))
    assert shown[0] not in choose_examples(planted, name, 30, seed=1)
    text = format_examples(shown[:1])
    assert text == f"Instruction: {shown[0].instruction}\nResponse: {shown[0].response}\n\n"
    assert choose_examples(suite, name, 0, seed=1) == ()


def replaced(prompt: Prompt, instruction: str) -> Prompt:
    return Prompt(prompt.key, prompt.category, instruction, prompt.checks)
