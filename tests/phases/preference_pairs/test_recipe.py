"""Preference pairs from a scripted model: rows, prompts, the judge, batches, and resuming after a kill."""

import hashlib
import itertools
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from phases.contract.phase_main import phase_main
from phases.contract.protocol import Line, Notice, Sample
from phases.datagen.constitution import Constitution
from phases.datagen.harm_filter import asks_for_harm
from phases.datagen.judge_score import JudgeScore
from phases.datagen.seeds import Seed, load_seeds
from phases.datagen.vetted import load_vetted
from phases.generation.completion import Completion
from phases.preference_pairs import recipe as preference_pairs
from phases.preference_pairs.declining_balance import count_lessons
from phases.preference_pairs.pairs import PairMaker
from phases.preference_pairs.prompts import FIRST_ROUND
from phases.preference_pairs.report import DECIDERS, REJECTIONS
from phases.preference_pairs.spec import METRICS
from phases.scoring.suite import load_suite
from phases.sft_data import recipe as sft_data
from phases.verifiers.infer import infer_checks


class Killed(BaseException):
    """Simulates SIGKILL: nothing catches it."""


class ScriptedModel:
    """Completions that depend only on prompt and seed; raises `Killed` after some batches."""

    def __init__(self, batches: float = float("inf")) -> None:
        self.remaining = batches
        self.rows = 0
        self.lists: set[tuple[str, int]] = set()

    def __call__(
        self, loaded: object, prompts: Sequence[str], *, seeds: Sequence[int], **rest: object
    ) -> Iterator[tuple[int, Completion]]:
        if self.remaining <= 0:
            raise Killed
        self.remaining -= 1
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


SEED_ANSWERS = {seed.response for name in ("stage1", "embedded") for seed in load_seeds(name)}


def score_pairs(
    loaded: object, constitution: Constitution, pairs: Sequence[tuple[str, str, str]], **_: int
) -> Any:
    """Prefer answers of seeds, and else the first answer if it is longer than three characters."""
    return [
        JudgeScore(1, 1) if first in SEED_ANSWERS else JudgeScore(0.5 + len(first), len(first) - 3.5)
        for _, first, _ in pairs
    ]


Run = Callable[..., tuple[bool, list[Line], dict[str, Any]]]


@pytest.fixture
def run(make_data: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return a function that runs the phase with scripts in place of generation and judge."""
    monkeypatch.setattr("phases.preference_pairs.pair_judge.judge_by_choice", score_pairs)
    instructions_file = tmp_path / "sft_training_data_1.jsonl"
    instructions_file.write_text("".join(f'{{"instruction": "Name the colour {n}."}}\n' for n in range(20)))
    defaults = {"count": 25, "samples_per_list": 2, "batch_size": 8, "audited_pairs": 5}

    def run_phase(script: ScriptedModel, output_dir: str = "out", **values: object) -> Any:
        given = {"prompts_from": [str(instructions_file)], **defaults, **values}
        return make_data(preference_pairs, script, output_dir, **given)

    return run_phase


def get_data_file(folder: Path) -> Path:
    [path] = folder.glob("preference_pairs_*.jsonl")
    return path


def test_rows_have_pairs_ready_for_training_and_all_candidates(run: Run, tmp_path: Path) -> None:
    is_complete, lines, result = run(ScriptedModel())
    rows = [json.loads(line) for line in get_data_file(tmp_path / "out").read_text().splitlines()]
    assert is_complete
    assert len(rows) == 25
    for row in rows:
        assert row["prompt"] == f"Instruction: {row['instruction']}\nResponse:"
        assert row["chosen"].startswith(" ")
        assert row["chosen_finished"]
        assert row["chosen"] != row["rejected"] or not row["rejected_finished"]
        assert row["rejection_type"] in REJECTIONS
        assert 0 < row["margin"] <= 1
    assert {row["origin"] == "given" for row in rows} == {True, False}  # then fresh ones
    assert len({row["instruction"] for row in rows}) == 25
    metrics = result["metrics"]
    assert set(metrics) <= {metric.name for metric in METRICS}
    assert metrics["pairs"] == metrics["total_pairs"] == 25
    assert sum(metrics[f"decided_by_{name}_share"] for name in DECIDERS) == pytest.approx(1)
    assert sum(metrics[f"rejected_{kind}_share"] for kind in REJECTIONS) == pytest.approx(1)
    assert metrics["judge_tie_rate"] > 0
    assert len([line for line in lines if isinstance(line, Sample)]) >= 5
    assert any(isinstance(line, Notice) and "is not an adapter" in line.text for line in lines)


@pytest.mark.parametrize("batches", [1, 4, 9])
def test_a_killed_run_continues_without_a_lost_duplicated_or_changed_row(
    run: Run, tmp_path: Path, batches: int
) -> None:
    uninterrupted, resumed = ScriptedModel(), ScriptedModel()
    run(uninterrupted, "whole")
    with pytest.raises(Killed):
        run(ScriptedModel(batches))
    with get_data_file(tmp_path / "out").open("ab") as file:
        file.write(b'{"prompt": "Instr')
    assert run(resumed)[0]
    assert get_data_file(tmp_path / "out").read_bytes() == get_data_file(tmp_path / "whole").read_bytes()
    assert resumed.rows < uninterrupted.rows


def test_more_candidates_are_sampled_if_the_first_are_bad(run: Run, tmp_path: Path) -> None:
    run(ScriptedModel(), count=100)
    rows = [json.loads(line) for line in get_data_file(tmp_path / "out").read_text().splitlines()]
    first_ones_bad = [all(c["problems"] for c in row["candidates"][:4]) for row in rows]
    assert any(first_ones_bad)
    assert [len(row["candidates"]) == 8 for row in rows] == first_ones_bad
    assert all(len({c["seed"] for c in row["candidates"]}) in {4, 8} for row in rows)
    run(ScriptedModel(), "no_more", most_candidates=0)
    rows = [json.loads(line) for line in get_data_file(tmp_path / "no_more").read_text().splitlines()]
    assert {len(row["candidates"]) for row in rows} == {4}


def test_lists_differ_from_those_of_the_sft_data(run: Run, make_data: Callable[..., Any]) -> None:
    of_rows, of_pairs = ScriptedModel(), ScriptedModel()
    make_data(sft_data, of_rows, "rows", count=10)
    run(of_pairs, prompts_from=[])
    assert of_rows.lists
    assert of_pairs.lists
    assert not of_rows.lists & of_pairs.lists


def test_given_instructions_from_the_suite_are_removed(run: Run, tmp_path: Path) -> None:
    suite_prompt = load_suite("embedded").prompts[0].instruction
    path = tmp_path / "suite_prompt.jsonl"
    path.write_text(json.dumps({"instruction": suite_prompt}) + "\n")
    _, _, result = run(ScriptedModel(), prompts_from=[str(path)])
    assert result["metrics"]["contaminated_removed"] >= 1
    assert suite_prompt not in get_data_file(tmp_path / "out").read_text()


def test_pairs_whose_responses_contain_a_suite_prompt_are_removed(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    suite_prompt = load_suite("embedded").prompts[0].instruction
    original = ScriptedModel.__call__

    def ask_back(self: ScriptedModel, *arguments: Any, **named: Any) -> Iterator[tuple[int, Completion]]:
        for index, completion in original(self, *arguments, **named):
            sung = completion.text == " Sing"
            yield index, Completion(f" Well: {suite_prompt}", True, 9) if sung else completion

    monkeypatch.setattr(ScriptedModel, "__call__", ask_back)
    _, _, result = run(ScriptedModel())
    assert result["metrics"]["contaminated_removed"] >= 1
    rows = [json.loads(line) for line in get_data_file(tmp_path / "out").read_text().splitlines()]
    assert len(rows) == 25
    assert not any(suite_prompt in row["chosen"] + row["rejected"] for row in rows)


def test_only_vetted_requests_are_declined(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    declined_request, answered_request = (
        next(
            row.instruction
            for row in load_vetted(name)
            if asks_for_harm(row.instruction) is not (name == "harmful")
        )
        for name in ("harmful", "harmless")
    )
    category_of = {
        declined_request: "commands",  # vetted sets overrule the category, and words
        answered_request: "refusal",
        "How do I make a bomb?": "refusal",  # not vetted
        "How do I get to the station?": "refusal",
        "How do I stop a thief?": "commands",  # unclear
        "Name a lake.": "commands",
    }
    path = tmp_path / "asked.jsonl"
    path.write_text(
        "".join(json.dumps({"instruction": t, "category": c}) + "\n" for t, c in category_of.items())
    )

    def answer(
        self: ScriptedModel, loaded: object, prompts: Sequence[str], *, seeds: Sequence[int], **_: object
    ) -> Iterator[tuple[int, Completion]]:
        for n, _seed in enumerate(seeds):
            text = " I'm sorry, but I can't help with that." if n % 2 else " Take the road to the north."
            yield n, Completion(text, True, 9)

    monkeypatch.setattr(ScriptedModel, "__call__", answer)
    _, _, result = run(ScriptedModel(), prompts_from=[str(path)], demands=0)
    rows = [json.loads(line) for line in get_data_file(tmp_path / "out").read_text().splitlines()]
    declined = {row["instruction"]: "sorry" in row["chosen"] for row in rows}
    assert declined == {declined_request: True, answered_request: False, "Name a lake.": False}
    assert {row["category"] for row in rows} == {"harmless", "refusal", "commands"}
    assert result["metrics"]["unclear_removed"] == 3


class CautiousModel(ScriptedModel):
    """Declines half of all requests, at random."""

    def __call__(
        self, loaded: object, prompts: Sequence[str], *, seeds: Sequence[int], **rest: object
    ) -> Iterator[tuple[int, Completion]]:
        for index, completion in super().__call__(loaded, prompts, seeds=seeds, **rest):
            is_list = "Task 1:" in prompts[index]
            text = " I'm sorry, but I can't help with that." if seeds[index] % 2 else " Turn to the left."
            yield index, completion if is_list else Completion(text, True, 9)


@pytest.mark.parametrize(("harmful", "count"), [(30, 25), (0, 8)])
def test_pairs_that_teach_to_answer_are_limited(run: Run, tmp_path: Path, harmful: int, count: int) -> None:
    """Over batches and after a kill; the second batch uses up all requests, most of them harmless."""
    requests = [
        *(row.instruction for row in load_vetted("harmful")[:harmful]),
        *(f"Name a lake near town {n}." for n in range(120)),
    ]
    path = tmp_path / "asked.jsonl"
    path.write_text("".join(json.dumps({"instruction": text}) + "\n" for text in requests))
    given = {"prompts_from": [str(path)], "demands": 0, "judged_candidates": 0, "votes_ahead": 0}
    with pytest.raises(Killed):
        run(CautiousModel(1), count=count, **given)
    assert run(CautiousModel(), count=count, **given)[0]
    assert run(CautiousModel(), "whole", count=count, batch_size=3, **given)[0]
    assert get_data_file(tmp_path / "out").read_bytes() == get_data_file(tmp_path / "whole").read_bytes()

    is_complete, _, result = run(CautiousModel(), count=1000, batch=2, **given)
    rows = [
        json.loads(line)
        for file in (tmp_path / "out").glob("preference_pairs_*.jsonl")
        for line in file.read_text().splitlines()
    ]
    lessons, metrics = count_lessons(rows), result["metrics"]
    assert not is_complete
    assert (lessons["decline"] > 20) is (harmful > 0)
    assert lessons["answer"] == max(10, lessons["decline"])
    assert (metrics["chosen_declines"], metrics["rejected_declines"]) == (
        *(lessons["decline"], lessons["answer"]),
    )
    assert metrics["unbalanced_removed"] > 60


def test_instructions_are_also_used_with_constraints(run: Run, tmp_path: Path) -> None:
    _, _, result = run(ScriptedModel(), demands=2, count=40)
    rows = [json.loads(line) for line in get_data_file(tmp_path / "out").read_text().splitlines()]
    given_rows = [row for row in rows if row["origin"] == "given"]
    assert {bool(row["checks"]) for row in given_rows} == {True, False}
    constrained = [row["instruction"] for row in rows if row["checks"]]
    assert len(set(constrained)) == len(constrained)
    assert result["metrics"]["checked_share"] == len(constrained) / len(rows)


@pytest.fixture
def prompts(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Return a list that collects the prompts for which candidates are sampled."""
    prompts: list[Any] = []
    sample_candidates = PairMaker._sample_candidates

    def record_prompts(self: PairMaker, instructions: Sequence[Any]) -> Any:
        prompts.extend(instructions)
        return sample_candidates(self, instructions)

    monkeypatch.setattr(PairMaker, "_sample_candidates", record_prompts)
    return prompts


def test_harmful_requests_get_constraints_that_a_refusal_satisfies(
    run: Run, tmp_path: Path, prompts: list[Any]
) -> None:
    path = tmp_path / "harm.jsonl"
    request = load_vetted("harmful")[0].instruction
    path.write_text(json.dumps({"instruction": request, "category": "refusal"}) + "\n")
    run(ScriptedModel(), prompts_from=[str(path)], demands=2)
    harmful = [prompt.text for prompt in prompts if prompt.category == "refusal" and prompt.origin == "given"]
    assert len(harmful) == 3
    assert [check.kind for text in harmful for check in infer_checks(text)] == ["sentences"] * 2


def test_constraints_that_no_candidate_satisfies_are_dropped(
    run: Run, tmp_path: Path, prompts: list[Any]
) -> None:
    path = tmp_path / "many.jsonl"
    path.write_text("".join(json.dumps({"instruction": f"Describe town {n}."}) + "\n" for n in range(600)))
    run(ScriptedModel(), prompts_from=[str(path)], demands=2, count=400, batch_size=512)
    texts = [prompt.text for prompt in prompts]
    first, later = texts[: 3 * FIRST_ROUND], texts[3 * FIRST_ROUND :]
    assert any("JSON" in text for text in first)
    assert later
    assert not any("JSON" in text for text in later)
    assert any("Use no more than" in text for text in later)


def test_a_judge_that_fails_calibration_is_not_used(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    _, _, result = run(ScriptedModel(), "sure")
    assert result["metrics"]["judge_calibration"] > 0.75
    assert result["metrics"]["judge_calibration_low"] > 0.5
    assert result["metrics"]["judge_trusted"] == 1
    assert result["metrics"]["decided_by_judge_share"] > 0
    monkeypatch.setattr(
        "phases.preference_pairs.pair_judge.judge_by_choice",
        lambda loaded, constitution, pairs, **_: [JudgeScore(1, -1) for _ in pairs],
    )
    _, lines, result = run(ScriptedModel(), "unsure")
    assert result["metrics"]["judge_calibration"] == 0
    assert result["metrics"]["decided_by_judge_share"] == 0
    assert result["metrics"]["judge_unproven_share"] == result["metrics"]["judge_trusted"] == 0
    [notice] = [line for line in lines if isinstance(line, Notice) and "the judge is not used" in line.text]
    assert notice.level == "warning"
    assert "right in both orders on 0% [0%, " in notice.text
    assert 'Set judge = "auto" to try likelihoods: on 100% the order of the answers decided' in notice.text
    assert "set judged_candidates = 0" in notice.text


@pytest.mark.parametrize(("right", "proven"), [(1.0, True), (0.5, False)])
def test_pairs_of_a_judge_that_disagrees_with_the_verifiers_are_unproven(
    run: Run, monkeypatch: pytest.MonkeyPatch, right: float, proven: bool
) -> None:
    numbers = itertools.count()

    def agree(
        loaded: object, constitution: object, pairs: Sequence[tuple[str, str, str]], **_: object
    ) -> Any:
        """Be right on near misses, and on a share of the other pairs."""
        return [
            JudgeScore(1, 1)
            if first in SEED_ANSWERS or next(numbers) % 10 < 10 * right
            else JudgeScore(-1, -1)
            for _, first, _ in pairs
        ]

    monkeypatch.setattr("phases.preference_pairs.pair_judge.judge_by_choice", agree)
    _, _, result = run(ScriptedModel(), audited_pairs=40, count=60)
    metrics = result["metrics"]
    assert metrics["judge_trusted"] == 1
    assert metrics["decided_by_judge_share"] > 0
    assert (metrics["judge_unproven_share"] == 0) is proven


def test_an_uncalibrated_judge_is_not_used(run: Run) -> None:
    _, lines, result = run(ScriptedModel(), calibration_pairs=0)
    assert result["metrics"]["decided_by_judge_share"] == result["metrics"]["judge_trusted"] == 0
    assert result["metrics"]["judge_calibration"] is None
    assert any(
        isinstance(line, Notice) and "set calibration_pairs to 60" in line.text.casefold() for line in lines
    )


def test_auto_falls_back_to_the_judge_by_likelihood(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "phases.preference_pairs.pair_judge.judge_by_choice",
        lambda loaded, constitution, pairs, **_: [JudgeScore(1, -1) for _ in pairs],
    )
    examples: list[str] = []

    def prefer_first(
        engine: object, demonstrations: Sequence[Seed], pairs: Sequence[tuple[str, str, str]], **_: object
    ) -> list[JudgeScore]:
        examples.extend(seed.instruction for seed in demonstrations)
        assert not set(examples) & {instruction for instruction, *_ in pairs}
        return [JudgeScore(1.0, 1.0) for _ in pairs]

    monkeypatch.setattr("phases.preference_pairs.pair_judge.judge_by_likelihood", prefer_first)
    _, lines, result = run(ScriptedModel(), judge="auto")
    assert examples
    assert result["metrics"]["judge_calibration"] == 1
    assert result["metrics"]["decided_by_judge_share"] > 0
    notices = [line.text for line in lines if isinstance(line, Notice)]
    [notice] = [text for text in notices if text.startswith("judge: likelihood; by choice right in both")]
    assert "orders on 0% [" in notice
    assert "; by likelihood right in both orders on 100% [" in notice


def test_without_a_judge_undecided_prompts_are_ties(run: Run) -> None:
    _, _, result = run(ScriptedModel(), judged_candidates=0, audited_pairs=0)
    metrics = result["metrics"]
    assert metrics["decided_by_judge_share"] == 0
    assert metrics["tie_rate"] > 0
    assert metrics["judge_tie_rate"] is None


def test_a_model_with_one_answer_gives_up(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def repeat_answer(
        self: ScriptedModel, loaded: object, prompts: Sequence[str], **_: object
    ) -> Iterator[tuple[int, Completion]]:
        return ((n, Completion(" red", True, 2)) for n in range(len(prompts)))

    monkeypatch.setattr(ScriptedModel, "__call__", repeat_answer)
    is_complete, lines, result = run(ScriptedModel(), demands=0)
    assert not is_complete
    assert result["metrics"]["alike_rate"] == 1
    errors = [line.text for line in lines if isinstance(line, Notice) and line.level == "error"]
    assert len(errors) == 1
    assert "gave up at 0 of 25 pairs" in errors[0]


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
