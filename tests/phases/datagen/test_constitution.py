"""The constitution that ships with gonogo."""

from typing import get_args

from phases.datagen.constitution import Constitution, Rejection, load_constitution
from phases.preference_pairs.spec import CONSTITUTION
from phases.scoring.suite import load_suite


def test_the_prompt_shows_examples_in_both_orders() -> None:
    constitution = load_constitution(CONSTITUTION)
    assert isinstance(constitution, Constitution)
    assert {p.rejection for p in constitution.principles} == set(get_args(Rejection))
    text = constitution.format_prompt("Sing.", "La.", "No.")
    assert text.endswith("Instruction: Sing.\nResponse A: La.\nResponse B: No.\nBetter response:")
    assert text.count("Better response: A") == text.count("Better response: B") == 3
    assert all(principle.text in text for principle in constitution.principles)
    suite = {prompt.instruction for prompt in load_suite("stage1").prompts}
    assert not suite & {c.instruction for c in constitution.comparisons}
