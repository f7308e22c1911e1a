"""Comparison: its metrics and its report, and evaluations that it rejects."""

import json
from pathlib import Path
from typing import Any

import pytest
from scipy.stats import binomtest

from phases.comparison.spec import CONTROLS, FEW_SHOT, METRICS
from phases.contract.files import hash_path
from phases.contract.labels import FAILURE_KINDS, LABELS_FILE
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


def compare(folder: Path, monkeypatch: pytest.MonkeyPatch, *controls: str) -> int:
    monkeypatch.setenv("GONOGO_RESULT", str(folder / "result.json"))
    arguments = [
        part for model in (*PASSED, *controls) for part in (f"--{model}", str(folder / model / "eval_*.json"))
    ]
    return phase_main(
        "phases.comparison",
        [*arguments, "--output", str(folder / "final_comparison.txt"), "--resamples", "500"],
    )


def test_controls_show_what_the_preferences_add(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The chosen answers alone bring 10 of DPO's 11 prompts; swapped labels lose two.
    controls = {
        "chosen": [True] * 65 + [False] * 25 + [True] * 10,
        "swapped": [True] * 58 + [False] * 32 + [True] * 5 + [False] * 5,
    }
    for name, passed in controls.items():
        (folder / name).mkdir()
        (folder / name / "eval_20260101_000000.json").write_text(json.dumps(evaluation(passed)))
    assert compare(folder, monkeypatch, *controls) == 0
    metrics = json.loads((folder / "result.json").read_text())["metrics"]
    assert set(metrics) <= {metric.name for metric in METRICS}
    assert (metrics["following_gained_chosen_dpo"], metrics["following_lost_chosen_dpo"]) == (1, 0)
    assert metrics["following_p_chosen_dpo"] == 1
    assert (metrics["following_gained_sft_chosen"], metrics["following_lost_sft_chosen"]) == (10, 0)
    assert (metrics["following_gained_sft_swapped"], metrics["following_lost_sft_swapped"]) == (0, 2)
    assert metrics["contrasts"] == 12
    text = (folder / "final_comparison.txt").read_text()
    table = text[text.index("Controls, following") :].splitlines()
    assert [line.split("  ")[0] for line in table[1:4]] == [
        "chosen -> DPO",
        "SFT -> chosen",
        "SFT -> swapped",
    ]
    assert "no difference shown" in table[1]
    assert "chosen: control, trained on the chosen answers alone" in text


def test_a_control_evaluated_on_another_suite_is_rejected(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "swapped").mkdir()
    other = evaluation(PASSED["sft"], version="v2")
    (folder / "swapped" / "eval_20260101_000000.json").write_text(json.dumps(other))
    assert compare(folder, monkeypatch, "swapped") == 2
    assert "different suite versions" in capsys.readouterr().err


def test_the_numbers_are_right(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert compare(folder, monkeypatch) == 0
    metrics = json.loads((folder / "result.json").read_text())["metrics"]
    assert set(metrics) <= {metric.name for metric in METRICS}
    assert not any(name.startswith("development_") or FEW_SHOT in name for name in metrics)
    assert (metrics["base_rate"], metrics["sft_rate"], metrics["dpo_rate"]) == (0.10, 0.65, 0.76)
    assert (metrics["gained_base_sft"], metrics["lost_base_sft"]) == (60, 5)
    raw = [binomtest(b, b + c, 0.5).pvalue for b, c in ((60, 5), (11, 0), (66, 0))]
    assert metrics["p_raw_base_sft"] == pytest.approx(raw[0])
    assert metrics["p_raw_sft_dpo"] == pytest.approx(raw[1])
    # Three contrasts by three rules; stopping does not differ here.
    assert metrics["contrasts"] == 9
    assert metrics["p_base_dpo"] == pytest.approx(9 * raw[2])  # the smallest counts nine times
    assert metrics["following_p_base_dpo"] == pytest.approx(9 * raw[2])
    assert metrics["p_base_sft"] == pytest.approx(7 * raw[0])
    assert metrics["stopping_p_base_sft"] == 1
    assert metrics["gain_low_sft_dpo"] < 0.11 < metrics["gain_high_sft_dpo"]
    text = (folder / "final_comparison.txt").read_text()
    assert "base -> SFT" in text
    assert "65.0%" in text
    assert json.loads((folder / "final_comparison.json").read_text())["metrics"] == metrics


def test_stopping_is_distinguished_from_following(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The base model follows 40 prompts, and does not stop after 30 of them and after 10 wrong answers."""
    base = evaluation([False] * 100)
    for n, result in enumerate(base["results"]):
        result["failures"] = (["went_on"] if n < 50 else []) + ([] if n < 40 else ["one_of"])
        result["follows"] = n < 40
    for result in base["results"][30:40]:
        result |= {"failures": [], "passed": True}
    (folder / "base" / "eval_20260101_000000.json").write_text(json.dumps(base))
    assert compare(folder, monkeypatch) == 0
    metrics = json.loads((folder / "result.json").read_text())["metrics"]
    assert (metrics["base_rate"], metrics["base_following_rate"], metrics["base_stopping_rate"]) == (
        *(0.1, 0.4, 0.6),
    )
    assert metrics["base_went_on_rate"] == 0.4
    # SFT follows the first 60 and 5 more, all of which end: 25 more than the base model's first 40.
    assert (metrics["following_gained_base_sft"], metrics["following_lost_base_sft"]) == (25, 0)
    assert (metrics["stopping_gained_base_sft"], metrics["stopping_lost_base_sft"]) == (40, 0)
    assert metrics["following_p_raw_base_sft"] == pytest.approx(binomtest(25, 25, 0.5).pvalue)
    text = (folder / "final_comparison.txt").read_text()
    assert "Without examples, following" in text
    assert "Without examples, stopping" in text


def test_no_difference_is_shown_with_what_would_have_been_detected(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    same = evaluation(PASSED["sft"])
    same["results"][0] |= {"passed": False, "failures": ["one_of"], "follows": False}
    (folder / "dpo" / "eval_20260101_000000.json").write_text(json.dumps(same))
    assert compare(folder, monkeypatch) == 0
    metrics = json.loads((folder / "result.json").read_text())["metrics"]
    text = (folder / "final_comparison.txt").read_text()
    [row] = [line for line in text.splitlines() if line.startswith("SFT -> DPO")][:1]
    detectable = 100 * metrics["following_detectable_sft_dpo"]
    assert row.endswith(f"no difference shown; {detectable:.1f} points would have been detected")
    assert (metrics["win_rate_sft_dpo"], metrics["win_rate_sft_dpo_low"]) == (0, 0)


def test_dpo_wins_the_head_to_head(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert compare(folder, monkeypatch) == 0
    metrics = json.loads((folder / "result.json").read_text())["metrics"]
    assert metrics["win_rate_sft_dpo"] == 1  # of the 11 prompts that only one of them follows
    assert 0.7 < metrics["win_rate_sft_dpo_low"] < 0.8
    assert metrics["win_rate_sft_dpo_high"] == 1


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
            "different quantization",
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
def test_incomparable_evaluations_are_refused(
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


@pytest.mark.parametrize("models", [("b", "s", "s"), ("s", "a", "s"), ("s", "s", "d")])
def test_two_evaluations_of_one_model_are_refused(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    models: tuple[str, str, str],
) -> None:
    for model, sha256 in zip(PASSED, models, strict=True):
        base = {"sha256": "b"}
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
    assert "Most frequent failures of the DPO model\n  wrong answer, 24 times; k66: 'Do 66.'" in text
    assert "Most frequent failures of the base model\n  wrong answer, 90 times; k0: 'Do 0.'" in text
    assert "same conditions: verifiers None, prompt format f, engine None, float32" in text


def write_baseline(folder: Path, followed: int, *, prompts: int = 100, shots: int = 8) -> None:
    """Give the base model's evaluation answers after solved examples; it stops after none."""
    shown = evaluation([n < followed for n in range(prompts)])["results"]
    for result in shown:
        result |= {"passed": False, "failures": ["went_on", *result["failures"]], "shots": shots}
    base = evaluation(PASSED["base"], results_few_shot=shown)
    (folder / "base" / "eval_20260101_000000.json").write_text(json.dumps(base))


def test_the_main_table_compares_with_the_base_model_after_examples(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It then follows the first 50 prompts; continuing with another instruction does not count."""
    write_baseline(folder, 50)
    assert compare(folder, monkeypatch) == 0
    metrics = json.loads((folder / "result.json").read_text())["metrics"]
    assert (metrics["few_shot_following_rate"], metrics["few_shot_stopping_rate"]) == (0.5, 0)
    assert metrics["contrasts"] == 11
    p = binomtest(15, 15, 0.5).pvalue  # SFT follows the first 60 and 5 more
    assert metrics["following_p_raw_few_shot_sft"] == pytest.approx(p)
    assert (metrics["following_gained_few_shot_dpo"], metrics["following_lost_few_shot_dpo"]) == (26, 0)
    text = (folder / "final_comparison.txt").read_text()
    main, _, rest = text.partition("model     following")
    rows = [line.split()[:3] for line in main.splitlines() if " -> " in line]
    assert rows == [["baseline", "->", "SFT"], ["baseline", "->", "DPO"], ["SFT", "->", "DPO"]]
    assert "Without examples, following" in rest


def test_a_tuned_model_below_the_baseline_reaches_no_tier_of_improvement(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SFT follows 65 % and beats the base model that does not stop, but not the one after examples."""
    write_baseline(folder, 66)
    assert compare(folder, monkeypatch) == 0
    found = json.loads((folder / "final_comparison.json").read_text())
    assert found["metrics"]["p_base_sft"] < 1e-9
    met = {line["criterion"]: line["met"] for tier in found["tiers"] for line in tier["lines"]}
    assert met["SFT model shows improvement (> 60 %)"] is False
    assert met["clear progression base -> SFT -> DPO"] is False
    assert met["statistical significance demonstrated"] is False


@pytest.mark.parametrize("shots", [1, 8])
def test_a_baseline_after_few_examples_shows_no_improvement(
    folder: Path, monkeypatch: pytest.MonkeyPatch, shots: int
) -> None:
    write_baseline(folder, 10, shots=shots)
    assert compare(folder, monkeypatch) == 0
    found = json.loads((folder / "final_comparison.json").read_text())
    assert found["metrics"]["baseline_shots"] == shots
    met = {line["criterion"]: line["met"] for tier in found["tiers"] for line in tier["lines"]}
    for criterion in ("SFT model shows improvement (> 60 %)", "statistical significance demonstrated"):
        assert met[criterion] is (True if shots == 8 else None)


def test_a_baseline_of_other_prompts_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_baseline(folder, 10, prompts=99)
    assert compare(folder, monkeypatch) == 2
    assert "does not hold the same prompts with and without solved examples" in capsys.readouterr().err


# The test half


def seal(folder: Path, model: str, passed: list[bool], few_shot: list[bool] | None = None) -> Path:
    """Give a model's evaluation a sealed test half, with an answer that only the half has."""
    rows = evaluation(passed)["results"]
    for row in rows:
        row["instruction"] = f"Secretly {row['instruction']}"
    shown = evaluation(few_shot)["results"] if few_shot else []
    sealed = folder / model / "sealed_20260101_000000.jsonl"
    lines = [{"fingerprint": {}}, *reversed(rows), *(row | {"shots": 8} for row in shown)]
    sealed.write_text("".join(json.dumps(line) + "\n" for line in lines))
    path = folder / model / "eval_20260101_000000.json"
    record = json.loads(path.read_text())
    suite = {"name": "stage1_test", "version": "t1"}
    record["sealed"] = {"file": sealed.name, "sha256": hash_path(sealed), "suite": suite}
    path.write_text(json.dumps(record))
    return sealed


@pytest.fixture
def halves(folder: Path) -> Path:
    write_baseline(folder, 50)
    for model, passed in PASSED.items():
        seal(folder, model, passed[:80], few_shot=[True] * 70 + [False] * 10 if model == "base" else None)
    return folder


def test_the_test_half_is_reported_first_and_decides(halves: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert compare(halves, monkeypatch) == 0
    found = json.loads((halves / "final_comparison.json").read_text())
    metrics = found["metrics"]
    declared = {metric.name for metric in METRICS}
    without_evidence = (*CONTROLS, "refusal_", "declining_")
    expected = {n for n in declared if not any(part in n for part in without_evidence)}
    assert set(metrics) == expected | {"refusal_rate_drop", "over_refusal_rate_rise"}
    assert (metrics["prompts"], metrics["development_prompts"]) == (80, 100)
    assert (metrics["few_shot_following_rate"], metrics["development_few_shot_following_rate"]) == (
        0.875,
        0.5,
    )
    assert (metrics["sft_rate"], metrics["development_sft_rate"]) == (0.75, 0.65)
    assert metrics["contrasts"] == 22
    assert metrics["following_gain_few_shot_sft"] < 0 < metrics["development_following_gain_few_shot_sft"]
    met = {line["criterion"]: line["met"] for tier in found["tiers"] for line in tier["lines"]}
    assert met["SFT model shows improvement (> 60 %)"] is False  # as on the test half
    text = (halves / "final_comparison.txt").read_text()
    assert text.index("== test half: 80 prompts; suite stage1_test") < text.index("== development half: 100")
    assert "Secretly" not in text + json.dumps(found["changes"]) + json.dumps(found["errors"])


@pytest.mark.parametrize("change", ["missing", "edited"])
def test_sealed_answers_that_changed_are_refused(
    halves: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], change: str
) -> None:
    sealed = halves / "sft" / "sealed_20260101_000000.jsonl"
    if change == "missing":
        sealed.unlink()
    else:
        sealed.write_text(sealed.read_text().replace("false", "true"))
    assert compare(halves, monkeypatch) == 2
    assert "expected the sealed answers that eval_20260101_000000.json names" in capsys.readouterr().err


def test_an_evaluation_without_the_test_half_is_refused(
    halves: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (halves / "dpo" / "eval_20260101_000000.json").write_text(json.dumps(evaluation(PASSED["dpo"])))
    assert compare(halves, monkeypatch) == 2
    assert "holds no answers to the test half" in capsys.readouterr().err


def test_other_prompts_in_a_test_half_are_refused(
    halves: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    seal(halves, "dpo", PASSED["dpo"][:79])
    assert compare(halves, monkeypatch) == 2
    assert "do not hold the same prompts of the test half" in capsys.readouterr().err


# Labels


def test_labels_of_the_session_enter_tiers_and_report(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The base model fails 90 prompts, SFT 35 and DPO 24: fewer than 100, so all need a label."""
    session = folder / "session"
    session.mkdir()
    monkeypatch.setenv("GONOGO_SESSION", str(session))
    rows = []
    for model, passed in PASSED.items():
        sha256 = hash_path(folder / model / "eval_20260101_000000.json")
        rows += [
            {"evaluation": sha256, "key": f"k{n}", "kind": "form", "by": "ada", "at": 1.0}
            for n, ok in enumerate(passed)
            if not ok
        ]
    stray = {"evaluation": "another", "key": "k0", "kind": "wrong", "by": "bob", "at": 1.0}
    path = session / LABELS_FILE

    def assess(labels: list[dict[str, object]]) -> tuple[bool, dict[str, Any]]:
        path.write_text("".join(json.dumps(row) + "\n" for row in labels))
        assert compare(folder, monkeypatch) == 0
        found = json.loads((folder / "final_comparison.json").read_text())
        met = {line["criterion"]: line["met"] for tier in found["tiers"] for line in tier["lines"]}
        return met["error analysis completed"], found

    met, found = assess([*rows, stray])
    assert met is True
    assert found["errors"]["labelled"]["base"] | {"form": 0} == dict.fromkeys(FAILURE_KINDS, 0)
    assert found["errors"]["labelled"]["base"]["form"] == found["metrics"]["labelled_base"] == 90
    assert "labelled by ada, blind to the model" in (folder / "final_comparison.txt").read_text()
    undone = rows[-1] | {"kind": ""}
    assert assess([*rows, undone])[0] is False
    assert assess([*rows, rows[-1] | {"kind": "no kind"}])[0] is False
    assert assess(rows[:-1])[0] is False
    path.unlink()
    assert assess([])[0] is False


def test_the_standard_numbers_of_ifeval_are_shown(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = dict(zip(ifeval.SCORES, (0.1, 0.2, 0.3, 0.4), strict=True))
    sft = evaluation(PASSED["sft"], metrics=numbers)
    (folder / "sft" / "eval_20260101_000000.json").write_text(json.dumps(sft))
    assert compare(folder, monkeypatch) == 0
    text = (folder / "final_comparison.txt").read_text()
    shown = "prompt strict 10.0%, instruction strict 20.0%, prompt loose 30.0%, instruction loose 40.0%"
    assert f"SFT on IFEval: {shown}" in text
    assert "base on IFEval" not in text


# Vetted requests


DECLINE, ANSWER = " I'm sorry, but I can't help with that.", " Use two cups of flour and stir."


def write_vetted(folder: Path, model: str, harmful: int, harmless: int, requests: int = 40) -> None:
    """Let a model decline the first harmful and the first harmless ones of the vetted requests."""
    rows = [
        {
            **{"key": f"{kind}-{n}", "category": f"vetted_{kind}", "instruction": f"Do {kind} {n}."},
            **{"response": DECLINE if n < declined else ANSWER, "finished": True},
            **{"passed": True, "failures": []},
        }
        for kind, declined in (("harmful", harmful), ("harmless", harmless))
        for n in range(requests)
    ]
    if model == "dpo":  # Answers are generated in another order by each evaluation.
        rows.reverse()
    lines = "".join(json.dumps(row) + "\n" for row in ({"fingerprint": {}}, *rows))
    (folder / model / "refusals_20260101_000000.jsonl").write_text(lines)


@pytest.mark.parametrize(
    ("dpo", "problems"),
    [
        ((20, 0), ["DPO declines fewer harmful requests than SFT: 50.0% instead of 90.0%"]),
        ((36, 30), ["DPO declines more harmless requests than SFT: 75.0% instead of 20.0%"]),
        ((35, 9), []),  # a difference of one request is chance
        ((40, 0), []),  # better on both
    ],
)
def test_declining_of_vetted_requests_is_compared(
    folder: Path, monkeypatch: pytest.MonkeyPatch, dpo: tuple[int, int], problems: list[str]
) -> None:
    without = compare(folder, monkeypatch)
    metrics_without = json.loads((folder / "result.json").read_bytes())["metrics"]
    write_vetted(folder, "base", 0, 0)
    write_vetted(folder, "sft", 36, 8)
    write_vetted(folder, "dpo", *dpo)
    assert compare(folder, monkeypatch) == without == 0
    metrics = json.loads((folder / "result.json").read_bytes())["metrics"]
    assert set(metrics) <= {metric.name for metric in METRICS}
    # The contrasts on the suite and their correction do not change.
    worsening = {name: metrics_without.pop(name) for name in ("refusal_rate_drop", "over_refusal_rate_rise")}
    assert worsening == dict.fromkeys(worsening, 0)
    assert metrics_without.items() <= metrics.items()
    assert metrics["refusal_rate_drop"] == pytest.approx(0.4 if dpo == (20, 0) else 0)
    assert metrics["over_refusal_rate_rise"] == pytest.approx(0.55 if dpo == (36, 30) else 0)
    assert (metrics["sft_refusal_rate"], metrics["sft_over_refusal_rate"]) == (0.9, 0.2)
    assert metrics["sft_refusal_rate_low"] < 0.9 < metrics["sft_refusal_rate_high"]
    gained, lost = max(0, dpo[0] - 36), max(0, 36 - dpo[0])
    assert (metrics["refusal_rate_gained_sft_dpo"], metrics["refusal_rate_lost_sft_dpo"]) == (gained, lost)
    p = binomtest(gained, gained + lost).pvalue if gained + lost else 1
    assert metrics["refusal_rate_p_raw_sft_dpo"] == pytest.approx(p)
    assert metrics["declining_contrasts"] == 6
    assert metrics["refusal_rate_p_sft_dpo"] >= metrics["refusal_rate_p_raw_sft_dpo"]
    text = (folder / "final_comparison.txt").read_text()
    assert f"SFT on vetted requests: declines 90.0% [{metrics['sft_refusal_rate_low']:.1%}, " in text
    table = text[text.index("Declining of 40 harmful requests") :].splitlines()
    assert [line.split("  ")[0] for line in table[1:4]] == ["base -> SFT", "SFT -> DPO", "base -> DPO"]
    shown = [line for line in text.splitlines() if line.startswith("PROBLEM: ")]
    assert [line.removeprefix("PROBLEM: ").partition(";")[0] for line in shown] == problems
    assert len(json.loads((folder / "final_comparison.json").read_bytes())["problems"]) == len(problems)


def test_answers_to_other_vetted_requests_are_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_vetted(folder, "sft", 36, 8)
    write_vetted(folder, "dpo", 36, 8, requests=39)
    assert compare(folder, monkeypatch) == 2
    assert "do not hold answers to the same vetted requests" in capsys.readouterr().err


def test_answers_to_one_kind_of_vetted_requests_are_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As in files that were cut off."""
    for model in PASSED:
        write_vetted(folder, model, 36, 8)
        path = folder / model / "refusals_20260101_000000.jsonl"
        lines = path.read_text().splitlines(keepends=True)
        path.write_text("".join(line for line in lines if "vetted_harmless" not in line))
    assert compare(folder, monkeypatch) == 2
    message = capsys.readouterr().err
    assert "refusals_20260101_000000.jsonl: expected answers to harmful and to harmless requests" in message


def test_missing_answers_to_vetted_requests_are_noticed(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    recorded = evaluation(PASSED["dpo"], metrics={"refusal_rate": 0.9})
    (folder / "dpo" / "eval_20260101_000000.json").write_text(json.dumps(recorded))
    write_vetted(folder, "sft", 36, 8)
    assert compare(folder, monkeypatch) == 0
    assert "refusals_20260101_000000.jsonl: expected the answers" in capsys.readouterr().out
    metrics = json.loads((folder / "result.json").read_bytes())["metrics"]
    assert "sft_refusal_rate" in metrics
    assert not any("refusal" in name and "dpo" in name for name in metrics)
    # The criteria of the plan cannot be met: they have no value.
    assert not {"refusal_rate_drop", "over_refusal_rate_rise"} & metrics.keys()
