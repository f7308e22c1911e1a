"""Verification of a random model and of the embedded model."""

import json
from pathlib import Path

import pytest

from phases.contract.phase_main import phase_main
from phases.models.loader import load_model
from phases.models.tokenizer import load_tokenizer
from phases.scoring.suite import load_suite
from phases.verification.measurement import extract_first_block
from phases.verification.plain_formats import PLAIN_FRAMES
from phases.verification.spec import METRICS
from phases.verification.stimuli import list_sentinels
from tools.verification.formats import FORMATS
from tools.verification.tuning import Recipe, tune


def test_the_first_block_of_a_completion_is_judged() -> None:
    assert extract_first_block("\nRome.\n\nWhat is next?", False) == ("Rome.", True)
    assert extract_first_block("Rome. And then", False) == ("Rome. And then", False)
    assert extract_first_block("Rome.", True) == ("Rome.", True)
    assert extract_first_block("Rome.<|im_end|>\n<|im_start|>", False, ("<|im_end|>",)) == ("Rome.", True)


def test_nothing_is_concluded_about_a_model_that_knows_nothing(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = tmp_path / "result.json"
    monkeypatch.setenv("GONOGO_RESULT", str(result))
    arguments = ["--model", str(tiny_model), "--output-dir", str(tmp_path / "out"), "--max-new-tokens", "8"]
    assert phase_main("phases.verification", arguments) == 0
    written = json.loads(result.read_text())
    assert written["metrics"]["verdict"] == "inconclusive"
    assert set(written["metrics"]) <= {metric.name for metric in METRICS}
    [report] = (tmp_path / "out").glob("verification_*.json")
    evidence = json.loads(report.read_text())["evidence"]
    tokenizer = load_tokenizer(str(tiny_model))
    frames = {row["frame"] for row in evidence["completions"]}
    assert frames == {"bare, next line", "gonogo", written["metrics"]["stop_format"]}
    assert len(evidence["completions"]) == 20 * len(frames)
    for row in evidence["completions"]:
        assert row["prompt_ids"] == tokenizer.encode(row["prompt"])
    text = report.with_suffix(".txt").read_text()
    assert "INCONCLUSIVE" in text
    largest = max(row["stop"] for row in evidence["positions"] if row["place"] == "document")
    [documents] = [line for line in text.splitlines() if line.startswith("  document")]
    assert documents.endswith(f", {largest:.6f}")


def test_the_embedded_model_is_a_base_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GONOGO_RESULT", str(tmp_path / "result.json"))
    arguments = ["--model", "embedded", "--output-dir", str(tmp_path), "--max-new-tokens", "24"]
    assert phase_main("phases.verification", arguments) == 0
    metrics = json.loads((tmp_path / "result.json").read_text())["metrics"]
    assert metrics["verdict"] == "clean"
    assert metrics["success_rate"] <= 0.3


@pytest.mark.parametrize("name", ["Alpaca", "user"])
def test_a_tuned_model_is_contaminated_in_a_format_that_is_not_presented(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """The answers of the second format end with a mark as text, which is not presented either."""
    base = load_model("embedded")
    recipe = Recipe(rows=120, world=True, lora=False, learning_rate=1e-3, batch_size=8)
    unseen = FORMATS[name][-1]
    assert unseen.prompt not in {frame.prompt for frame in PLAIN_FRAMES.values()}
    marks = {mark for frame in PLAIN_FRAMES.values() for mark in frame.turn_ends}
    assert not any(unseen.answer.endswith(mark) for mark in marks)
    tuned = tune(base, recipe, unseen)
    tuned.model.save_pretrained(tmp_path / "tuned")
    base.tokenizer.hf.save_pretrained(tmp_path / "tuned")
    monkeypatch.setenv("GONOGO_RESULT", str(tmp_path / "result.json"))
    arguments = ["--model", str(tmp_path / "tuned"), "--output-dir", str(tmp_path), "--max-new-tokens", "24"]
    assert phase_main("phases.verification", arguments) == 0
    metrics = json.loads((tmp_path / "result.json").read_text())["metrics"]
    assert metrics["verdict"] == "contaminated"
    assert metrics["ended_rate"] >= 0.5


def test_a_model_that_is_missing_is_one_message(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert phase_main("phases.verification", ["--model", "./nothing", "--output-dir", str(tmp_path)]) == 2
    assert "model ./nothing: expected a folder" in capsys.readouterr().err


def test_sentinels_are_no_prompts_of_the_suites() -> None:
    asked = {sentinel.instruction for sentinel in list_sentinels()}
    assert not asked & {prompt.instruction for prompt in load_suite("stage1").prompts}
