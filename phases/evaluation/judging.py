"""Judging a completion: what fails in the complete output, and whether a reading of it follows."""

from phases.contract.readings import starts_new_turn, take_first_paragraph, take_first_turn
from phases.generation.completion import Completion
from phases.scoring.results import EvaluatedAnswer
from phases.scoring.suite import Prompt
from phases.verifiers import ifeval
from phases.verifiers.registry import find_failures


def check_answer(prompt: Prompt, completion: Completion, shots: int = 0) -> EvaluatedAnswer:
    """Return a completion as an answer, with everything that it fails.

    An output with a label such as "Question:" that passes as a whole, but not up to the label, has not
    started a new turn: the label belongs to the answer.
    """
    text = completion.text
    ends_by_itself = completion.finished and not completion.stopped
    failures = find_prompt_failures(prompt, text)
    first_turn = take_first_turn(prompt.instruction, text)
    readings = dict.fromkeys((first_turn, take_first_paragraph(first_turn)))
    follows = any(not find_prompt_failures(prompt, reading) for reading in readings)
    follows_loosely = follows or any(not find_loose_failures(prompt, reading) for reading in readings)
    is_labelled_answer = ends_by_itself and not failures and not follows
    has_new_turn = starts_new_turn(prompt.instruction, text) and not is_labelled_answer
    went_on = completion.stopped or has_new_turn
    if not completion.finished:
        failures = ("unfinished", *failures)
    if went_on:
        failures = ("went_on", *failures)
    return EvaluatedAnswer(
        key=prompt.key,
        category=prompt.category,
        instruction=prompt.instruction,
        response=text,
        finished=ends_by_itself,
        tokens=completion.tokens,
        passed=not failures,
        failures=failures,
        follows=follows or not failures,
        follows_loosely=follows_loosely or not failures,
        shots=shots,
        loose_failures=find_loose_failures(prompt, text) if ifeval.has_ifeval_checks(prompt.checks) else (),
    )


def find_prompt_failures(prompt: Prompt, text: str) -> tuple[str, ...]:
    """Return the checks of a prompt that a text fails."""
    if ifeval.has_ifeval_checks(prompt.checks):
        return ifeval.find_strict_failures(prompt.checks, text)
    return find_failures(prompt.instruction, prompt.checks, text)


def find_loose_failures(prompt: Prompt, text: str) -> tuple[str, ...]:
    """Return the checks of a prompt that a text fails by the loose rule as well."""
    if ifeval.has_ifeval_checks(prompt.checks):
        return ifeval.find_loose_failures(prompt.checks, text)
    return find_failures(prompt.instruction, prompt.checks, text, loose=True)
