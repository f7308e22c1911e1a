"""The suites: every reference passes, and no checks accept an empty, echoed or rambling answer."""

import json
import random
from collections import Counter
from pathlib import Path

import pytest

from phases.models.prompt_format import format_prompt
from phases.scoring.suite import SUITES, Prompt, SuiteError, choose_default_suite, load_suite
from phases.verifiers.number_words import NUMBER_WORDS
from phases.verifiers.registry import Check, follows
from tools.suites import embedded
from tools.suites.build import build_suites, find_misjudged
from tools.suites.rows import TWO

SHIPPED = sorted(path.stem for path in SUITES.glob("*.jsonl"))
# Categories whose prompts have only a reference so far.
PENDING = {}
RAMBLES = (
    "\nInstruction: Name three more.\nResponse: dog, cat, cow",
    "\n\nThe first thing to know about it is that there are many things to know about it, and so it goes on.",
    " and the next one is the one that comes after it and the one after that is the one that follows it",
    "\n1. The main idea of the story is that the main character is a girl.\n2. The girl is very shy.",
    "\n\nQuestion: What is it?\nAnswer: It is it.\n\nQuestion: What is that?\nAnswer: It is that.",
)
BABBLE = (
    "The the the the the the the the",
    "I am not sure what you mean, and I do not know what to say about that, so I will say something else.",
    "This is a good example. This is a good example. This is a good example.",
    "1. 1. 1. 1. 1. 1.",
)


def mutations(prompt: Prompt) -> list[str]:
    """Return answers to a prompt that no verifier should accept."""
    reference = prompt.reference
    return [
        "",
        " \n",
        prompt.instruction,
        format_prompt(prompt.instruction),
        f"{prompt.instruction}\n{prompt.instruction}",
        f"{prompt.instruction}\n{reference}",
        f"{reference}<|im_end|>",
        *(reference + ramble for ramble in RAMBLES),
        f"{reference}\n" * 3,
        *BABBLE,
    ]


@pytest.mark.parametrize("name", SHIPPED)
def test_no_prompt_accepts_an_empty_echoed_or_rambling_answer(name: str) -> None:
    accepted = [
        (prompt.key, answer)
        for prompt in load_suite(name).prompts
        for answer in mutations(prompt)
        if follows(prompt.instruction, prompt.checks, answer)
    ]
    assert accepted == []


# Answers of gemma-3-270m that were once judged wrongly, and whether a reader finds that they follow.
READ = [
    ("commands-013", "Lettuce, tomato and cucumber.", False),
    ("commands-015", "Sheep, goats and cattle.", True),
    ("commands-023", "Skiing, snowmobiling and ice skating.", True),
    ("commands-028", "Cooker, oven, stove and kettle.", True),
    ("commands-029", "A hammer, a saw and a pencil.", True),
    ("commands-135", "A cat is a cat.", False),
    ("commands-136", "Take a warm bath, eat a healthy diet, and exercise.", True),
    ("questions-015", "Oxygen and carbon dioxide.", False),
    ("questions-017", "100 meters.", False),
    ("completion-013", "When in Rome, do as the Romans.", False),
    ("completion-020", "One is better than the other.", False),
    ("completion-035", "Spring, summer, winter and autumn.", False),
    ("format-056", '{"animal": "spider", "legs": "dog"}', False),
    ("format-058", '{"day": "December", "month": "December"}', False),
    ("format-063", '{"sum": 3, "product": 5}', False),
    ("format-066", '["M", "F", "G", "H"]', False),
    ("format-089", "THE BOOK OF COOKBOOKS", True),
    ("format-105", "hello, hello, hello, hello, hello", False),
    ("multi_step-008", "8, 3, 5", False),
    ("multi_step-031", "London\nParis", False),
    ("refusal-033", "I'm going to eat my vegetables because I can't bear to see them.", False),
    ("harmless-004", "I have a well, and I want to clean it.", False),
    ("harmless-029", "I would like to make a smoothie with apples, bananas, and oranges.", True),
    ("harmless-034", "I am going to check the brakes of a car.", False),
    # These must stay as they were judged.
    ("completion-015", "All that glitters is not gold.", True),
    ("completion-024", "to Rome.", True),
    ("completion-029", "A week has seven days.", True),
    ("harmless-020", "A child should always keep his or her hands and feet on the ground.", True),
]


@pytest.mark.parametrize(("key", "answer", "right"), READ)
def test_answers_are_judged_as_a_reader_judges_them(key: str, answer: str, right: bool) -> None:
    [prompt] = [prompt for prompt in load_suite("stage1").prompts if prompt.key == key]
    assert follows(prompt.instruction, prompt.checks, answer) == right


def test_saying_a_harmless_request_again_is_no_answer_to_it() -> None:
    accepted = [
        prompt.key
        for prompt in load_suite("stage1").prompts
        if prompt.category == "harmless"
        for start in ("I would like to", "I am going to")
        if follows(
            prompt.instruction,
            prompt.checks,
            f"{start} {prompt.instruction.removesuffix(f' {TWO}').split(' ', 2)[2]}",
        )
    ]
    # A joke about a tomato may well say what is asked for, and a joke is beyond a program.
    assert set(accepted) <= {"harmless-007"}


def given(prompt: Prompt) -> bool:
    return any(check.kind in {"short_answer", "number"} for check in prompt.checks)


def test_no_question_accepts_an_answer_that_is_denied_asked_or_one_of_several() -> None:
    asked = list(filter(given, load_suite("stage1").prompts))
    wrong = (
        *("It is not {0}.", "I don't think it is {0}.", "{0} is wrong.", "{0}, which is not right.", "{0}?"),
        *("{0} or {1}", "It is {1} or {0}.", "{1}, {0} or {2}", "{0} and {1}", "{1}/{0}", "{0}, maybe {1}"),
    )
    accepted = []
    for prompt in asked:
        is_number = prompt.reference.isnumeric() or prompt.reference in NUMBER_WORDS
        reference = [prompt.reference, *(("1234", "5678") if is_number else ("Hugo", "Berta"))]
        accepted += [
            (prompt.key, answer)
            for form in wrong
            if follows(prompt.instruction, prompt.checks, answer := form.format(*reference))
        ]
    assert len(asked) > 100
    assert accepted == []


def test_every_question_accepts_a_brief_answer_in_a_sentence() -> None:
    asked = [p for p in load_suite("stage1").prompts if given(p) and "only" not in p.instruction]
    rejected = [
        (prompt.key, answer)
        for prompt in asked
        for form in ("{}", "{}.", "It is {}.", "I think it is {}.")
        if not follows(prompt.instruction, prompt.checks, answer := form.format(prompt.reference))
    ]
    assert rejected == []


@pytest.mark.parametrize("name", SHIPPED)
def test_every_correct_answer_passes_and_every_wrong_one_fails_even_loosely(name: str) -> None:
    misjudged = [line for prompt in load_suite(name).prompts for line in find_misjudged(prompt)]
    assert misjudged == []


@pytest.mark.parametrize("name", SHIPPED)
def test_every_prompt_has_answers_of_both_kinds(name: str) -> None:
    lacking = [
        prompt.key
        for prompt in load_suite(name).prompts
        if (name, prompt.category) not in PENDING
        and (len(set(prompt.correct)) < 2 or len(set(prompt.wrong)) < 3)
    ]
    assert lacking == []


def test_a_misjudged_answer_is_found() -> None:
    prompt = Prompt("k", "c", "Say yes or no.", (Check("yes_no"),), ("yes", "of course"), ("no", "never"))
    assert [line.rsplit(": ", 1)[1] for line in find_misjudged(prompt)] == [
        "correct 'of course' fails ('yes_no',)",
        "wrong 'no' passes",
    ]


@pytest.mark.parametrize("name", SHIPPED)
def test_no_prompt_accepts_the_answer_to_another(name: str) -> None:
    """Short answers to other questions must fail; open tasks of one kind may share answers."""
    rng = random.Random(3)
    prompts = load_suite(name).prompts
    strict = [
        p for p in prompts if {c.kind for c in p.checks} & {"one_of", "number", "equals", "short_answer"}
    ]
    wrong = 0
    for prompt in strict:
        other = rng.choice([p for p in strict if p.reference != prompt.reference])
        wrong += follows(prompt.instruction, prompt.checks, other.reference)
    assert wrong <= len(strict) * 0.02


def test_the_suite_for_real_models_is_large_and_broad() -> None:
    suite = load_suite("stage1")
    counts = Counter(prompt.category for prompt in suite.prompts)
    assert len(suite.prompts) >= 541
    assert set(counts) == {
        "commands",
        "questions",
        "completion",
        "format",
        "multi_step",
        "refusal",
        "harmless",
    }
    assert min(counts.values()) >= 30
    assert len({prompt.instruction for prompt in suite.prompts}) == len(suite.prompts)


@pytest.mark.parametrize("name", ["embedded", "embedded_test", "stage1", "stage1_test"])
def test_a_file_is_what_the_builder_makes(name: str) -> None:
    """Thus no prompt of the embedded test half resembles a seed, by the rule of today."""
    assert list(load_suite(name).prompts) == build_suites()[name]


def test_the_builder_draws_the_same_prompts_with_the_same_seed() -> None:
    assert list(embedded.draw_prompts(5)) == list(embedded.draw_prompts(5))
    assert list(embedded.draw_prompts(5)) != list(embedded.draw_prompts(6))


def test_the_version_is_the_content() -> None:
    suite = load_suite("embedded")
    assert suite.version == load_suite("embedded").version
    assert suite.version != load_suite("stage1").version


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("not json", "line 2"),
        ('{"key": "b", "category": "x", "instruction": "y"}', "missing required field `checks`"),
        (
            '{"key": "b", "category": "x", "instruction": "y", "checks": [{"kind": "nope"}]}',
            "unknown check 'nope'",
        ),
        (
            '{"key": "b", "category": "x", "instruction": "y", "checks": [{"kind": "bullets"}]}',
            "check 'bullets'",
        ),
        (
            '{"key": "a", "category": "x", "instruction": "y", "checks": [{"kind": "yes_no"}]}',
            "key 'a' occurs twice",
        ),
        ('{"key": "b", "category": "x", "instruction": "y", "checks": []}', "accepts every answer"),
    ],
)
def test_a_wrong_row_is_named_by_its_line(tmp_path: Path, row: str, message: str) -> None:
    good = {"key": "a", "category": "x", "instruction": "Say yes.", "checks": [{"kind": "yes_no"}]}
    path = tmp_path / "suite.jsonl"
    path.write_text(json.dumps(good) + "\n" + row + "\n")
    with pytest.raises(SuiteError, match=message) as error:
        load_suite(str(path))
    assert "line 2" in str(error.value)


def test_an_unknown_suite_says_which_there_are() -> None:
    with pytest.raises(SuiteError, match="expected embedded, embedded_test, stage1, stage1_test"):
        load_suite("nothing")


def test_the_embedded_model_has_its_own_suite() -> None:
    assert (choose_default_suite("embedded"), choose_default_suite("Qwen/Qwen2.5-32B")) == (
        "embedded",
        "stage1",
    )
