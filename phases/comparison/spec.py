"""Parameters and metrics of the comparison phase."""

from pathlib import Path

from pydantic import Field

from phases.contract.parameters import PhaseParameters
from phases.contract.phase_spec import Metric, PhaseSpec
from phases.contract.workload import Work


class Parameters(PhaseParameters):
    """Parameters of the comparison phase."""

    base: list[str] = Field(min_length=1, description="evaluation of the base model: files or patterns")
    sft: list[str] = Field(min_length=1, description="evaluation of the SFT model: files or patterns")
    dpo: list[str] = Field(min_length=1, description="evaluation of the DPO model: files or patterns")
    output: Path = Field(description="text report to write; a JSON file of the same name is written as well")
    seed: int = Field(20251003, ge=0, description="seed of the bootstrap")
    verification: Path | None = Field(None, description="manifest.json of the verification, for the tiers")
    sft_data: Path | None = Field(None, description="manifest.json of the SFT data, for the tiers")
    sft_training: Path | None = Field(None, description="manifest.json of the SFT model, for the tiers")
    pairs: Path | None = Field(None, description="manifest.json of the preference pairs, for the tiers")
    dpo_training: Path | None = Field(None, description="manifest.json of the DPO model, for the tiers")
    resamples: int = Field(10_000, ge=100, le=1_000_000, description="bootstrap resamples")

    @property
    def result_folder(self) -> Path:
        """The folder of `result.json` when the phase runs without gonogo."""
        return self.output.parent


MODELS = ("base", "sft", "dpo")
CONTRASTS = (("base", "sft"), ("sft", "dpo"), ("base", "dpo"))
"""Pairs of models that are compared: the earlier and the later one."""

_PER_MODEL = (
    Metric("rate", "share of prompts followed"),
    Metric("rate_low", "lower end of the Wilson 95 % interval of the share"),
    Metric("rate_high", "upper end of the Wilson 95 % interval of the share"),
    Metric("following_rate", "share of prompts followed, whether or not the answer stops in time"),
    Metric("following_rate_low", "lower end of the Wilson 95 % interval of following alone"),
    Metric("following_rate_high", "upper end of the Wilson 95 % interval of following alone"),
    Metric("truncation_rate", "share of answers cut off at max_new_tokens"),
    Metric("went_on_rate", "share of answers after which the model started a new instruction"),
)
_PER_CONTRAST = (
    Metric("p", "p-value of the exact McNemar test after Holm's correction"),
    Metric("p_raw", "p-value of the exact McNemar test"),
    Metric("gain", "difference of the rates"),
    Metric("gain_low", "lower end of the BCa bootstrap 95 % interval of the difference"),
    Metric("gain_high", "upper end of the BCa bootstrap 95 % interval of the difference"),
    Metric("gained", "number of prompts that only the second model follows"),
    Metric("lost", "number of prompts that only the first model follows"),
    Metric("detectable", "smallest difference detected with power 0.8 at Holm's strictest level"),
)
_RULES = {"": "", "following_": ", following alone", "stopping_": ", stopping in time alone"}

METRICS = (
    *(
        Metric(f"{model}_{metric.name}", f"{metric.meaning} ({model} model)")
        for model in MODELS
        for metric in _PER_MODEL
    ),
    *(
        Metric(f"{prefix}{metric.name}_{first}_{second}", f"{metric.meaning}, {first} to {second}{rule}")
        for prefix, rule in _RULES.items()
        for first, second in CONTRASTS
        for metric in _PER_CONTRAST
    ),
    Metric("prompts", "number of prompts in the suite"),
    Metric("tier", "highest tier of success reached: none, minimum, full or publication-ready"),
)

SPEC = PhaseSpec(
    Parameters,
    METRICS,
    description="Compare the base, SFT and DPO model on the same prompts.",
    work=Work(depends_on_model=False),
)
