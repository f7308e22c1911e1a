"""The tiers: each line is met by the right records, missed by the wrong ones, and never shown by none."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from phases.scoring import tier_records, tiers
from phases.scoring.results import EvaluatedAnswer, Evaluation, SuiteId
from phases.scoring.tier_records import CriterionResult, PhaseManifests
from phases.scoring.tiers import Labelling, TierResult, find_highest_tier

RATES = {"base": 0.4, "few_shot": 0.5, "sft": 0.7, "dpo": 0.9}
CONTRASTS = ("base_sft", "few_shot_sft", "few_shot_dpo", "sft_dpo")
METRICS: dict[str, Any] = {
    **{f"{model}_following_rate": rate for model, rate in RATES.items()},
    **{f"{model}_following_rate_{end}": 0.5 for model in RATES for end in ("low", "high")},
    **{f"{model}_stopping_rate": 0.9 for model in RATES},
    **{f"following_gain_{contrast}": 0.2 for contrast in CONTRASTS},
    **{f"following_gain_low_{contrast}": 0.1 for contrast in CONTRASTS},
    **{f"following_gain_high_{contrast}": 0.3 for contrast in CONTRASTS},
    **{f"following_p_{contrast}": 1e-3 for contrast in CONTRASTS},
    **{f"following_detectable_{contrast}": 0.06 for contrast in CONTRASTS},
    # By this rule the base model fails, because it does not stop; no tier may take that for a gain.
    **{"base_rate": 0.2, "p_base_sft": 2e-66, "gain_base_sft": 0.7, "contrasts": 11},
    "baseline_shots": 8,
}
INSTRUCTIONS = {"stage1/k0": "Name three colors of the rainbow.", "stage1_test/k0": "Spell the word tiger."}
LABELLED = {model: Labelling(failed=150, labelled=100) for model in ("base", "sft", "dpo")}
PROVENANCE = dict.fromkeys(tier_records.EVALUATION_PROVENANCE, "recorded")
MADE = dict.fromkeys(tier_records.MANIFEST_PROVENANCE, "recorded")


def written(path: Path, text: str) -> str:
    """Write a file and return its hash."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return hashlib.sha256(text.encode()).hexdigest()


def evaluation(sha256: str, adapter: dict[str, str]) -> Evaluation:
    results = tuple(
        EvaluatedAnswer(
            key=f"k{n}",
            category="x",
            instruction=text,
            response="r",
            finished=True,
            passed=n > 0,
            failures=() if n else ("one_of",),
        )
        for n, text in enumerate(("Name three colors of the rainbow.", "Say yes."))
    )
    record = PROVENANCE | {"model": {"sha256": sha256, "files": adapter}}
    return Evaluation(0.5, SuiteId("stage1", "v"), "m", {"seed": 1}, results, record)


@pytest.fixture
def evaluations() -> dict[str, Evaluation]:
    return {
        "base": evaluation("base", {}),
        "sft": evaluation("s", {"adapter.safetensors": "sft"}),
        "dpo": evaluation("d", {"adapter.safetensors": "dpo"}),
    }


@pytest.fixture
def records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PhaseManifests:
    """A session that reached everything, at a small scale."""
    monkeypatch.setattr(tiers, "MIN_SFT_ROWS", 2)
    monkeypatch.setattr(tiers, "MIN_PAIRS", 1)
    found = {name: tmp_path / name / "manifest.json" for name in PhaseManifests.__dataclass_fields__}
    report = written(tmp_path / "verification" / "v.json", json.dumps({"verdict": "clean"}))
    written(
        found["verification"],
        json.dumps({"verification": "v.json", "sha256": report, "model": {"sha256": "base"}}),
    )
    for name, asked in (("sft_data", ["Sing a song.", "Draw a cat."]), ("pairs", ["Write a poem."])):
        rows = "".join(json.dumps({"instruction": text}) + "\n" for text in asked)
        sha256 = written(tmp_path / name / "rows.jsonl", rows)
        plain = MADE | {"chat_template": None, "add_special_tokens": False}
        written(found[name], json.dumps({"outputs": {"rows.jsonl": sha256}, "provenance": plain}))
        training = "sft_training" if name == "sft_data" else "dpo_training"
        record = {
            "metrics": {"steps": 9},
            "provenance": MADE | {"model": {"sha256": "base" if name == "sft_data" else "s"}},
            "artifacts": [{"path": "x/adapter.safetensors", "sha256": training[:3]}],
            "inputs": [{"path": "rows.jsonl", "sha256": sha256}],
        }
        written(found[training], json.dumps(record))
    return PhaseManifests(**found)


def assess_tiers(
    records: PhaseManifests,
    evaluations: dict[str, Evaluation],
    metrics: dict[str, Any],
    labellings: dict[str, Labelling] = LABELLED,
) -> tuple[TierResult, ...]:
    return tiers.assess_tiers(records, evaluations, metrics, instructions=INSTRUCTIONS, labellings=labellings)


def line(found: tuple[TierResult, ...], criterion: str) -> CriterionResult:
    [one] = [line for tier in found for line in tier.lines if criterion in line.criterion]
    return one


def test_everything_shown_reaches_the_highest_tier(
    records: PhaseManifests, evaluations: dict[str, Evaluation]
) -> None:
    found = assess_tiers(records, evaluations, METRICS)
    assert [tier.reached for tier in found] == [True, True, True], tiers.format_tiers(found)
    assert find_highest_tier(found) == "publication-ready"
    assert "2 rows; 0 contain a prompt of the evaluation" in line(found, "clean data").evidence
    gains = (
        f"{name} +20.0 points [+10.0, +30.0]" for name in ("base -> SFT", "baseline -> SFT", "SFT -> DPO")
    )
    assert line(found, "clear progression").evidence == f"following: {', '.join(gains)}"
    assert line(found, "significance").evidence == (
        "following: baseline -> SFT +20.0 points, p = 0.001; baseline -> DPO +20.0 points, p = 0.001; "
        "SFT -> DPO +20.0 points, p = 0.001 (exact McNemar, Holm over 11 contrasts)"
    )
    assert line(found, "SFT training").evidence == (
        "9 steps; started from the model evaluated before it; the evaluated adapter is the one it wrote; "
        "trained on the data above"
    )


def test_criteria_without_records_are_not_shown(evaluations: dict[str, Evaluation]) -> None:
    found = assess_tiers(PhaseManifests(), evaluations, METRICS)
    assert [tier.reached for tier in found] == [None, None, None]
    assert find_highest_tier(found) == "none"
    text = tiers.format_tiers(found)
    assert "minimum: not shown in full" in text
    assert "  not shown  SFT training completes: the manifest is not given" in text


@pytest.mark.parametrize(
    "case",
    [
        ("verification", "verification/v.json", "{}", None, "is not the file that its manifest names"),
        ("verification", "verification/manifest.json", "{}", None, "not the expected manifest"),
        ("verification", "verification/manifest.json", "[", None, "not the expected manifest"),
        ("clean data", "sft_data/rows.jsonl", "", None, "is not the file that its manifest names"),
        ("preference pairs", "pairs/manifest.json", '{"outputs": 3}', None, "not the expected manifest"),
        ("DPO training", "pairs/manifest.json", '{"outputs": {}}', False, "other data than the above"),
        (
            "reproducibility",
            "pairs/manifest.json",
            '{"outputs": {}}',
            None,
            "no manifest of pairs can be read",
        ),
        (
            "reproducibility",
            "sft_training/manifest.json",
            "[",
            None,
            "no manifest of sft_training can be read",
        ),
    ],
)
def test_a_record_that_was_changed_shows_nothing(
    records: PhaseManifests,
    evaluations: dict[str, Evaluation],
    tmp_path: Path,
    case: tuple[str, str, str, bool | None, str],
) -> None:
    criterion, file, text, met, evidence = case
    (tmp_path / file).write_text(text)
    found = line(assess_tiers(records, evaluations, METRICS), criterion)
    assert (found.met, evidence in found.evidence) == (met, True), found


def test_prompts_of_the_evaluation_among_the_data_are_found(
    records: PhaseManifests, evaluations: dict[str, Evaluation], tmp_path: Path
) -> None:
    planted = ["Name three colors of the rainbow!", "Draw a cat.", "Spell the word tiger."]
    rows = "".join(json.dumps({"instruction": text}) + "\n" for text in planted)
    for answer in ("response", "chosen", "rejected"):
        rows += (
            json.dumps({"instruction": "Go on.", answer: "Well: name three colors of the rainbow!"}) + "\n"
        )
    sha256 = written(tmp_path / "sft_data" / "rows.jsonl", rows)
    manifest = json.loads((tmp_path / "sft_data" / "manifest.json").read_text())
    manifest["outputs"]["rows.jsonl"] = sha256
    (tmp_path / "sft_data" / "manifest.json").write_text(json.dumps(manifest))
    found = line(assess_tiers(records, evaluations, METRICS), "clean data")
    assert found.met is False
    assert found.evidence.startswith("6 rows; 5 contain a prompt of the evaluation (nearest similarity 1.00)")


@pytest.mark.parametrize(
    ("changed", "criterion"),
    [
        ({"base_rate": 0.31}, "verification"),
        ({"sft_following_rate": 0.6}, "SFT model shows"),
        ({"following_gain_low_few_shot_sft": -0.02}, "SFT model shows"),
        ({"following_gain_low_base_sft": 0.0}, "SFT model shows"),
        ({"dpo_following_rate": 0.85}, "DPO model shows"),
        ({"following_gain_low_few_shot_dpo": -0.02}, "DPO model shows"),
        ({"following_gain_low_sft_dpo": -0.02}, "DPO model shows"),
        ({"following_gain_low_base_sft": -0.02}, "clear progression"),
        ({"following_gain_low_few_shot_sft": -0.02}, "clear progression"),
        ({"following_gain_low_sft_dpo": -0.02}, "clear progression"),
        ({"following_p_sft_dpo": 0.05}, "significance"),
        ({"following_p_few_shot_sft": 0.65, "following_gain_few_shot_sft": -0.01}, "significance"),
        ({"following_gain_few_shot_sft": -0.1}, "significance"),
        ({"following_gain_few_shot_dpo": 0.0}, "significance"),
    ],
)
def test_a_measured_value_misses_its_line(
    records: PhaseManifests, evaluations: dict[str, Evaluation], changed: dict[str, Any], criterion: str
) -> None:
    found = assess_tiers(records, evaluations, METRICS | changed)
    assert line(found, criterion).met is False
    assert found[-1].reached is False


def test_a_gain_in_stopping_alone_is_not_significant(
    records: PhaseManifests, evaluations: dict[str, Evaluation]
) -> None:
    """SFT teaches the base model to stop and nothing else: -1.0 points against the baseline."""
    measured = {"following_gain_few_shot_sft": -0.01, "following_p_few_shot_sft": 0.65, "p_base_sft": 2e-66}
    found = line(assess_tiers(records, evaluations, METRICS | measured), "significance")
    assert found.met is False
    assert (
        "baseline -> SFT -1.0 points, p = 0.65 (no significant gain; 6.0 points would have been detected)"
        in (found.evidence)
    )
    assert "2e-66" not in found.evidence


NO_BASELINE = {name: value for name, value in METRICS.items() if "few_shot" not in name} | {
    "baseline_shots": 0
}
GAINS = ("SFT model shows", "DPO model shows", "clear progression", "significance")


@pytest.mark.parametrize(
    "metrics", [NO_BASELINE, METRICS | {"baseline_shots": 7}], ids=["none", "7 examples"]
)
def test_without_a_baseline_after_eight_examples_no_gain_is_shown(
    records: PhaseManifests, evaluations: dict[str, Evaluation], metrics: dict[str, Any]
) -> None:
    found = assess_tiers(records, evaluations, metrics)
    for criterion in GAINS:
        assert line(found, criterion).met is None
        assert "shots = 8" in line(found, criterion).evidence
    assert [tier.reached for tier in found] == [None, None, None]


def test_a_gain_that_is_missed_is_missed_without_a_baseline(
    records: PhaseManifests, evaluations: dict[str, Evaluation]
) -> None:
    missed = {"sft_following_rate": 0.6, "following_gain_low_sft_dpo": -0.02}
    found = assess_tiers(records, evaluations, NO_BASELINE | missed)
    assert [line(found, criterion).met for criterion in GAINS[:3]] == [False, False, False]


@pytest.mark.parametrize(
    ("labelling", "met"),
    [
        (Labelling(failed=150, labelled=99), False),
        (Labelling(failed=150, labelled=100), True),
        (Labelling(failed=40, labelled=39), False),
        (Labelling(failed=40, labelled=40), True),
        (Labelling(failed=0, labelled=0), True),
        (Labelling(failed=150, labelled=0), False),
    ],
)
def test_an_error_analysis_needs_labels_of_every_model(
    records: PhaseManifests, evaluations: dict[str, Evaluation], labelling: Labelling, met: bool
) -> None:
    found = line(assess_tiers(records, evaluations, METRICS, LABELLED | {"dpo": labelling}), "error analysis")
    assert found.met is met
    assert ("run `gonogo label`" in found.evidence) == (not met)


def test_too_few_rows_miss_their_line(
    records: PhaseManifests, evaluations: dict[str, Evaluation], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tiers, "MIN_SFT_ROWS", 3)
    monkeypatch.setattr(tiers, "MIN_PAIRS", 2)
    found = assess_tiers(records, evaluations, METRICS)
    assert line(found, "clean data").met is False
    assert line(found, "preference pairs").met is False


@pytest.mark.parametrize(
    "case",
    [
        ("base", evaluation("another", {}), "verification", "is not the evaluated base model"),
        ("sft", evaluation("s", {"adapter.safetensors": "x"}), "SFT training", "is another one"),
        ("dpo", evaluation("d", {}), "DPO training", "is another one"),
        (
            "sft",
            evaluation("t", {"adapter.safetensors": "sft"}),
            "DPO training",
            "started from another model",
        ),
        ("base", evaluation("another", {}), "SFT training", "started from another model"),
    ],
)
def test_records_of_another_model_do_not_count(
    records: PhaseManifests,
    evaluations: dict[str, Evaluation],
    case: tuple[str, Evaluation, str, str],
) -> None:
    model, other, criterion, evidence = case
    found = line(assess_tiers(records, evaluations | {model: other}, METRICS), criterion)
    assert (found.met, evidence in found.evidence) == (False, True)


def test_missing_records_of_an_evaluation_are_named(
    records: PhaseManifests, evaluations: dict[str, Evaluation]
) -> None:
    base = Evaluation(0.5, SuiteId("s", "v"), "m", {}, (), dict(evaluations["base"].provenance, device="cpu"))
    del base.provenance["stop_rule"]
    found = line(assess_tiers(records, evaluations | {"base": base}, METRICS), "reproducibility")
    assert (found.met, found.evidence) == (
        False,
        "not recorded: seed of the base evaluation, stop_rule of the base evaluation",
    )


def test_a_training_that_does_not_record_its_seed_is_named(
    records: PhaseManifests, evaluations: dict[str, Evaluation]
) -> None:
    assert records.dpo_training is not None
    record = json.loads(records.dpo_training.read_text())
    del record["provenance"]["seed"]
    records.dpo_training.write_text(json.dumps(record))
    found = line(assess_tiers(records, evaluations, METRICS), "reproducibility")
    assert (found.met, found.evidence) == (False, "not recorded: seed of dpo_training")
