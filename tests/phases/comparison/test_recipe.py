"""Comparison: its metrics and its report, and evaluations that it rejects."""

import json
from pathlib import Path
from typing import Any

import pytest
from scipy.stats import binomtest

from phases.comparison.spec import METRICS
from phases.contract.phase_main import phase_main
from phases.verifiers import ifeval

PASSED = {
    "base": [False] * 90 + [True] * 10,
    "sft": [True] * 60 + [False] * 30 + [True] * 5 + [False] * 5,
    "dpo": [True] * 66 + [False] * 24 + [True] * 10,
}


MADE: dict[str, object] = {"prompt_format": "f", "four_bit": False, "dtype": "float32"}
"""How evaluations are made, here."""


def evaluation(passed: list[bool], version: str = "v1", **more: Any) -> dict[str, Any]:
    results = [
        {
            "key": f"k{n}",
            "category": "commands" if n % 2 else "questions",
            "instruction": f"Do {n}.",
            "response": f"done {n}",
            "finished": True,
            "passed": ok,
            "failures": [] if ok else ["one_of"],
        }
        for n, ok in enumerate(passed)
    ]
    return {
        "success_rate": sum(passed) / len(passed),
        "suite": {"name": "stage1", "version": version},
        "model": "m",
        "parameters": {"max_new_tokens": 64},
        "results": results,
        "provenance": MADE,
    } | more


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for model, passed in PASSED.items():
        (tmp_path / model).mkdir()
        (tmp_path / model / "eval_20260101_000000.json").write_text(json.dumps(evaluation(passed)))
    return tmp_path


def compare(folder: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setenv("GONOGO_RESULT", str(folder / "result.json"))
    arguments = [part for model in PASSED for part in (f"--{model}", str(folder / model / "eval_*.json"))]
    return phase_main(
        "phases.comparison",
        [*arguments, "--output", str(folder / "final_comparison.txt"), "--resamples", "500"],
    )


def test_the_numbers_are_right(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert compare(folder, monkeypatch) == 0
    metrics = json.loads((folder / "result.json").read_text())["metrics"]
    assert set(metrics) == {metric.name for metric in METRICS}
    assert (metrics["base_rate"], metrics["sft_rate"], metrics["dpo_rate"]) == (0.10, 0.65, 0.76)
    assert (metrics["gained_base_sft"], metrics["lost_base_sft"]) == (60, 5)
    raw = [binomtest(b, b + c, 0.5).pvalue for b, c in ((60, 5), (11, 0), (66, 0))]
    assert metrics["p_raw_base_sft"] == pytest.approx(raw[0])
    assert metrics["p_raw_sft_dpo"] == pytest.approx(raw[1])
    assert metrics["p_sft_dpo"] == pytest.approx(raw[1])  # Holm: the largest of three stays as it is
    assert metrics["p_base_dpo"] == pytest.approx(3 * raw[2])  # and the smallest counts three times
    assert metrics["gain_low_sft_dpo"] < 0.11 < metrics["gain_high_sft_dpo"]
    text = (folder / "final_comparison.txt").read_text()
    assert "base -> SFT" in text
    assert "65.0%" in text
    assert json.loads((folder / "final_comparison.json").read_text())["metrics"] == metrics


def test_stopping_in_time_is_told_from_following(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The base model follows 40 prompts, and goes on after 30 of them and after 10 wrong answers."""
    base = evaluation([False] * 100)
    for n, result in enumerate(base["results"]):
        result["failures"] = (["went_on"] if n < 50 else []) + ([] if n < 40 else ["one_of"])
    for result in base["results"][30:40]:
        result |= {"failures": [], "passed": True}
    (folder / "base" / "eval_20260101_000000.json").write_text(json.dumps(base))
    assert compare(folder, monkeypatch) == 0
    metrics = json.loads((folder / "result.json").read_text())["metrics"]
    assert (metrics["base_rate"], metrics["base_following_rate"]) == (0.1, 0.4)
    assert metrics["base_went_on_rate"] == 0.4
    for contrast in ("base_sft", "sft_dpo", "base_dpo"):
        parts = metrics[f"following_gain_{contrast}"] + metrics[f"stopping_gain_{contrast}"]
        assert metrics[f"gain_{contrast}"] == pytest.approx(parts)
    # SFT follows the first 60 and 5 more, all of which end: 25 more than the base model's first 40.
    assert (metrics["following_gained_base_sft"], metrics["following_lost_base_sft"]) == (25, 0)
    assert (metrics["stopping_gained_base_sft"], metrics["stopping_lost_base_sft"]) == (30, 0)
    assert metrics["following_p_raw_base_sft"] == pytest.approx(binomtest(25, 25, 0.5).pvalue)
    text = (folder / "final_comparison.txt").read_text()
    assert "base -> SFT: +55.0 points, of which" in text
    assert "  following        +25.0 points (p = " in text
    assert "  stopping in time  +0.0 points (p = 1, not significant; " in text


def test_the_newest_evaluation_counts(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "sft" / "eval_20260201_000000.json").write_text(json.dumps(evaluation(PASSED["dpo"])))
    assert compare(folder, monkeypatch) == 0
    assert json.loads((folder / "result.json").read_text())["metrics"]["sft_rate"] == 0.76


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (evaluation(PASSED["sft"], version="v2"), "different suite versions (v1 and v2)"),
        (
            evaluation(PASSED["sft"], parameters={"max_new_tokens": 32}),
            "different max_new_tokens (64 and 32)",
        ),
        (
            evaluation(
                PASSED["sft"],
                provenance=MADE | {"engine": {"name": "vllm", "weights": "fp8"}},
            ),
            "different engines (None and vllm)",
        ),
        (
            evaluation(PASSED["sft"], provenance=MADE | {"four_bit": True}),
            "different quantisation",
        ),
        (
            evaluation(
                PASSED["sft"],
                provenance=MADE | {"stop_rule": "another"},
            ),
            "different stop rules (None and another)",
        ),
        (
            evaluation(
                PASSED["sft"],
                provenance=MADE | {"verifiers": "another"},
            ),
            "different verifiers (None and another)",
        ),
        (
            evaluation(PASSED["sft"], provenance={"model": {"sha256": "s", "base": {"sha256": "another"}}}),
            "different base models (None and another)",
        ),
        (evaluation(PASSED["sft"][:50]), "do not hold the same prompts"),
        ({"success_rate": 1}, "not an evaluation"),
    ],
)
def test_what_cannot_be_compared_is_refused(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    changed: dict[str, Any],
    message: str,
) -> None:
    (folder / "sft" / "eval_20260101_000000.json").write_text(json.dumps(changed))
    assert compare(folder, monkeypatch) == 2
    assert message in capsys.readouterr().err


def test_the_hash_that_was_recorded_before_there_was_a_version_is_version_1(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    by_hash = "fafdc7821b635087a12aae6b96b7ecc595039fd6cfdf2e37d480af358c1744a0"
    for model, verifiers in (("base", by_hash), ("sft", 1), ("dpo", by_hash)):
        made = evaluation(PASSED[model], provenance=MADE | {"verifiers": verifiers})
        (folder / model / "eval_20260101_000000.json").write_text(json.dumps(made))
    assert compare(folder, monkeypatch) == 0
    assert "same conditions: verifiers 1, " in (folder / "final_comparison.txt").read_text()
    made = evaluation(PASSED["dpo"], provenance=MADE | {"verifiers": "another hash"})
    (folder / "dpo" / "eval_20260101_000000.json").write_text(json.dumps(made))
    assert compare(folder, monkeypatch) == 2
    assert "different verifiers (1 and another hash)" in capsys.readouterr().err


def test_two_evaluations_of_one_model_are_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for model, sha256 in (("base", "b"), ("sft", "s"), ("dpo", "s")):
        base = None if model == "base" else {"sha256": "b"}
        record = {"model": {"sha256": sha256, "base": base}}
        written = evaluation(PASSED[model], provenance=record)
        (folder / model / "eval_20260101_000000.json").write_text(json.dumps(written))
    assert compare(folder, monkeypatch) == 2
    assert "are of the same model, s" in capsys.readouterr().err


def test_a_missing_evaluation_is_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "dpo" / "eval_20260101_000000.json").unlink()
    assert compare(folder, monkeypatch) == 2
    assert "run the evaluation first" in capsys.readouterr().err


def test_errors_are_counted_by_category_and_check(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert compare(folder, monkeypatch) == 0
    found = json.loads((folder / "final_comparison.json").read_text())
    rows = {(row["category"], row["check"]): row for row in found["errors"]["failing"]}
    for n, category in enumerate(("questions", "commands")):
        failed = {model: passed[n::2].count(False) for model, passed in PASSED.items()}
        assert rows[category, "one_of"] == {"category": category, "check": "one_of"} | failed
    changes = found["errors"]["fixed_and_broken"]["base_sft"]
    assert {(row["fixed"], row["broken"]) for row in changes} == {(30, 2), (30, 3)}
    assert [row["count"] for row in found["errors"]["typical"]["dpo"]] == [24]
    text = (folder / "final_comparison.txt").read_text()
    assert "DPO compared with SFT: 11 prompts fixed, 0 broken" in text
    assert "Most frequent failures of the DPO model\n  one_of, 24 times; k66: 'Do 66.'" in text
    assert "Most frequent failures of the base model\n  one_of, 90 times; k0: 'Do 0.'" in text
    assert "same conditions: verifiers None, prompt format f, engine None, float32" in text


def test_what_a_base_model_does_after_examples_is_set_against_the_tuned_models(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It follows the first 50 prompts then; that it goes on to another instruction does not count."""
    shown = evaluation([n < 50 for n in range(100)])["results"]
    for result in shown:
        result |= {"passed": False, "failures": ["went_on", *result["failures"]]}
    base = evaluation(PASSED["base"], results_few_shot=shown)
    (folder / "base" / "eval_20260101_000000.json").write_text(json.dumps(base))
    assert compare(folder, monkeypatch) == 0
    text = (folder / "final_comparison.txt").read_text()
    assert "base after solved examples: following 50.0% [40.4%, 59.6%]" in text
    p = binomtest(15, 15, 0.5).pvalue  # SFT follows the first 60 and 5 more
    assert "SFT without examples: following +15.0 points [" in text
    assert f"gained 15, lost 0, p = {p:.2g} (exact McNemar, not corrected)" in text
    assert "SFT after solved examples" not in text
    [row] = json.loads((folder / "final_comparison.json").read_text())["few_shot"]
    assert (row["model"], row["rate"], row["dpo"]["gained"], row["dpo"]["lost"]) == ("base", 0.5, 26, 0)


def test_the_standard_numbers_of_ifeval_are_shown(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = dict(zip(ifeval.SCORES, (0.1, 0.2, 0.3, 0.4), strict=True))
    sft = evaluation(PASSED["sft"], metrics=numbers)
    (folder / "sft" / "eval_20260101_000000.json").write_text(json.dumps(sft))
    assert compare(folder, monkeypatch) == 0
    text = (folder / "final_comparison.txt").read_text()
    shown = "prompt strict 10.0%, instruction strict 20.0%, prompt loose 30.0%, instruction loose 40.0%"
    assert f"SFT on IFEval: {shown}" in text
    assert "base on IFEval" not in text
