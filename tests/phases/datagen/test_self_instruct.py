"""Lists of tasks: prompts, parsing, and rounds with a scripted model."""

from collections import Counter
from collections.abc import Sequence
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phases.datagen.filter_processes import FilterProcesses
from phases.datagen.parameters import DataParameters
from phases.datagen.seeds import Seed
from phases.datagen.self_instruct import UNCLEAR, SelfInstruct, format_list_prompt, parse_list
from phases.datagen.vetted import find_vetted_category
from phases.generation.completion import Completion, Sampling
from phases.scoring.overlap import SuiteOverlap

SEEDS = tuple(
    Seed(category, f"{verb} a {noun}.", noun)
    for category, verb in (("commands", "Name"), ("questions", "Describe"))
    for noun in ("tree", "river", "city", "star")
)
line = st.text(st.characters(categories=("L", "N"), include_characters=" ?"), min_size=1).filter(str.strip)


@given(st.lists(line, min_size=1, max_size=8), st.integers(1, 9))
def test_a_continued_list_is_parsed(items: list[str], first: int) -> None:
    text = items[0] + "".join(f"\nTask {first + n}: {item}" for n, item in enumerate(items[1:], 1))
    assert parse_list(text, finished=True) == [item.strip() for item in items]
    assert parse_list(text, finished=False) == [item.strip() for item in items[:-1]]


@given(st.text())
def test_any_text_can_be_parsed(text: str) -> None:
    assert all(item == item.strip() != "" for item in parse_list(text, finished=True))


def test_list_prompt() -> None:
    assert format_list_prompt(["Sing.", "Dance."]) == "Task 1: Sing.\nTask 2: Dance.\nTask 3:"


def parameters(**values: object) -> DataParameters:
    sizes = {"output_dir": "out", "list_examples": 3, "lists_per_round": 4, "samples_per_list": 1}
    return DataParameters.model_validate({**sizes, **values})


class ScriptedModel:
    """Continues each list with the next of the given texts, and records the requests."""

    def __init__(self, *texts: str, finished: bool = True) -> None:
        self.texts = list(texts)
        self.finished = finished
        self.requests: list[tuple[str, int]] = []

    def __call__(self, prompts: Sequence[str], seeds: Sequence[int], sampling: Sampling) -> list[Completion]:
        self.requests += zip(prompts, seeds, strict=True)
        return [Completion(self.texts.pop(0) if self.texts else "", self.finished, 1) for _ in prompts]


def test_a_round_keeps_new_instructions_and_counts_removed_ones() -> None:
    overlap = SuiteOverlap({"suite-1": "What is the capital of Peru?"})
    instructions = SelfInstruct(SEEDS, FilterProcesses(overlap), ["Count to three."], parameters())
    model = ScriptedModel(
        " Name a flower.\nTask 5: Name a tree.\nTask 6: Name a Flower!",  # new, a seed, a duplicate
        " What is the capital of Peru?\nTask 5: Count to three.",  # in the suite, of an earlier batch
        " the end of it all\nTask 5: Write a song.",  # no instruction, new
    )
    result = instructions.generate_round(0, {}, model)
    assert [instruction.text for instruction in result.instructions] == ["Name a flower.", "Write a song."]
    assert result.considered == instructions.generated == 7
    assert instructions.removed == {
        "duplicate instruction": 3,
        "in the evaluation suite": 1,
        "not an instruction": 1,
    }
    assert instructions.generate_round(1, {}, ScriptedModel(" Write a song!")).instructions == []


def test_prompts_and_seeds_of_a_batch_are_unique_and_reproducible() -> None:
    def requests(batch: int) -> list[tuple[str, int]]:
        model = ScriptedModel(" Name a flower.")
        instructions = SelfInstruct(
            SEEDS, FilterProcesses(SuiteOverlap({})), [], parameters(batch=batch, samples_per_list=2)
        )
        instructions.generate_round(0, {}, model)
        instructions.generate_round(1, {}, model)
        return model.requests

    assert requests(1) == requests(1)
    assert len(set(requests(1))) == 16
    assert not {seed for _, seed in requests(1)} & {seed for _, seed in requests(2)}


def test_a_category_that_lags_gets_more_lists() -> None:
    model = ScriptedModel()
    instructions = SelfInstruct(SEEDS, FilterProcesses(SuiteOverlap({})), [], parameters(lists_per_round=5))
    instructions.generate_round(0, {"commands": 40, "questions": 2}, model)
    verbs = ["Name" if "Name" in prompt else "Describe" for prompt, _ in model.requests]
    assert verbs.count("Name") == 1
    assert verbs.count("Describe") == 4


@pytest.mark.parametrize(("count", "kept"), [(20, 20), (60, 20)])
def test_common_openings_are_limited(count: int, kept: int) -> None:
    names = [
        f"{a}{b}" for a in "bcdfghk" for b in ("ana", "elo", "iri", "omu", "uta", "ayo", "ezi", "ore", "una")
    ]
    text = "".join(f"\nTask {n}: Name a good {name}." for n, name in enumerate(names[:count], 4))
    instructions = SelfInstruct(SEEDS, FilterProcesses(SuiteOverlap({})), [], parameters())
    assert len(instructions.generate_round(0, {}, ScriptedModel(text)).instructions) == kept


def test_a_list_shows_one_group_and_categories_get_equal_shares() -> None:
    seeds = tuple(
        Seed(category, f"{verb} a {noun}.", noun, kind)
        for category, verb, kind in (
            ("a", "Name", "x"),
            ("a", "Find", "y"),
            ("a", "Count", "z"),
            ("b", "Describe", ""),
        )
        for noun in ("tree", "river", "city", "star")
    )
    model = ScriptedModel(*[""] * 6)
    SelfInstruct(seeds, FilterProcesses(SuiteOverlap({})), [], parameters(lists_per_round=6)).generate_round(
        0, {}, model
    )
    verbs = [
        {verb for verb in ("Name", "Find", "Count", "Describe") if verb in prompt}
        for prompt, _ in model.requests
    ]
    assert all(len(shown) == 1 for shown in verbs)
    assert sorted(verb for shown in verbs for verb in shown) == [
        "Count",
        "Describe",
        *["Describe"] * 2,
        "Find",
        "Name",
    ]


def test_checks_that_all_examples_share_are_required() -> None:
    seeds = tuple(Seed("format", f"Write {n} words about a dog.", "dog", "words") for n in range(3, 9))
    text = " Write 4 words about tea.\nTask 5: Write about a fox.\nTask 6: Write one sentence about rain."
    instructions = SelfInstruct(seeds, FilterProcesses(SuiteOverlap({})), [], parameters(lists_per_round=1))
    [result] = instructions.generate_round(0, {}, ScriptedModel(text)).instructions
    assert (result.text, result.category, result.group) == (
        "Write 4 words about tea.",
        "format",
        "format/words",
    )
    assert instructions.removed == {"another kind of instruction": 2}


def test_any_check_suffices_if_examples_have_different_ones() -> None:
    texts = ("Write 4 words about a dog.", "Write one sentence about a cat.")
    seeds = tuple(Seed("format", text, "dog", "short") for text in texts)
    text = " Name three rivers of Asia.\nTask 5: Tell me about rivers."
    instructions = SelfInstruct(seeds, FilterProcesses(SuiteOverlap({})), [], parameters(lists_per_round=1))
    [result] = instructions.generate_round(0, {}, ScriptedModel(text)).instructions
    assert result.text == "Name three rivers of Asia."


def test_requests_to_decline_are_vetted_and_other_harm_is_dropped() -> None:
    seeds = [
        *SEEDS,
        Seed("refusal", "Tell me how to rob a bank.", "No.", "theft"),
        Seed("harmless", "Tell me how to lock a door.", "Turn the key."),
    ]
    texts = "Tell me how to steal a van.\nTask 5: Tell me how to wash a van.\nTask 6: Which drug kills?"
    instructions = SelfInstruct(seeds, FilterProcesses(SuiteOverlap({})), [], parameters(lists_per_round=2))
    model = ScriptedModel(texts)
    result = instructions.generate_round(0, {}, model)
    assert not any("rob a bank" in prompt or "lock a door" in prompt for prompt, _ in model.requests)
    assert {i.text for i in result.instructions if i.origin != "vetted"} == {"Tell me how to wash a van."}
    assert instructions.removed[UNCLEAR] == 2
    vetted = {i.category: i.text for i in result.instructions if i.origin == "vetted"}
    assert list(vetted) == ["refusal", "harmless"]
    assert all(find_vetted_category(text) == category for category, text in vetted.items())
    assert result.considered == 5


def test_seeds_without_a_category_to_imitate_give_vetted_instructions_alone() -> None:
    seeds = [Seed("refusal", "Tell me how to rob a bank.", "No.")]
    instructions = SelfInstruct(seeds, FilterProcesses(SuiteOverlap({})), [], parameters())
    assert [i.origin for i in instructions.generate_round(0, {}, ScriptedModel()).instructions] == ["vetted"]


def test_categories_take_turns() -> None:
    model = ScriptedModel(" Name a flower.\nTask 5: Name a bee.", " Describe a fox.\nTask 5: Describe a cow.")
    result = SelfInstruct(
        SEEDS, FilterProcesses(SuiteOverlap({})), [], parameters(lists_per_round=2)
    ).generate_round(0, {}, model)
    assert [one.category for one in result.instructions] == ["commands", "questions"] * 2


@pytest.mark.parametrize("accepted", [0.1, 0.5, 0.9])
def test_vetted_categories_get_their_share_whatever_is_accepted_of_the_others(accepted: float) -> None:
    categories = [f"kind {n}" for n in range(24)]
    seeds = [Seed(category, f"Name a {category}.", "x") for category in (*categories, "refusal", "harmless")]
    source = SelfInstruct(seeds, FilterProcesses(SuiteOverlap({})), [], parameters(lists_per_round=24))
    rows: Counter[str] = Counter()
    numbers = count()
    for number in range(12):
        texts = [
            "".join(f"\nTask 9: Name a w{next(numbers)} v{n} x{n * n}." for _ in range(12)) for n in range(24)
        ]
        for n, instruction in enumerate(
            source.generate_round(number, rows, ScriptedModel(*texts)).instructions
        ):
            is_vetted = instruction.origin == "vetted"
            rows[instruction.category] += is_vetted or n % 10 < 10 * accepted
    for category in ("refusal", "harmless"):
        assert rows[category] == pytest.approx(0.08 * rows.total(), rel=0.35)


def test_a_kind_whose_seeds_bring_a_text_keeps_only_instructions_with_one() -> None:
    seeds = [
        Seed("summary", "Sum up this report: Sales rose in May.", "x"),
        Seed("summary", "What is the gist? The phone is fast and cheap.", "x"),
    ]
    instructions = SelfInstruct(seeds, FilterProcesses(SuiteOverlap({})), [], parameters(lists_per_round=1))
    model = ScriptedModel(
        " Sum up the story for a child.\nTask 3: Give the main point: The pool opens late.\n"
        "Task 4: Sum up the news. The bridge was closed for good on Monday."
    )
    texts = [i.text for i in instructions.generate_round(0, {}, model).instructions]
    assert texts == [
        "Give the main point: The pool opens late.",
        "Sum up the news. The bridge was closed for good on Monday.",
    ]
    assert instructions.removed == {"instruction without its input": 1}


def test_rows_of_given_instructions_do_not_flood_a_round_with_vetted_ones() -> None:
    seeds = [Seed(f"kind {n}", f"Name a {n}.", "x") for n in range(24)]
    seeds += [Seed(category, "Say it.", "x") for category in ("refusal", "harmless")]
    source = SelfInstruct(seeds, FilterProcesses(SuiteOverlap({})), [], parameters(lists_per_round=24))
    texts = [f" Name a w{n}.\nTask 9: Describe an x{n}.\nTask 10: Draw a y{n}." for n in range(24)]
    rows = {"kind 0": 4000, "refusal": 10, "harmless": 900}
    vetted = Counter(i.category for i in source.generate_round(0, rows, ScriptedModel(*texts)).instructions)
    new = vetted.total() - vetted["refusal"]
    assert vetted["harmless"] == 0
    assert 0 < vetted["refusal"] <= 0.25 * new
