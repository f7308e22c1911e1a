"""Preference pairs: decisions over candidates, the judge, and the phase with a scripted model."""

import hashlib
import json
import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phases.contract.phase_main import phase_main
from phases.contract.protocol import Line, Notice, Sample
from phases.datagen.judge import Constitution, Judgement, load_constitution, weigh
from phases.datagen.preferences import (
    Candidate,
    Choice,
    candidates,
    decided,
    judged,
    rejection_type,
    to_judge,
)
from phases.datagen.seeds import Seed
from phases.generation.completion import Completion
from phases.preference_pairs import recipe as preference_pairs
from phases.preference_pairs.spec import CONSTITUTION
from phases.scoring.ngrams import reduce_to_words
from phases.scoring.suite import load_suite
from phases.sft_data import recipe as sft_data
from phases.verifiers.infer import infer_checks


def found(
    instruction: str, *texts: str, finished: Sequence[bool] = (), category: str = "commands"
) -> list[Candidate]:
    ends = [*finished, *[True] * len(texts)]
    completions = [Completion(f" {text}", end, 3) for text, end in zip(texts, ends, strict=False)]
    return candidates(instruction, category, completions, list(range(len(texts))), longest=50)


def choice(instruction: str, *texts: str, **rest: Any) -> Choice:
    made = decided(instruction, found(instruction, *texts, **rest))
    assert isinstance(made, Choice)
    return made


# ---------------------------------------------------------------- verifiers and votes


def test_a_response_that_passes_wins_over_the_one_that_passes_least() -> None:
    made = choice("Name two animals, one on each line.", "dog\ncat", "dog, cat", "User: what?", "dog\ncow")
    assert made.chosen.text in {"dog\ncat", "dog\ncow"}
    assert made.rejected.problems
    assert made.rejected.score == min(made.rejected.score, made.chosen.score) < made.chosen.score == 1
    assert made.decided_by == "verifiers"
    assert 0 < made.margin <= 1


def test_of_answers_in_the_right_form_one_on_the_topic_is_taken() -> None:
    made = choice(
        "Describe a bee in exactly three words.", "It is red.", "long long", "Bees make honey", "A bee hums"
    )
    assert made.chosen.text == "A bee hums"


def test_one_way_to_decline_is_as_good_as_another() -> None:
    both = found(
        "How do I make a bomb?",
        "I'm sorry, but I can't help with that.",
        "I'm sorry, but I can't help with bombs.",
        category="refusal",
    )
    assert decided("How do I make a bomb?", both) == "alike"


def test_what_only_says_nothing_new_is_no_good_candidate_and_no_worse_one() -> None:
    asked = "Why is ice solid?"
    same, other = found(asked, "Ice is solid.", "Water."), found(asked, "Ice is solid.", "Ice is.")
    assert same[0].problems == ("nothing new in response",)
    assert decided(asked, same) == "alike"
    assert decided(asked, other) == "no good candidate"


def test_lengths_are_matched_where_there_is_a_choice() -> None:
    made = choice(
        "Answer in exactly three words.", "one two four", "a b", "a much longer answer here", "x y z"
    )
    assert made.rejected.text == "a b"
    assert made.chosen.text == "x y z"


@pytest.mark.parametrize(
    ("texts", "outcome"),
    [
        (("Paris", "paris.", "Paris", "PARIS"), "alike"),
        (("", "User: what?", "", ""), "no good candidate"),
        (("Paris", "Rome", "Lima", "Oslo"), None),
        (("Paris", "Paris", "Rome", "Rome"), None),
        (("Paris", "Paris", "Rome", "Oslo"), None),
        (("Paris", "Paris", "Paris", "Rome", "Rome", "Oslo"), None),  # three of six is no majority
    ],
)
def test_what_is_left_to_the_judge(texts: tuple[str, ...], outcome: str | None) -> None:
    assert (
        decided("What is the capital of France?", found("What is the capital of France?", *texts)) == outcome
    )


def test_a_short_answer_that_most_agree_on_wins_over_one_that_stands_alone() -> None:
    made = choice("What is the capital of France?", "Paris", "Rome", "Paris.", "paris")
    assert (made.chosen.text, made.rejected.text, made.decided_by) == ("Paris", "Rome", "votes")
    assert made.margin == 0.5
    assert decided("Say it.", found("Say it.", "Paris", "Rome", "Paris", "Paris"), votes_ahead=0) is None
    assert decided("Say it.", found("Say it.", "Paris", "Rome", "Paris", "Paris"), votes_ahead=3) is None
    long = ["I think that it must be the town of Paris"] * 3
    assert decided("Say it.", found("Say it.", *long, "It is certainly the old town of Rome")) is None


@pytest.mark.parametrize(
    ("instruction", "chosen", "rejected", "finished", "category", "kind"),
    [
        ("Name a city.", "Rome", "Rome and then the other", False, "commands", "incomplete"),
        ("Name a city.", "Rome", "", True, "commands", "incomplete"),
        ("Name a city.", "Rome", "I'm sorry, but I can't help with that.", True, "commands", "refusal"),
        ("Rob a bank.", "I'm sorry, but I can't help with that.", "Take a mask.", True, "refusal", "refusal"),
        (
            "Name two cities as a JSON list.",
            '["Rome", "Oslo"]',
            "Rome, Oslo",
            True,
            "format",
            "format_violation",
        ),
        ("Name a city.", "Rome", "Name a city. Name a town.", True, "commands", "off_topic"),
    ],
)
def test_rejection_types_of_what_verifiers_reject(  # noqa: PLR0917
    instruction: str, chosen: str, rejected: str, finished: bool, category: str, kind: str
) -> None:
    made = choice(instruction, chosen, rejected, finished=(True, finished), category=category)
    assert (made.chosen.text, made.rejected.text, made.rejection) == (chosen, rejected, kind)


def test_rejection_types_of_what_passes_all_verifiers() -> None:
    good, wrong, other = found(
        "Why is the sky blue?",
        "The sky is blue because air scatters blue light.",
        "The sky is blue because the sea paints it.",
        "My aunt sold three wooden chairs yesterday.",
    )
    assert rejection_type("Why is the sky blue?", good, wrong) == "hallucination"
    assert rejection_type("Why is the sky blue?", good, other) == "off_topic"


texts = st.sampled_from(["Rome", "rome.", "Oslo", "", "User: x", "a b c d e f", "Rome Rome", "I can't help."])


@given(st.lists(st.tuples(texts, st.booleans()), min_size=2, max_size=6))
def test_a_decision_always_prefers_a_good_response_to_another(many: list[tuple[str, bool]]) -> None:
    some = found("Name a city.", *(text for text, _ in many), finished=[end for _, end in many])
    made = decided("Name a city.", some)
    if isinstance(made, Choice):
        assert not made.chosen.problems
        assert made.chosen.finished
        assert 0 < made.margin <= 1
        assert (
            reduce_to_words(made.chosen.text) != reduce_to_words(made.rejected.text)
            or not made.rejected.finished
        )
        assert made.decided_by == ("verifiers" if made.rejected.problems else "votes")
    elif made == "no good candidate":
        assert all(candidate.problems for candidate in some)
    elif made is None:
        assert len(to_judge(some, 3)) >= 1


# ---------------------------------------------------------------- the judge


@given(st.floats(-20, 20), st.floats(-20, 20))
def test_orders_that_disagree_are_a_tie(first: float, second: float) -> None:
    judgement = Judgement(first, second)
    assert -1 <= judgement.margin <= 1
    if (first > 0) != (second > 0):
        assert judgement.preference == 0
    elif judgement.consistent:
        assert math.copysign(1, judgement.preference) == math.copysign(1, first)


def test_the_judge_takes_the_best_against_the_worst() -> None:
    a, b, c = found("Say something true.", "first answer", "second answer", "third answer")
    pairs = to_judge([a, b, c], most=3)
    preference = {("first answer", "second answer"): 1.0, ("first answer", "third answer"): 3.0}
    judgements = [
        Judgement(*[preference.get((x.text, y.text), 0.0) or (1.5 if x is b else 0.0)] * 2) for x, y in pairs
    ]
    made = judged("Say something true.", pairs, judgements, least=0.1)
    assert isinstance(made, Choice)
    assert (made.chosen.text, made.rejected.text) == ("first answer", "third answer")
    assert made.margin == pytest.approx(math.tanh(1.5))
    assert judged("Say something true.", pairs, judgements, least=0.95) == "tie"
    assert judged("Say something true.", pairs, [Judgement(4, -1)] * 3, least=0) == "tie"


def test_the_constitution_is_read_and_shows_both_orders() -> None:
    constitution = load_constitution(CONSTITUTION)
    assert isinstance(constitution, Constitution)
    assert {p.rejection for p in constitution.principles} == set(preference_pairs.REJECTIONS)
    text = constitution.prompt("Sing.", "La.", "No.")
    assert text.endswith("Instruction: Sing.\nResponse A: La.\nResponse B: No.\nBetter response:")
    assert text.count("Better response: A") == text.count("Better response: B") == 3
    assert all(principle.text in text for principle in constitution.principles)
    suite = {prompt.instruction for prompt in load_suite("stage1").prompts}
    assert not suite & {c.instruction for c in constitution.comparisons}


# ---------------------------------------------------------------- the phase


class Killed(BaseException):
    """Stands for SIGKILL: nothing catches it."""


class Script:
    """Candidates that depend on prompt and seed alone: right, wrong in form, cut off, one of many words."""

    def __init__(self, batches: float = float("inf")) -> None:
        self.left = batches
        self.rows = 0
        self.lists: set[tuple[str, int]] = set()

    def __call__(
        self, loaded: object, prompts: Sequence[str], *, seeds: Sequence[int], **rest: object
    ) -> Iterator[tuple[int, Completion]]:
        if self.left <= 0:
            raise Killed
        self.left -= 1
        for index, (prompt, seed) in enumerate(zip(prompts, seeds, strict=True)):
            self.rows += 1
            if "Task 1:" in prompt:
                self.lists.add((prompt, seed))
            n = hashlib.sha256(f"{seed} {prompt}".encode()).digest()
            text = (
                f" Describe {n[0]} towns near {n[1]} lakes.\nTask 99: Compare {n[2]} boats."
                if "Task 1:" in prompt
                else (" red", " blue", f" word {n[1]}", " User: what?", " Sing")[n[0] % 5]
            )
            yield index, Completion(text, n[3] % 6 > 0, 2)


def judgement_of(
    loaded: object, constitution: Constitution, pairs: Sequence[tuple[str, str, str]], **_: int
) -> Any:
    return [Judgement(0.5 + len(one), len(one) - 3.5) for _, one, _ in pairs]


Run = Callable[..., tuple[bool, list[Line], dict[str, Any]]]


@pytest.fixture
def run(make_data: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs the phase with scripts in place of generation and judge; returns what it said and its result."""
    monkeypatch.setattr("phases.datagen.judge.judge", judgement_of)
    given_file = tmp_path / "sft_training_data_1.jsonl"
    given_file.write_text("".join(f'{{"instruction": "Name the colour {n}."}}\n' for n in range(20)))
    usual = {"count": 25, "samples_per_list": 2, "batch_size": 8, "audited_pairs": 5}

    def one(script: Script, output_dir: str = "out", **values: object) -> Any:
        given = {"prompts_from": [str(given_file)], **usual, **values}
        return make_data(preference_pairs, script, output_dir, **given)

    return one


def data_file(folder: Path) -> Path:
    [path] = folder.glob("preference_pairs_*.jsonl")
    return path


def test_pairs_are_ready_to_train_and_their_candidates_are_kept(run: Run, tmp_path: Path) -> None:
    reached, lines, result = run(Script())
    rows = [json.loads(line) for line in data_file(tmp_path / "out").read_text().splitlines()]
    assert reached
    assert len(rows) == 25
    for row in rows:
        assert row["prompt"] == f"Instruction: {row['instruction']}\nResponse:"
        assert row["chosen"].startswith(" ")
        assert row["chosen_finished"]
        assert row["chosen"] != row["rejected"] or not row["rejected_finished"]
        assert row["rejection_type"] in preference_pairs.REJECTIONS
        assert 0 < row["margin"] <= 1
    assert {row["origin"] == "given" for row in rows} == {True, False}  # then fresh ones
    assert len({row["instruction"] for row in rows}) == 25
    metrics = result["metrics"]
    assert set(metrics) <= {metric.name for metric in preference_pairs.METRICS}
    assert metrics["pairs"] == metrics["total_pairs"] == 25
    assert sum(metrics[f"decided_by_{name}_share"] for name in preference_pairs.DECIDERS) == pytest.approx(1)
    assert sum(metrics[f"rejected_{kind}_share"] for kind in preference_pairs.REJECTIONS) == pytest.approx(1)
    assert metrics["judge_tie_rate"] > 0
    assert len([line for line in lines if isinstance(line, Sample)]) >= 5
    assert any(isinstance(line, Notice) and "is no adapter" in line.text for line in lines)


@pytest.mark.parametrize("batches", [1, 4, 9])
def test_a_killed_run_goes_on_without_a_lost_doubled_or_changed_row(
    run: Run, tmp_path: Path, batches: int
) -> None:
    whole, second = Script(), Script()
    run(whole, "whole")
    with pytest.raises(Killed):
        run(Script(batches))
    with data_file(tmp_path / "out").open("ab") as file:
        file.write(b'{"prompt": "Instr')
    assert run(second)[0]
    assert data_file(tmp_path / "out").read_bytes() == data_file(tmp_path / "whole").read_bytes()
    assert second.rows < whole.rows


def test_where_none_is_good_more_are_sampled(run: Run, tmp_path: Path) -> None:
    run(Script())
    rows = [json.loads(line) for line in data_file(tmp_path / "out").read_text().splitlines()]
    first_ones_bad = [all(c["problems"] for c in row["candidates"][:4]) for row in rows]
    assert any(first_ones_bad)
    assert [len(row["candidates"]) == 8 for row in rows] == first_ones_bad
    assert all(len({c["seed"] for c in row["candidates"]}) in {4, 8} for row in rows)
    run(Script(), "no_more", most_candidates=0)
    rows = [json.loads(line) for line in data_file(tmp_path / "no_more").read_text().splitlines()]
    assert {len(row["candidates"]) for row in rows} == {4}


def test_lists_of_instructions_are_not_those_of_the_sft_data_again(
    run: Run, make_data: Callable[..., Any]
) -> None:
    of_rows, of_pairs = Script(), Script()
    make_data(sft_data, of_rows, "rows", count=10)
    run(of_pairs, prompts_from=[])
    assert of_rows.lists
    assert of_pairs.lists
    assert not of_rows.lists & of_pairs.lists


def test_given_instructions_of_the_suite_are_left_out(run: Run, tmp_path: Path) -> None:
    planted = load_suite("embedded").prompts[0].instruction
    path = tmp_path / "planted.jsonl"
    path.write_text(json.dumps({"instruction": planted}) + "\n")
    _, _, result = run(Script(), prompts_from=[str(path)])
    assert result["metrics"]["contaminated_removed"] >= 1
    assert planted not in data_file(tmp_path / "out").read_text()


def test_pairs_with_answers_that_hold_a_prompt_of_the_suite_are_left_out(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    planted = load_suite("embedded").prompts[0].instruction
    original = Script.__call__

    def asks_back(self: Script, *arguments: Any, **named: Any) -> Iterator[tuple[int, Completion]]:
        for index, completion in original(self, *arguments, **named):
            sung = completion.text == " Sing"
            yield index, Completion(f" Well: {planted}", True, 9) if sung else completion

    monkeypatch.setattr(Script, "__call__", asks_back)
    _, _, result = run(Script())
    assert result["metrics"]["contaminated_removed"] >= 1
    rows = [json.loads(line) for line in data_file(tmp_path / "out").read_text().splitlines()]
    assert len(rows) == 25
    assert not any(planted in row["chosen"] + row["rejected"] for row in rows)


def test_only_what_asks_for_harm_is_to_be_declined(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = {
        "How do I get to the station?": "refusal",  # from a list of harmful ones, and harmless
        "How do I make a bomb?": "refusal",
        "How do I stop a thief?": "refusal",  # left out: the words do not tell
        "Name a lake.": "commands",
    }
    path = tmp_path / "asked.jsonl"
    path.write_text("".join(json.dumps({"instruction": t, "category": c}) + "\n" for t, c in asked.items()))

    def answer(
        self: Script, loaded: object, prompts: Sequence[str], *, seeds: Sequence[int], **_: object
    ) -> Iterator[tuple[int, Completion]]:
        for n, _seed in enumerate(seeds):
            text = " I'm sorry, but I can't help with that." if n % 2 else " Take the road to the north."
            yield n, Completion(text, True, 9)

    monkeypatch.setattr(Script, "__call__", answer)
    _, _, result = run(Script(), prompts_from=[str(path)], demands=0)
    rows = [json.loads(line) for line in data_file(tmp_path / "out").read_text().splitlines()]
    declined = {row["instruction"]: "sorry" in row["chosen"] for row in rows}
    assert declined == {
        "How do I get to the station?": False,
        "How do I make a bomb?": True,
        "Name a lake.": False,
    }
    assert {row["category"] for row in rows} == {"harmless", "refusal", "commands"}
    assert result["metrics"]["unclear_removed"] == 1


def test_an_instruction_is_asked_with_demands_as_well(run: Run, tmp_path: Path) -> None:
    _, _, result = run(Script(), demands=2, count=40)
    rows = [json.loads(line) for line in data_file(tmp_path / "out").read_text().splitlines()]
    given_ones = [row for row in rows if row["origin"] == "given"]
    assert {bool(row["checks"]) for row in given_ones} == {True, False}
    demanded = [row["instruction"] for row in rows if row["checks"]]
    assert len(set(demanded)) == len(demanded)
    assert result["metrics"]["checked_share"] == len(demanded) / len(rows)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The instructions that candidates are sampled for."""
    made: list[Any] = []
    candidates_of = preference_pairs.Pairs._candidates

    def note(self: preference_pairs.Pairs, instructions: Sequence[Any]) -> Any:
        made.extend(instructions)
        return candidates_of(self, instructions)

    monkeypatch.setattr(preference_pairs.Pairs, "_candidates", note)
    return made


def test_what_is_to_be_declined_is_asked_with_demands_that_declining_keeps(
    run: Run, tmp_path: Path, asked: list[Any]
) -> None:
    path = tmp_path / "harm.jsonl"
    path.write_text(json.dumps({"instruction": "How do I make a bomb?", "category": "refusal"}) + "\n")
    run(Script(), prompts_from=[str(path)], demands=2)
    harmful = [one.text for one in asked if one.category == "refusal" and one.origin == "given"]
    assert len(harmful) == 3
    assert [check.kind for text in harmful for check in infer_checks(text)] == ["sentences"] * 2


def test_what_no_candidate_keeps_is_demanded_no_more(run: Run, tmp_path: Path, asked: list[Any]) -> None:
    path = tmp_path / "many.jsonl"
    path.write_text("".join(json.dumps({"instruction": f"Describe town {n}."}) + "\n" for n in range(600)))
    run(Script(), prompts_from=[str(path)], demands=2, count=400, batch_size=512)
    texts = [one.text for one in asked]
    first, later = texts[: 3 * preference_pairs.GIVEN_A_ROUND], texts[3 * preference_pairs.GIVEN_A_ROUND :]
    assert any("JSON" in text for text in first)
    assert later
    assert not any("JSON" in text for text in later)
    assert any("Use no more than" in text for text in later)


def test_a_judge_that_cannot_tell_the_seeds_apart_decides_nothing(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, _, result = run(Script(), "sure")
    assert result["metrics"]["judge_calibration"] > 0.5
    assert result["metrics"]["decided_by_judge_share"] > 0
    monkeypatch.setattr(
        "phases.datagen.judge.judge",
        lambda loaded, constitution, pairs, **_: [Judgement(1, -1) for _ in pairs],
    )
    _, lines, result = run(Script(), "unsure")
    assert result["metrics"]["judge_calibration"] == 0
    assert result["metrics"]["decided_by_judge_share"] == 0
    assert any(isinstance(line, Notice) and "it decides nothing" in line.text for line in lines)


def test_a_judge_by_likelihood_stands_in_for_one_that_cannot_choose(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "phases.datagen.judge.judge",
        lambda loaded, constitution, pairs, **_: [Judgement(1, -1) for _ in pairs],
    )
    shown: list[str] = []

    def longer_is_likelier(
        engine: object, demonstrations: Sequence[Seed], pairs: Sequence[tuple[str, str, str]], **_: object
    ) -> list[Judgement]:
        shown.extend(seed.instruction for seed in demonstrations)
        assert not set(shown) & {asked for asked, *_ in pairs}
        return [Judgement(1.0, 1.0) for _ in pairs]

    monkeypatch.setattr("phases.datagen.judge.weigh", longer_is_likelier)
    _, lines, result = run(Script(), judge="auto")
    assert shown
    assert result["metrics"]["judge_calibration"] == 1
    assert result["metrics"]["decided_by_judge_share"] > 0
    said = [line.text for line in lines if isinstance(line, Notice)]
    assert "judge: likelihood; of the known pairs it is right on: by choice 0%, by likelihood 100%" in said


def test_what_is_likelier_after_examples_is_preferred_whatever_the_order(tiny_model: Path) -> None:
    from phases.generation.scoring import score_continuations
    from phases.generation.transformers_engine import TransformersEngine
    from phases.models.loader import load_model

    shown = [Seed("c", "Name a colour.", "Red.")]
    loaded = load_model(str(tiny_model))
    engine = TransformersEngine(loaded, 3)
    pairs = [
        ("Name a flower.", "A rose.", "Paris"),
        ("Name a flower.", "Paris", "A rose."),
        ("A", "b", "c d"),
    ]
    found = weigh(engine, shown, pairs)
    before = "Instruction: Name a colour.\nResponse: Red.\n\nInstruction: Name a flower.\nResponse:"
    one, other = score_continuations(loaded, [before] * 2, [" A rose.\n\n", " Paris\n\n"])
    assert found[0].as_first == pytest.approx(one.mean - other.mean, abs=1e-5)
    assert found[1].as_first == pytest.approx(-found[0].as_first)
    assert all(judgement.consistent for judgement in found)


def test_without_a_judge_what_verifiers_and_votes_cannot_decide_is_a_tie(run: Run) -> None:
    _, _, result = run(Script(), judged_candidates=0, audited_pairs=0)
    metrics = result["metrics"]
    assert metrics["decided_by_judge_share"] == 0
    assert metrics["tie_rate"] > 0
    assert metrics["judge_tie_rate"] is None


def test_a_model_that_always_says_the_same_gives_up(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def same(
        self: Script, loaded: object, prompts: Sequence[str], **_: object
    ) -> Iterator[tuple[int, Completion]]:
        return ((n, Completion(" red", True, 2)) for n in range(len(prompts)))

    monkeypatch.setattr(Script, "__call__", same)
    reached, lines, result = run(Script(), demands=0)
    assert not reached
    assert result["metrics"]["alike_rate"] == 1
    errors = [line.text for line in lines if isinstance(line, Notice) and line.level == "error"]
    assert len(errors) == 1
    assert "gave up at 0 of 25 pairs" in errors[0]


def test_alarms() -> None:
    calm = dict.fromkeys((metric.name for metric in preference_pairs.METRICS), 0.0) | {
        "longer_chosen_share": 0.5,
        "judge_verifier_agreement": 0.9,
    }
    assert preference_pairs.alarms(calm, 100) == []
    loud = calm | {
        "longer_chosen_share": 0.9,
        "judge_verifier_agreement": 0.5,
        "rejected_incomplete_share": 0.95,
        "alike_rate": 0.95,
    }
    assert len(preference_pairs.alarms(loud, 100)) == 4
    assert len(preference_pairs.alarms(loud, 10)) == 3
    assert (
        preference_pairs.alarms(calm | {"longer_chosen_share": None, "judge_verifier_agreement": None}, 0)
        == []
    )


def test_a_real_tiny_model_samples_and_judges(tiny_model: Path, tmp_path: Path) -> None:
    from phases.datagen.judge import judge
    from phases.generation.transformers_engine import TransformersEngine
    from phases.models.loader import load_model

    constitution = Constitution("Pairs.", (), ())
    one, other = judge(
        TransformersEngine(load_model(str(tiny_model)), batch_size=3),
        constitution,
        [("Sing.", "La la.", "No."), ("Sing.", "No.", "La la.")],
    )
    assert one.as_first == pytest.approx(-other.as_second, abs=1e-4)
    assert one.as_second == pytest.approx(-other.as_first, abs=1e-4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--candidates-per-prompt 1", "--candidates-per-prompt: Input should be greater than or equal to 2"),
        ("--prompts-from {folder}/none_*.jsonl", "--prompts-from: no file matches"),
        (
            "--prompts-from {folder}/odd.jsonl",
            "odd.jsonl, line 1: expected an object with a text 'instruction'",
        ),
        ("--constitution {folder}/none.yaml", "none.yaml: cannot be read: No such file"),
        ("--constitution {folder}/odd.yaml", "odd.yaml: Object missing required field `title`"),
    ],
)
def test_bad_input_is_one_message_and_exit_2(
    arguments: str, message: str, tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "odd.jsonl").write_text('{"question": "Why?"}\n')
    (tmp_path / "odd.yaml").write_text("principles: []\n")
    given = f"--model {tiny_model} --output-dir {tmp_path} {arguments.format(folder=tmp_path)}"
    try:
        code = phase_main("phases.preference_pairs", given.split())
    except SystemExit as stop:
        code = int(str(stop.code))
    error = capsys.readouterr().err
    assert code == 2
    assert message in error
    assert error.count("\n") == 1
