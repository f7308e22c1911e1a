"""Verification: the rules on measured signals, and the whole phase on a random and on the embedded model."""

import json
import shutil
from pathlib import Path

import msgspec
import pytest

from phases.contract.phase_main import phase_main
from phases.models.tokenizer import load_tokenizer
from phases.scoring.suite import load_suite
from phases.verification.chat_format import find_chat_frame, find_chat_tokens
from phases.verification.measurement import extract_first_block
from phases.verification.prompts import list_sentinels
from phases.verification.signals import Signals, draw_conclusion
from phases.verification.spec import METRICS
from phases.verification.text_report import CALIBRATION, CalibrationCase, format_error_rates

CASES = json.loads(CALIBRATION.read_text())["cases"]
BASE = Signals(
    success_rate=0.05,
    completion_rate=1.0,
    chat_leak=0.0,
    stop_excess=0.001,
    identity_preference=-0.5,
    frame_stop=None,
    frame_gain=None,
    chat_template=False,
    chat_end_token=False,
    wraps_prompts=False,
)


def but(**changed: object) -> Signals:
    return msgspec.structs.replace(BASE, **changed)


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_the_calibration_is_judged_as_it_should_be(case: dict[str, object]) -> None:
    verdict, reasons = draw_conclusion(msgspec.convert(case["signals"], Signals))
    assert verdict in case["allowed"]  # type: ignore[operator]
    assert reasons


@pytest.mark.parametrize(
    ("signals", "verdict"),
    [
        (BASE, "clean"),
        # A base model that has seen chats: template, and turns that end inside a frame.
        (but(chat_template=True, frame_stop=0.9, frame_gain=0.4), "clean"),
        (but(chat_template=True, frame_stop=0.9, identity_preference=0.3), "inconclusive"),
        (but(chat_template=True), "clean"),
        (but(chat_leak=0.3), "contaminated"),
        (but(chat_leak=0.02), "inconclusive"),
        (but(stop_excess=0.1), "inconclusive"),
        (but(stop_excess=0.4), "inconclusive"),
        (but(stop_excess=0.4, success_rate=0.6), "contaminated"),
        (but(stop_excess=0.4, chat_template=True, frame_stop=0.9), "contaminated"),
        (but(success_rate=0.4), "inconclusive"),
        (but(chat_end_token=True, frame_stop=0.9), "inconclusive"),
        (but(wraps_prompts=True), "contaminated"),
        (but(completion_rate=0.2), "inconclusive"),
    ],
)
def test_rules(signals: Signals, verdict: str) -> None:
    assert draw_conclusion(signals)[0] == verdict


def test_the_first_block_of_a_completion_is_judged() -> None:
    assert extract_first_block("\nRome.\n\nWhat is next?", False) == ("Rome.", True)
    assert extract_first_block("Rome. And then", False) == ("Rome. And then", False)
    assert extract_first_block("Rome.", True) == ("Rome.", True)


TURNS = "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
CHAT = TURNS + "<|im_start|>assistant\n"


@pytest.fixture
def chat_folder(tiny_model: Path, tmp_path: Path) -> Path:
    """The tiny model with chat tokens in its vocabulary and a template."""
    from transformers import AutoTokenizer

    folder = Path(shutil.copytree(tiny_model, tmp_path / "chat"))
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.add_special_tokens({"additional_special_tokens": ["<|im_start|>", "<|im_end|>", "<tool>"]})
    tokenizer.chat_template = CHAT.replace("assistant", "<tool>assistant")
    tokenizer.save_pretrained(folder)
    return folder


def test_chat_tokens_are_found_by_their_form_and_by_the_template(chat_folder: Path, tiny_model: Path) -> None:
    tokenizer = load_tokenizer(str(chat_folder))
    found = [tokenizer.decode([token]) for token in find_chat_tokens(tokenizer)]
    assert sorted(found) == ["<tool>", "<|im_end|>", "<|im_start|>"]
    assert find_chat_tokens(load_tokenizer(str(tiny_model))) == []


def test_the_frame_is_the_template_or_a_common_one(chat_folder: Path, tiny_model: Path) -> None:
    own = find_chat_frame(load_tokenizer(str(chat_folder)))
    assert own is not None
    assert own.startswith("<|im_start|>user\n{instruction}<|im_end|>")
    (chat_folder / "chat_template.jinja").unlink()
    common = find_chat_frame(load_tokenizer(str(chat_folder)))
    assert common == "<|im_start|>user\n{instruction}<|im_end|>\n<|im_start|>assistant\n"
    assert find_chat_frame(load_tokenizer(str(tiny_model))) is None


def test_a_template_that_fails_is_no_frame(chat_folder: Path) -> None:
    (chat_folder / "chat_template.jinja").write_text("{{ raise_exception('no') }}")
    assert find_chat_frame(load_tokenizer(str(chat_folder))) is not None  # a common one


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
    assert len(evidence["completions"]) == 20
    for row in evidence["completions"]:
        assert row["prompt_ids"] == tokenizer.encode(row["prompt"])
    text = report.with_suffix(".txt").read_text()
    assert "INCONCLUSIVE" in text
    largest = max(row["end_probability"] for row in evidence["positions"] if row["place"] == "document")
    [documents] = [line for line in text.splitlines() if line.startswith("  document")]
    assert documents.endswith(f", {largest:.6f}")


def test_error_rates_are_those_of_the_present_rules_with_how_little_they_show() -> None:
    base = CalibrationCase("b", "base", BASE)
    seen = CalibrationCase("s", "seen", but(chat_leak=0.3))
    tuned = CalibrationCase("t", "tuned", but(chat_leak=0.02))
    lines = format_error_rates([base, base, base, seen, tuned])
    assert "5 cases of the calibration" in lines[0]
    assert "base  called contaminated: 1 of 4 [5%, 70%]; inconclusive: 0" in lines[2]
    assert "tuned called clean:        0 of 1 [0%, 79%]; inconclusive: 1" in lines[3]
    assert lines[4] == "  cases: b (base), b (base), b (base), s (seen), t (tuned)"


def test_the_embedded_model_is_a_base_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GONOGO_RESULT", str(tmp_path / "result.json"))
    arguments = ["--model", "embedded", "--output-dir", str(tmp_path), "--max-new-tokens", "24"]
    assert phase_main("phases.verification", arguments) == 0
    metrics = json.loads((tmp_path / "result.json").read_text())["metrics"]
    assert metrics["verdict"] == "clean"
    assert metrics["success_rate"] <= 0.3


def test_a_model_that_is_missing_is_one_message(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert phase_main("phases.verification", ["--model", "./nothing", "--output-dir", str(tmp_path)]) == 2
    assert "model ./nothing: expected a folder" in capsys.readouterr().err


def test_sentinels_are_no_prompts_of_the_suites() -> None:
    asked = {sentinel.instruction for sentinel in list_sentinels()}
    assert not asked & {prompt.instruction for prompt in load_suite("stage1").prompts}
