"""Answers derived from the right ones: wrong ones fail, and no prompt accepts the answer to another."""

import re
from collections import Counter
from collections.abc import Iterator

import pytest

from phases.scoring.overlap import SuiteOverlap
from phases.scoring.suite import Prompt, index_instructions, load_halves, load_suite
from phases.verifiers.registry import follows, passes
from phases.verifiers.text import normalize
from tools.suites.closed_sets import CLOSED_SETS

HALVES = ("stage1", "stage1_test")
TASKS = ("commands", "questions", "completion")
# Pairs of a prompt and another one whose answer is right for both, as a reader finds.
INTERCHANGEABLE = {
    "stage1": {
        ("commands-001", "format-047"),
        ("commands-006", "format-048"),
        ("completion-026", "multi_step-023"),
        ("format-047", "commands-001"),
        ("format-048", "commands-006"),
        ("harmless-012", "harmless-029"),
        ("harmless-029", "commands-012"),
        ("harmless-029", "format-046"),
        ("harmless-029", "multi_step-033"),
        ("multi_step-033", "multi_step-024"),
    },
    "stage1_test": {
        ("commands-092", "commands-078"),
        ("commands-092", "completion-025"),
        ("commands-127", "format-024"),
        ("commands-134", "format-086"),
        ("completion-006", "questions-043"),
        ("format-089", "commands-013"),
        ("format-089", "commands-017"),
        ("format-119", "format-103"),
        ("format-138", "commands-061"),
        ("harmless-029", "multi_step-033"),
        ("harmless-033", "format-032"),
    },
}


def list_tasks(name: str) -> list[Prompt]:
    return [prompt for prompt in load_suite(name).prompts if prompt.category in TASKS]


def mutate(prompt: Prompt) -> Iterator[str]:
    """Yield wrong answers made from a right one: denied, asked, off by one, shortened, repeated, swapped."""
    answer = prompt.reference
    kind = prompt.checks[0].kind
    bare = answer.rstrip(".?!")
    if kind in ("short_answer", "number"):
        yield f"It is not {bare}."
        yield f"I don't think it is {bare}."
        yield f"{bare}, but that is wrong."
    if kind == "short_answer":
        yield f"{bare} soap"
        yield f"{bare} or Hugo"
        yield f"Hugo, {bare}, Berta"
    if kind == "number":
        value = prompt.checks[0].arguments["value"]
        yield from (str(value + 1), str(value - 1), f"{value + 3}{value}", f"{value}.5", f"{value} bananas")
        yield f"{value} or {value + 1}"
        yield f"So it is {value + 2}."
    if kind == "items":
        items = re.split(r", | and ", answer)
        yield ", ".join(items[:-1])
        yield ", ".join([*items[:-1], items[0]])
        yield ", ".join([*items, "cement"])
        yield ", ".join([*items[:-1], "cement"])
    if kind == "one_of" and len(answer.split()) > 2:
        words = bare.split()
        yield " ".join(words[:-1])
        yield " ".join(reversed(words))
        yield f"{answer} {answer}"
        yield answer[:-1] + ("." if answer.endswith("?") else "?")
    if kind == "sentences":
        yield f"{answer} {answer}"
        yield f"{answer} That is all I have to say about it."
        yield prompt.instruction


@pytest.mark.parametrize("name", HALVES)
def test_answers_changed_for_the_worse_fail(name: str) -> None:
    accepted = [
        (prompt.key, answer)
        for prompt in list_tasks(name)
        for answer in mutate(prompt)
        if follows(prompt.instruction, prompt.checks, answer, loose=True)
    ]
    assert accepted == []


@pytest.mark.parametrize("name", HALVES)
def test_a_sentence_without_its_full_stop_follows_only_loosely(name: str) -> None:
    verdicts = Counter(
        (
            follows(prompt.instruction, prompt.checks, bare),
            follows(prompt.instruction, prompt.checks, bare, loose=True),
        )
        for prompt in list_tasks(name)
        if prompt.checks[0].kind == "sentences"
        for bare in [prompt.reference.rstrip(".?!")]
    )
    assert set(verdicts) <= {(False, True), (False, False)}
    assert verdicts[False, True] > 5 * verdicts[False, False]


@pytest.mark.parametrize("name", HALVES)
def test_a_prompt_accepts_only_its_own_answer(name: str) -> None:
    prompts = load_suite(name).prompts
    correct = {prompt.key: set(map(normalize, prompt.correct)) for prompt in prompts}
    references = {prompt.key: normalize(prompt.reference) for prompt in prompts}
    accepting = {
        (prompt.key, other.key)
        for prompt in prompts
        if prompt.category != "refusal"
        for other in prompts
        if references[other.key] not in correct[prompt.key]
        # Most answers fail the first check, and `follows` would try all of them.
        and all(passes(check, other.reference, prompt.instruction) for check in prompt.checks)
        and follows(prompt.instruction, prompt.checks, other.reference)
    }
    assert accepting == INTERCHANGEABLE[name]
    assert len({key for key, _ in accepting}) < 10


@pytest.mark.parametrize("name", HALVES)
def test_a_harmful_request_accepts_nothing_but_refusals(name: str) -> None:
    prompts = load_suite(name).prompts
    answers = {prompt.reference for prompt in prompts if prompt.category != "refusal"} - {"No", "no", "never"}
    accepted = [
        (prompt.key, answer)
        for prompt in prompts
        if prompt.category == "refusal"
        for answer in answers
        if follows(prompt.instruction, prompt.checks, answer)
    ]
    assert accepted == []


def test_the_halves_share_no_prompt_and_neither_is_given_away() -> None:
    development, test = load_halves("stage1")
    assert (development.name, test.name) == HALVES
    overlap = SuiteOverlap(index_instructions([test]))
    shared = [p.key for p in development.prompts if overlap.find_copy(p.instruction)]
    assert shared == []


def test_the_test_half_is_at_least_as_large_in_each_category() -> None:
    developed, tested = (
        Counter(prompt.category for prompt in half.prompts) for half in load_halves("stage1")
    )
    assert developed.keys() == tested.keys()
    assert developed <= tested


def test_sets_name_each_item_once() -> None:
    for name, items in CLOSED_SETS.items():
        names = [alias.casefold() for item in items for alias in item.split("|")]
        assert len(names) == len(set(names)), name


def test_only_free_sentences_are_beyond_a_program() -> None:
    for name in HALVES:
        limited = [prompt for prompt in list_tasks(name) if prompt.limits]
        assert {prompt.checks[0].kind for prompt in limited} == {"sentences"}
        assert len(limited) < 0.1 * len(list_tasks(name))
