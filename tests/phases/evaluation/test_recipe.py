"""Evaluation: the files it writes, and how an interrupted one continues."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from phases.contract import files
from phases.contract.phase_main import phase_main
from phases.evaluation import answers_file, recipe
from phases.evaluation.spec import METRICS
from phases.scoring import suite as suites
from phases.scoring.suite import load_suite
from phases.verifiers.registry import VERIFIERS_VERSION

ROWS = [
    {
        "key": f"k{n}",
        "category": "commands",
        "instruction": f"Say {n}.",
        "checks": [{"kind": "words", "arguments": {"at_most": n}}],
    }
    for n in (0, 50)
]


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    path = tmp_path / "suite.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return path


@pytest.fixture
def arguments(tiny_model: Path, suite: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setenv("GONOGO_RESULT", str(tmp_path / "result.json"))
    monkeypatch.setenv("GONOGO_PROGRESS", str(tmp_path / "progress.jsonl"))
    folder = tmp_path / "out"
    given = ["--model", str(tiny_model), "--suite", str(suite), "--output-dir", str(folder)]
    return [*given, "--max-new-tokens", "6", "--batch-size", "1"]


def summary(tmp_path: Path) -> dict[str, object]:
    [path] = (tmp_path / "out").glob("eval_*.json")
    return json.loads(path.read_text())  # type: ignore[no-any-return]


def test_an_evaluation_keeps_what_the_model_said(arguments: list[str], suite: Path, tmp_path: Path) -> None:
    assert phase_main("phases.evaluation", arguments) == 0
    found = summary(tmp_path)
    assert found["prompts"] == 2
    assert 0 <= found["success_rate"] <= 1  # type: ignore[operator]
    assert found["suite"] == {"name": "suite", "version": load_suite(str(suite)).version}
    assert [r["key"] for r in found["results"]] == ["k0", "k50"]  # type: ignore[attr-defined]
    metrics = json.loads((tmp_path / "result.json").read_text())["metrics"]
    assert set(metrics) <= {metric.name for metric in METRICS}
    assert metrics["success_rate"] == found["success_rate"]
    kinds = [json.loads(line)["type"] for line in (tmp_path / "progress.jsonl").read_text().splitlines()]
    assert {"progress", "sample", "artifact", "metric"} <= set(kinds)


def test_an_answer_that_is_cut_off_has_not_followed(arguments: list[str], tmp_path: Path) -> None:
    phase_main("phases.evaluation", arguments)
    for row in summary(tmp_path)["results"]:  # type: ignore[attr-defined]
        assert not (row["passed"] and not row["finished"])
        assert row["finished"] == ("unfinished" not in row["failures"])


def test_the_stop_rule_is_recorded_and_another_is_not_continued(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    phase_main("phases.evaluation", arguments)
    assert summary(tmp_path)["provenance"]["stop_rule"] == answers_file.STOP_RULE  # type: ignore[index]
    [rows] = (tmp_path / "out").glob("eval_*.jsonl")
    assert json.loads(rows.read_text().splitlines()[0])["fingerprint"]["stop_rule"] == answers_file.STOP_RULE
    rows.with_suffix(".json").unlink()
    old = rows.rename(rows.with_name("eval_20200101_000000.jsonl"))
    before = old.read_bytes()
    monkeypatch.setattr(answers_file, "STOP_RULE", "another rule")
    phase_main("phases.evaluation", arguments)
    assert old.read_bytes() == before
    assert "made from another model" in (tmp_path / "progress.jsonl").read_text()


def test_with_shots_every_prompt_is_asked_again_after_examples(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    phase_main("phases.evaluation", arguments)
    without = summary(tmp_path)["results"]
    next((tmp_path / "out").glob("eval_*.json")).rename(tmp_path / "first.json")
    next((tmp_path / "out").glob("eval_*.jsonl")).unlink()
    phase_main("phases.evaluation", [*arguments, "--shots", "3"])
    found = summary(tmp_path)
    assert found["results"] == without  # the primary result does not know of the examples
    again = found["results_few_shot"]
    assert [(row["key"], row["shots"]) for row in again] == [("k0", 3), ("k50", 3)]  # type: ignore[attr-defined]
    shown = found["provenance"]["demonstrations"]  # type: ignore[index]
    assert {example["category"] for example in shown["commands"]} == {"commands"}
    metrics = json.loads((tmp_path / "result.json").read_text())["metrics"]
    assert set(metrics) <= {metric.name for metric in METRICS}
    low, rate, high = (metrics[f"following_rate_few_shot{end}"] for end in ("_low", "", "_high"))
    assert low <= rate <= high
    # Interrupted among the answers with examples, it continues there.
    [rows] = (tmp_path / "out").glob("eval_*.jsonl")
    lines = rows.read_bytes().splitlines(keepends=True)
    rows.with_suffix(".json").unlink()
    rows = rows.rename(rows.with_name("eval_20200101_000000.jsonl"))  # no new file gets this name
    rows.write_bytes(b"".join(lines[:4]))
    monkeypatch.setattr(recipe.Reporter, "sample", lambda *given: None)
    phase_main("phases.evaluation", [*arguments, "--shots", "3"])
    assert summary(tmp_path)["results_few_shot"] == again
    assert len(rows.read_bytes().splitlines()) == 5


def test_an_interrupted_evaluation_continues(arguments: list[str], tmp_path: Path) -> None:
    phase_main("phases.evaluation", arguments)
    whole = summary(tmp_path)["results"]
    [rows] = (tmp_path / "out").glob("eval_*.jsonl")
    lines = rows.read_bytes().splitlines(keepends=True)
    rows.with_suffix(".json").unlink()
    first = json.loads(lines[1])
    marked = json.dumps({**first, "response": "kept from before"}).encode() + b"\n"
    rows = rows.rename(rows.with_name("eval_20200101_000000.jsonl"))  # no new file gets this name
    rows.write_bytes(lines[0] + marked + lines[2][:9])  # the second answer is torn
    phase_main("phases.evaluation", arguments)
    again = {row["key"]: row for row in summary(tmp_path)["results"]}  # type: ignore[attr-defined]
    assert again[first["key"]]["response"] == "kept from before"
    other = next(row for row in whole if row["key"] != first["key"])  # type: ignore[attr-defined]
    assert again[other["key"]] == other
    assert len(rows.read_text().splitlines()) == 3


@pytest.mark.parametrize(
    ("verifiers", "continued"),
    [
        (VERIFIERS_VERSION, True),
        (VERIFIERS_VERSION - 1, False),
        # Recorded before there was a version; it means version 1.
        ("fafdc7821b635087a12aae6b96b7ecc595039fd6cfdf2e37d480af358c1744a0", False),
        ("another hash", False),
    ],
)
def test_only_answers_judged_by_the_same_verifiers_are_continued(
    verifiers: int | str, continued: bool, arguments: list[str], tmp_path: Path
) -> None:
    phase_main("phases.evaluation", arguments)
    [rows] = (tmp_path / "out").glob("eval_*.jsonl")
    lines = rows.read_text().splitlines()
    first = json.loads(lines[0])
    assert first["fingerprint"]["verifiers"] == VERIFIERS_VERSION
    assert summary(tmp_path)["provenance"]["verifiers"] == VERIFIERS_VERSION  # type: ignore[index]
    first["fingerprint"]["verifiers"] = verifiers
    rows.with_suffix(".json").unlink()
    rows = rows.rename(rows.with_name("eval_20200101_000000.jsonl"))
    rows.write_text(json.dumps(first) + "\n" + lines[1] + "\n")
    phase_main("phases.evaluation", arguments)
    assert (len(rows.read_text().splitlines()) == 3) == continued
    assert rows.with_suffix(".json").exists() == continued


def test_answers_to_other_parameters_are_not_taken_over(arguments: list[str], tmp_path: Path) -> None:
    phase_main("phases.evaluation", arguments)
    [rows] = (tmp_path / "out").glob("eval_*.jsonl")
    rows.with_suffix(".json").unlink()
    old = rows.rename(rows.with_name("eval_20200101_000000.jsonl"))
    before = old.read_bytes()
    changed = [argument if argument != "6" else "5" for argument in arguments]
    phase_main("phases.evaluation", changed)
    assert old.read_bytes() == before
    assert "made from another model" in (tmp_path / "progress.jsonl").read_text()


def test_a_suite_that_is_missing_is_one_message(
    tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["--model", str(tiny_model), "--output-dir", str(tmp_path), "--suite", "nothing"]
    assert phase_main("phases.evaluation", given) == 2
    assert capsys.readouterr().err.startswith("phases.evaluation: suite nothing: expected")


# The test half


@pytest.fixture
def halves(suite: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The suite with a test half that has the same keys but other prompts."""
    (suite.parent / "stage1.jsonl").symlink_to(suites.SUITES / "stage1.jsonl")
    monkeypatch.setattr(suites, "SUITES", suite.parent)
    rows = [row | {"instruction": f"Secretly {row['instruction']}"} for row in ROWS]
    test_half = suite.with_name("suite_test.jsonl")
    test_half.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return test_half


def name_suite(arguments: list[str], name: str) -> list[str]:
    return [name if argument.endswith("suite.jsonl") else argument for argument in arguments]


def test_the_test_half_is_sealed(
    arguments: list[str], halves: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert phase_main("phases.evaluation", [*name_suite(arguments, "suite"), "--shots", "2"]) == 0
    found = summary(tmp_path)
    assert found["prompts"] == 2
    assert [row["key"] for row in found["results"]] == ["k0", "k50"]  # type: ignore[attr-defined]
    sealed = tmp_path / "out" / found["sealed"]["file"]  # type: ignore[index]
    assert found["sealed"] == {  # type: ignore[index]
        "file": sealed.name,
        "sha256": files.hash_path(sealed),
        "suite": {"name": "suite_test", "version": load_suite(str(halves)).version},
    }
    header, *rows = [json.loads(line) for line in sealed.read_text().splitlines()]
    assert header["sealed"] == answers_file.SEAL
    assert sorted((row["key"], row["shots"]) for row in rows) == [
        ("k0", 0),
        ("k0", 2),
        ("k50", 0),
        ("k50", 2),
    ]
    assert all(row["instruction"].startswith("Secretly") for row in rows)
    # Nothing that an operator sees contains a prompt of the test half, or an answer to one.
    shown = [tmp_path / "progress.jsonl", tmp_path / "result.json"]
    shown += [path for path in (tmp_path / "out").iterdir() if path != sealed]
    output = capfd.readouterr()
    for text in (*(path.read_text() for path in shown), output.out, output.err):
        assert "Secretly" not in text
    assert [line["total"] for line in progress_lines(tmp_path)][-1] == 8


def progress_lines(tmp_path: Path) -> list[dict[str, object]]:
    lines = [json.loads(line) for line in (tmp_path / "progress.jsonl").read_text().splitlines()]
    return [line for line in lines if line["type"] == "progress"]


def test_metrics_do_not_depend_on_the_test_half(
    arguments: list[str], halves: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    phase_main("phases.evaluation", name_suite(arguments, "suite"))
    with_half = json.loads((tmp_path / "result.json").read_text())["metrics"]
    halves.unlink()
    phase_main("phases.evaluation", [*name_suite(arguments, "suite")[:-4], "--max-new-tokens", "6"])
    without = json.loads((tmp_path / "result.json").read_text())["metrics"]
    assert {**with_half, "tokens_per_second": 0} == {**without, "tokens_per_second": 0}


def test_sealed_answers_are_continued(arguments: list[str], halves: Path, tmp_path: Path) -> None:
    phase_main("phases.evaluation", name_suite(arguments, "suite"))
    [rows] = (tmp_path / "out").glob("eval_*.jsonl")
    [sealed] = (tmp_path / "out").glob("sealed_*.jsonl")
    lines = sealed.read_bytes().splitlines(keepends=True)
    kept = json.dumps({**json.loads(lines[1]), "response": "kept from before"}).encode() + b"\n"
    rows.with_suffix(".json").unlink()
    rows.rename(rows.with_name("eval_20200101_000000.jsonl"))
    sealed = sealed.rename(sealed.with_name("sealed_20200101_000000.jsonl"))
    sealed.write_bytes(lines[0] + kept)
    phase_main("phases.evaluation", name_suite(arguments, "suite"))
    assert sealed.read_bytes().splitlines(keepends=True)[:2] == [lines[0], kept]
    assert len(sealed.read_bytes().splitlines()) == 3
    assert summary(tmp_path)["sealed"]["sha256"] == files.hash_path(sealed)  # type: ignore[index]


def test_another_test_half_is_not_mixed_in(arguments: list[str], halves: Path, tmp_path: Path) -> None:
    phase_main("phases.evaluation", name_suite(arguments, "suite"))
    [rows] = (tmp_path / "out").glob("eval_*.jsonl")
    rows.with_suffix(".json").unlink()
    old = rows.rename(rows.with_name("eval_20200101_000000.jsonl"))
    before = old.read_bytes()
    halves.write_text(halves.read_text().replace("Secretly", "Quietly"))
    phase_main("phases.evaluation", name_suite(arguments, "suite"))
    assert old.read_bytes() == before


def test_a_test_half_is_not_evaluated_openly(
    arguments: list[str], halves: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert phase_main("phases.evaluation", name_suite(arguments, "suite_test")) == 2
    assert "suite_test: this is the held-out test half of suite; expected suite" in capsys.readouterr().err


def test_an_answer_that_follows_but_does_not_end_has_a_note_and_no_failure() -> None:
    samples: list[tuple[dict[str, str], bool]] = []
    reporter = SimpleNamespace(sample=lambda title, texts, passed: samples.append((texts, passed)))
    answer = SimpleNamespace(
        instruction="Name a bird.", response="owl", is_following=True, passed=False,
        failures=("went_on",), category="commands", key="c-1", shots=0,
    )  # fmt: skip
    recipe._report_sample(answer, reporter)  # type: ignore[arg-type]
    [(texts, passed)] = samples
    assert passed
    assert "Fails" not in texts
    assert "did not end" in texts["Note"]
