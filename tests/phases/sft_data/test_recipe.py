"""SFT data from a scripted model: rows, filters, batches, and resuming after a kill at any point."""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from phases.contract.phase_main import phase_main
from phases.contract.protocol import Line, Notice, Sample
from phases.datagen.seeds import load_seeds
from phases.generation.completion import Completion
from phases.scoring.overlap import SuiteOverlap
from phases.scoring.suite import index_answers, index_instructions, load_halves, load_suite
from phases.sft_data import recipe as sft_data
from phases.sft_data.spec import METRICS
from phases.verifiers.infer import infer_checks
from phases.verifiers.refusals import is_refusal
from phases.verifiers.registry import find_failures

VERBS = ("Name", "Find", "Draw", "Describe", "Count", "Compare", "Choose", "Explain")
NOUNS = ("tree", "river", "city", "star", "boat", "clock", "garden", "letter", "mirror", "candle")
PLACES = ("Rome", "Oslo", "Lima", "Cairo", "Delhi", "Quito", "Perth", "Kyiv")


class Killed(BaseException):
    """Simulates SIGKILL: nothing catches it."""


class ScriptedModel:
    """Completions that depend only on prompt and seed; raises `Killed` after some batches."""

    def __init__(self, batches: float = float("inf")) -> None:
        self.remaining = batches
        self.rows = 0

    def __call__(
        self, loaded: object, prompts: Sequence[str], *, seeds: Sequence[int], **rest: object
    ) -> Iterator[tuple[int, Completion]]:
        if self.remaining <= 0:
            raise Killed
        self.remaining -= 1
        for index, (prompt, seed) in enumerate(zip(prompts, seeds, strict=True)):
            self.rows += 1
            digest = hashlib.sha256(f"{seed} {prompt}".encode()).digest()
            text = self.write_tasks(digest) if "Task 1:" in prompt else self.write_answer(prompt, digest)
            yield index, Completion(text, digest[9] % 8 > 0, len(text.split()))

    @staticmethod
    def write_tasks(digest: bytes) -> str:
        picks = [
            f"{VERBS[a % 8]} the {NOUNS[b % 10]} near {PLACES[c % 8]}."
            for a, b, c in zip(digest[::3], digest[1::3], digest[2::3], strict=False)
        ]
        return "".join(f"\nTask {n}: {pick}" for n, pick in enumerate(picks, 9)).removeprefix("\nTask 9:")

    @staticmethod
    def write_answer(prompt: str, digest: bytes) -> str:
        instruction = prompt.rpartition("Instruction: ")[2].partition("\n")[0]
        bad = {0: "", 1: " User: what?", 2: f" {instruction}", 3: " I'm sorry, but I can't help with that."}
        return bad.get(digest[0] % 12, f" It is {digest[1]} steps from {NOUNS[digest[2] % 10]} {digest[3]}.")


Run = Callable[..., tuple[bool, list[Line], dict[str, Any]]]


@pytest.fixture
def run(make_data: Callable[..., Any]) -> Run:
    """Return a function that runs the phase with a script in place of generation."""

    def run_phase(script: ScriptedModel, output_dir: str = "out", **values: object) -> Any:
        return make_data(
            sft_data, script, output_dir, **{"count": 30, "samples_per_list": 1, "batch_size": 4, **values}
        )

    return run_phase


def list_data_files(folder: Path) -> list[Path]:
    return sorted(folder.glob("sft_training_data_*.jsonl"))


def read_all_rows(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for path in list_data_files(folder) for line in path.read_text().splitlines()]


def test_rows_are_ready_for_training_and_have_their_origin(run: Run, tmp_path: Path) -> None:
    is_complete, lines, result = run(ScriptedModel())
    rows = read_all_rows(tmp_path / "out")
    assert is_complete
    assert len(rows) == 30
    for row in rows:
        assert row["completion"] == f" {row['response']}<|endoftext|>"
        assert row["formatted_text"] == f"Instruction: {row['instruction']}\nResponse:{row['completion']}"
        assert row["response"].startswith("It is ")
        assert row["category"] in {"commands", "completion", "format", "multi_step", "questions"}
    assert len({row["instruction"] for row in rows}) == 30
    metrics = result["metrics"]
    assert metrics["rows"] == metrics["total_rows"] == 30
    assert set(metrics) <= {metric.name for metric in METRICS}
    assert metrics["responses_unfinished"] > 0
    assert metrics["duplicates_removed"] > 0
    assert metrics["responses_generated"] >= 30 + metrics["responses_rejected"]
    assert len([line for line in lines if isinstance(line, Sample)]) >= 5
    notices = [line.text for line in lines if isinstance(line, Notice)]
    assert any("chat_template=None verified: True" in text for text in notices)
    assert any("add_special_tokens=False verified" in text for text in notices)
    [report] = (tmp_path / "out").glob("*.quality.json")
    filters = json.loads(report.read_bytes())["responses"]["filters"]
    assert {"empty response", "label in response", "echo of the instruction"} <= set(filters)
    manifest = json.loads((tmp_path / "out/manifest.json").read_bytes())
    assert {path.name for path in list_data_files(tmp_path / "out")} <= set(manifest["outputs"])
    assert manifest["provenance"]["chat_template"] is None


@pytest.mark.parametrize("batches", [0, 1, 2, 3, 5, 8])
def test_a_killed_run_continues_without_a_lost_duplicated_or_changed_row(
    run: Run, tmp_path: Path, batches: int
) -> None:
    uninterrupted = ScriptedModel()
    run(uninterrupted, "whole")
    with pytest.raises(Killed):
        run(ScriptedModel(batches))
    [data], generations = list_data_files(tmp_path / "out"), tmp_path / "out/work/batch_1.generations.jsonl"
    written = data.read_bytes()
    for path in (data, generations):
        with path.open("ab") as file:
            file.write(b'{"instruction": "Name a t')  # a line that was being written
    resumed = ScriptedModel()
    is_complete, lines, result = run(resumed)
    assert is_complete
    assert list_data_files(tmp_path / "out") == [data]
    assert data.read_bytes().startswith(written)
    [undisturbed] = list_data_files(tmp_path / "whole")
    assert data.read_bytes() == undisturbed.read_bytes()
    assert (
        resumed.rows == uninterrupted.rows - min(uninterrupted.rows, batches * 4)
        or resumed.rows < uninterrupted.rows
        or batches == 0
    )
    assert any(isinstance(line, Notice) and line.text.startswith("resuming") for line in lines)
    assert result["metrics"] | {"tokens_per_second": None} == json.loads(
        (tmp_path / "whole/result.json").read_bytes()
    )["metrics"] | {"tokens_per_second": None}


def test_a_finished_batch_generates_nothing_and_grows_with_a_higher_count(run: Run, tmp_path: Path) -> None:
    run(ScriptedModel())
    first = read_all_rows(tmp_path / "out")
    idle = ScriptedModel()
    run(idle)
    assert idle.rows == 0
    run(ScriptedModel(), count=40)
    assert read_all_rows(tmp_path / "out")[:30] == first
    assert len(read_all_rows(tmp_path / "out")) == 40
    _, _, result = run(idle, count=10)
    assert result["metrics"]["rows"] == 40


def test_a_new_batch_has_its_own_file_and_instructions(run: Run, tmp_path: Path) -> None:
    run(ScriptedModel())
    _, _, result = run(ScriptedModel(), batch=2)
    rows = read_all_rows(tmp_path / "out")
    assert len(list_data_files(tmp_path / "out")) == 2
    assert len({row["instruction"] for row in rows}) == len(rows) == result["metrics"]["total_rows"] == 60


def test_a_batch_from_other_inputs_is_superseded(run: Run, tmp_path: Path) -> None:
    run(ScriptedModel())
    before = read_all_rows(tmp_path / "out")
    _, lines, _ = run(ScriptedModel(), demonstrations=3)
    assert len(read_all_rows(tmp_path / "out")) == 30
    [aside] = (tmp_path / "out/superseded").glob("*/sft_training_data_*.jsonl")
    assert [json.loads(line) for line in aside.read_text().splitlines()] == before
    assert any(isinstance(line, Notice) and "parameters changed" in line.text for line in lines)


def test_an_edited_row_is_refused(run: Run, tmp_path: Path) -> None:
    run(ScriptedModel())
    [path] = list_data_files(tmp_path / "out")
    path.write_text(path.read_text().replace("steps from", "miles from", 1))
    with pytest.raises(ValueError, match="row 1: differs"):
        run(ScriptedModel())


def test_instructions_from_the_suite_are_removed(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    planted = [prompt.instruction for prompt in load_suite("embedded").prompts]
    monkeypatch.setattr(
        ScriptedModel,
        "write_tasks",
        staticmethod(lambda digest: f" {planted[digest[0]]}\nTask 9: Sing {digest[1]} songs."),
    )
    _, _, result = run(ScriptedModel(), count=5)
    assert result["metrics"]["contaminated_removed"] > 0
    assert not {row["instruction"] for row in read_all_rows(tmp_path / "out")} & set(planted)


def test_a_model_with_low_acceptance_gives_up_after_a_few_rounds(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        ScriptedModel, "write_answer", staticmethod(lambda prompt, digest: " la la la la la la")
    )
    is_complete, lines, result = run(ScriptedModel())
    assert not is_complete
    assert result["metrics"]["rows"] == 0
    errors = [line.text for line in lines if isinstance(line, Notice) and line.level == "error"]
    assert len(errors) == 1
    assert "gave up at 0 of 30 rows" in errors[0]


def test_the_phase_runs_with_a_tiny_model(
    tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = f"--model {tiny_model} --count 3 --output-dir {tmp_path} --seeds embedded --suite embedded"
    sizes = "--lists-per-round 1 --samples-per-list 1 --list-tokens 16 --max-new-tokens 8 --demonstrations 1"
    assert phase_main("phases.sft_data", f"{arguments} {sizes}".split()) == 1  # it knows nothing
    assert "error: gave up" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--count 0", "--count: Input should be greater than or equal to 1 (given: '0')"),
        ("--seeds nowhere", "--seeds nowhere: no such file; expected embedded, stage1"),
        ("--suite nowhere", "suite nowhere: expected"),
        ("--seeds {broken}", "broken.jsonl, line 2: Object missing required field `response`"),
        ("--model {broken}", "expected a folder, a hub id"),
    ],
)
def test_bad_input_is_one_message_and_exit_2(
    arguments: str, message: str, tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "broken.jsonl"
    seed = '{"category": "c", "instruction": "Sing.", "response": "La."}'
    broken.write_text(f'{seed}\n{{"category": "c", "instruction": "Sing."}}\n')
    given = f"--model {tiny_model} --output-dir {tmp_path} {arguments.format(broken=broken)}"
    try:
        code = phase_main("phases.sft_data", given.split())
    except SystemExit as stop:
        code = int(str(stop.code))
    error = capsys.readouterr().err
    assert code == 2
    assert message in error
    assert error.count("\n") == 1


@pytest.mark.parametrize("name", ["stage1", "embedded"])
def test_seeds_pass_their_checks_and_are_in_no_suite(name: str) -> None:
    seeds = load_seeds(name)
    halves = load_halves(name)
    overlap = SuiteOverlap(index_instructions(halves), index_answers(halves))
    wrong = [
        s.instruction for s in seeds if find_failures(s.instruction, infer_checks(s.instruction), s.response)
    ]
    planted = [
        s.instruction
        for s in seeds
        # The world of the embedded model is so small that its seeds come close to what its suite asks.
        if (overlap.find_contamination(s.instruction, s.response) if name == "stage1" else None)
        or overlap.find_copy(s.instruction)
    ]
    declined = [s.instruction for s in seeds if is_refusal(s.response) != (s.category == "refusal")]
    assert (wrong, planted, declined) == ([], [], [])
    assert len(seeds) >= {"stage1": 120, "embedded": 40}[name]
    assert len({s.instruction for s in seeds}) == len(seeds)


def test_most_of_the_seeds_categories_are_not_the_suites() -> None:
    seeds = load_seeds("stage1")
    of_suite = {prompt.category for half in load_halves("stage1") for prompt in half.prompts}
    other = {seed.category for seed in seeds} - of_suite
    assert len(other) >= 15
    # Even if each category of the suite gets its largest share of the rows, the others have more.
    assert 1.5 * len(of_suite) < 0.5 * (len(of_suite) + len(other))
    lengths = [len(seed.response.split()) for seed in seeds]
    assert min(lengths) == 1
    assert max(lengths) > 80
    assert sum("\n\n" in seed.response for seed in seeds) >= 15
