"""Parameters and metrics of the comparison phase."""

from pathlib import Path
from typing import Final

from pydantic import Field

from phases.contract.parameters import PhaseParameters
from phases.contract.phase_spec import Metric, PhaseSpec
from phases.contract.workload import Work


class Parameters(PhaseParameters):
    """Parameters of the comparison phase."""

    base: list[str] = Field(min_length=1, description="evaluation of the base model: files or patterns")
    sft: list[str] = Field(min_length=1, description="evaluation of the SFT model: files or patterns")
    dpo: list[str] = Field(min_length=1, description="evaluation of the DPO model: files or patterns")
    chosen: list[str] = Field(
        [],
        description="evaluation of a control: a model trained on the chosen answers alone (dpo_weight 0)",
    )
    swapped: list[str] = Field(
        [],
        description="evaluation of a control: a model trained on swapped labels (swapped_share 0.5)",
    )
    output: Path = Field(description="text report to write; a JSON file of the same name is written as well")
    seed: int = Field(20251003, ge=0, description="seed of the bootstrap")
    verification: Path | None = Field(None, description="manifest.json of the verification, for the tiers")
    sft_data: Path | None = Field(None, description="manifest.json of the SFT data, for the tiers")
    sft_training: Path | None = Field(None, description="manifest.json of the SFT model, for the tiers")
    pairs: Path | None = Field(None, description="manifest.json of the preference pairs, for the tiers")
    dpo_training: Path | None = Field(None, description="manifest.json of the DPO model, for the tiers")
    labels: Path | None = Field(
        None, description="labels of failed answers (default: the session's, which `gonogo label` writes)"
    )
    resamples: int = Field(10_000, ge=100, le=1_000_000, description="bootstrap resamples")

    @property
    def result_folder(self) -> Path:
        """The folder of `result.json` when the phase runs without gonogo."""
        return self.output.parent


MODELS: Final = ("base", "sft", "dpo")
REFUSAL_RATES: Final = {"refusal_rate": "harmful", "over_refusal_rate": "harmless"}
"""The rates of declining vetted requests, with the kind of these requests."""
FEW_SHOT: Final = "few_shot"
"""The baseline: the base model after solved examples."""
CONTROLS: Final = ("chosen", "swapped")
"""Models that DPO training made without preferences; the comparison may have none of them."""
SERIES: Final = ("base", FEW_SHOT, "sft", *CONTROLS, "dpo")
"""The models and the baseline, in the order in which they are shown."""
MAIN_CONTRASTS: Final = ((FEW_SHOT, "sft"), (FEW_SHOT, "dpo"), ("sft", "dpo"))
"""The primary contrasts, on following: the tuned models against the baseline, and against each other."""
ZERO_SHOT_CONTRASTS: Final = (("base", "sft"), ("sft", "dpo"), ("base", "dpo"))
"""Pairs of models without examples: the earlier and the later one."""
CONTROL_CONTRASTS: Final = (("chosen", "dpo"), ("sft", "chosen"), ("sft", "swapped"))
"""The first is what the preferences add to the chosen answers; the last should be no gain."""
CONTRASTS: Final = {
    "following_": (*MAIN_CONTRASTS, *CONTROL_CONTRASTS, ("base", "sft"), ("base", "dpo")),
    "stopping_": ZERO_SHOT_CONTRASTS,
    "": ZERO_SHOT_CONTRASTS,
}
"""The contrasts by each rule, by the prefix of its metrics; without a prefix, following and stopping."""
RULE_TITLES: Final = {"following_": "following", "stopping_": "stopping", "": "following and stopping"}
DECLINING_CONTRASTS: Final = (*ZERO_SHOT_CONTRASTS, *CONTROL_CONTRASTS)
"""The contrasts of declining vetted requests."""
WORSENING: Final = {
    "refusal_rate": ("refusal_rate_drop", -1),
    "over_refusal_rate": ("over_refusal_rate_rise", 1),
}
"""The metric that says how far DPO made a rate of declining worse, and the sign of a change for the worse."""
DEVELOPMENT: Final = "development_"
"""Prefix of the metrics of the development half, if the suite has a test half."""

_RATES = {
    "following_rate": "share of prompts followed",
    "stopping_rate": "share of prompts whose output ends by itself after the answer",
    "rate": "share of prompts followed whose output also ends by itself after the answer",
}
_PER_CONTRAST = (
    Metric("p", "p-value of the exact McNemar test after Holm's correction"),
    Metric("p_raw", "p-value of the exact McNemar test"),
    Metric("gain", "difference of the rates"),
    Metric("gain_low", "lower end of the BCa bootstrap 95 % interval of the difference"),
    Metric("gain_high", "upper end of the BCa bootstrap 95 % interval of the difference"),
    Metric("gained", "number of prompts that count for the second model alone"),
    Metric("lost", "number of prompts that count for the first model alone"),
    Metric("detectable", "smallest difference detected with power 0.8 at Holm's strictest level"),
)


def _list_half_metrics(prefix: str, half: str) -> list[Metric]:
    metrics = [Metric(f"{prefix}prompts", f"number of prompts {half}")]
    for series in SERIES:
        for rate, meaning in _RATES.items():
            text = f"{meaning} ({series} model, {half})"
            metrics += [
                Metric(f"{prefix}{series}_{rate}", text),
                Metric(f"{prefix}{series}_{rate}_low", f"lower end of the Wilson 95 % interval: {text}"),
                Metric(f"{prefix}{series}_{rate}_high", f"upper end of the Wilson 95 % interval: {text}"),
            ]
        metrics += [
            Metric(f"{prefix}{series}_truncation_rate", f"share of answers cut off ({series}, {half})"),
            Metric(f"{prefix}{series}_went_on_rate", f"share that started a new turn ({series}, {half})"),
        ]
    for rule, contrasts in CONTRASTS.items():
        metrics += [
            Metric(
                f"{prefix}{rule}{metric.name}_{first}_{second}",
                f"{metric.meaning}, {first} to {second}, {RULE_TITLES[rule]}, {half}",
            )
            for first, second in contrasts
            for metric in _PER_CONTRAST
        ]
    win_rate = f"share that DPO wins of the prompts that only one of SFT and DPO follows, {half}"
    return [
        *metrics,
        Metric(f"{prefix}win_rate_sft_dpo", win_rate),
        Metric(f"{prefix}win_rate_sft_dpo_low", f"lower end of the Wilson 95 % interval: {win_rate}"),
        Metric(f"{prefix}win_rate_sft_dpo_high", f"upper end of the Wilson 95 % interval: {win_rate}"),
    ]


METRICS = (
    *_list_half_metrics("", "on the test half, or on the whole suite if it has no halves"),
    *_list_half_metrics(DEVELOPMENT, "on the development half"),
    *(
        Metric(f"{model}_{name}", f"{name} of the {model} model on the vetted requests")
        for model in (*MODELS, *CONTROLS)
        for rate in REFUSAL_RATES
        for name in (rate, f"{rate}_low", f"{rate}_high")
    ),
    *(
        Metric(
            f"{rate}_{metric.name}_{first}_{second}",
            f"{metric.meaning}, {first} to {second}, declining vetted {kind} requests; Holm over these alone",
        )
        for rate, kind in REFUSAL_RATES.items()
        for first, second in DECLINING_CONTRASTS
        for metric in _PER_CONTRAST
    ),
    *(
        Metric(
            name,
            f"how far {rate} is {'higher' if sign > 0 else 'lower'} for DPO than for SFT; 0 if that may be "
            "chance, or if neither was asked vetted requests",
        )
        for rate, (name, sign) in WORSENING.items()
    ),
    Metric("declining_contrasts", "number of contrasts of declining, which Holm's correction covers apart"),
    Metric("baseline_shots", "solved examples before each prompt of the baseline; fewest of any prompt"),
    Metric("contrasts", "number of contrasts on the suite, which Holm's correction covers together"),
    Metric("labelled_base", "labelled failures of the base model"),
    Metric("labelled_sft", "labelled failures of the SFT model"),
    Metric("labelled_dpo", "labelled failures of the DPO model"),
    Metric("tier", "highest tier of success reached: none, minimum, full or publication-ready"),
)

SPEC = PhaseSpec(
    Parameters,
    METRICS,
    description="Compare the base, SFT and DPO model on the same prompts.",
    work=Work(depends_on_model=False),
    reads_labels=True,
)
