"""Constraints added to instructions: each has a check, and each fits."""

from random import Random

import pytest

from phases.datagen.constraints import CONSTRAINT_KINDS, add_constraints, list_constraints, remove_constraint
from phases.datagen.seeds import load_seeds
from phases.scoring.suite import load_suite
from phases.verifiers.infer import infer_checks
from phases.verifiers.registry import find_failures


@pytest.mark.parametrize("constraint", list_constraints())
def test_every_constraint_has_a_check_that_can_fail(constraint: str) -> None:
    [check] = infer_checks(constraint)
    answers = ("It is the sea and a long, long way.", "word " * 30, "- One\n- Two\n- Three\n- Four\n- Five")
    assert any(find_failures("Describe a bee.", [check], answer) for answer in answers), check


@pytest.mark.parametrize(
    ("constraint", "answer"),
    [
        ("Use exactly 4 words.", "A small flying insect."),
        ("Write exactly 2 sentences.", "It flies. It hums."),
        ("Write it as a numbered list of 2 points.", "1. It flies.\n2. It hums."),
        ("Write it as 2 bullet points.", "- It flies.\n- It hums."),
        ('Write it as JSON with the key "answer".', '{"answer": "an insect"}'),
        ("Put the whole answer in double quotes.", '"An insect."'),
        ("Start with the words 'In short'.", "In short, an insect."),
        ("End with the words 'That is all.'.", "An insect. That is all."),
        ("Do not use the word 'the'.", "An insect."),
    ],
)
def test_an_answer_that_satisfies_a_constraint_passes(constraint: str, answer: str) -> None:
    assert constraint in list_constraints()
    assert not find_failures(
        f"Describe a bee. {constraint}", infer_checks(f"Describe a bee. {constraint}"), answer
    )


def test_constraints_differ_and_depend_only_on_the_seed() -> None:
    variants = add_constraints("Describe a bee.", 3, Random(1))
    assert variants == add_constraints("Describe a bee.", 3, Random(1))
    assert len(set(variants)) == 3
    assert variants != add_constraints("Describe a bee.", 3, Random(2))
    for text in variants:
        assert text.removeprefix("Describe a bee. ") in list_constraints()


@pytest.mark.parametrize("allowed", [{"sentences"}, CONSTRAINT_KINDS - {"words", "quoted"}])
def test_only_allowed_kinds_are_added(allowed: set[str]) -> None:
    variants = [text for n in range(40) for text in add_constraints("Describe a bee.", 2, Random(n), allowed)]
    kinds = {check.kind for text in variants for check in infer_checks(text)}
    assert len(variants) == 80
    assert kinds == allowed


@pytest.mark.parametrize(
    "instruction", ["Describe a bee in exactly five words.", "Translate: I am here.", "Complete: The bee"]
)
def test_verifiable_instructions_and_those_that_end_with_input_are_unchanged(instruction: str) -> None:
    assert add_constraints(instruction, 2, Random(1)) == []


def test_no_constraint_is_in_the_suite_or_the_seeds() -> None:
    texts = [prompt.instruction for prompt in load_suite("stage1").prompts]
    texts += [seed.instruction for seed in load_seeds("stage1")]
    assert not [
        (constraint, text) for constraint in list_constraints() for text in texts if constraint in text
    ]


def test_an_added_constraint_is_removed_and_nothing_else() -> None:
    for constraint in list_constraints():
        assert remove_constraint(f"Describe a bee. {constraint}") == "Describe a bee."
    for text in ("Describe a bee.", "Use exactly 7 words.", "Write a single sentence. Why?"):
        assert remove_constraint(text) == text
