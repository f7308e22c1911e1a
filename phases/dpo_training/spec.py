"""Parameters and metrics of DPO training."""

from typing import Final, Self

from pydantic import Field, model_validator

from phases.contract.phase_spec import Metric, PhaseSpec
from phases.contract.workload import ModelContext, Training, Work, Workload
from phases.training.parameters import SHARED_METRICS, TrainingParameters


class Parameters(TrainingParameters):
    """Parameters of DPO training."""

    sft_model: str = Field(
        description="adapter folder of SFT training: both the starting point and the reference"
    )
    preference_file: list[str] = Field(
        min_length=1, description="JSONL files or patterns, as preference_pairs writes"
    )
    beta: float = Field(
        0.1,
        gt=0,
        le=10,
        description="strength of the pull towards the reference; lower values allow more drift",
        json_schema_extra={"usual": [0.1, 0.3]},
    )
    sft_weight: float = Field(
        0.0,
        ge=0,
        le=10,
        description="weight of an SFT loss on the chosen answers, which keeps them likely; 0 disables it",
    )
    dpo_weight: float = Field(
        1.0,
        ge=0,
        le=10,
        description="weight of the DPO loss; 0 trains on the chosen answers alone (a control: the "
        "difference is what the preferences add)",
    )
    swapped_share: float = Field(
        0.0,
        ge=0,
        le=1,
        description="share of pairs with swapped labels (a control; 0.5 leaves no signal)",
    )
    epochs: int = Field(
        3, ge=1, le=50, description="passes over the training pairs", json_schema_extra={"usual": [1, 3]}
    )
    batch_size: int = Field(
        2,
        ge=1,
        le=1024,
        description="pairs per device and batch; memory decides how many of them are processed at once",
    )
    learning_rate: float = Field(
        5e-5,
        gt=0,
        le=0.1,
        description="peak learning rate; cosine decay",
        json_schema_extra={"usual": [5e-5, 1e-4]},
    )

    @model_validator(mode="after")
    def _require_loss(self) -> Self:
        if not self.dpo_weight and not self.sft_weight:
            raise ValueError("dpo_weight and sft_weight are 0, so there is no loss; set sft_weight to 1")
        return self


REFERENCE_UNIT: Final = "reference pairs"
"""Unit of progress while the reference's log-probabilities are computed, before the steps."""

METRICS: Final = (
    Metric("step0_loss", "held-out DPO loss before the first step; log 2 if policy and reference are equal"),
    Metric("step0_margin", "held-out reward margin before the first step; 0 in the same case"),
    Metric("first_loss", "mean training loss of the first tenth of the steps, including the SFT term"),
    Metric("final_loss", "mean training loss of the last tenth of the steps, including the SFT term"),
    Metric(
        "final_accuracy",
        "share of pairs whose chosen answer has the higher reward, over the last tenth of the steps",
    ),
    Metric("final_margin", "mean reward margin (chosen minus rejected) over the last tenth of the steps"),
    Metric(
        "heldout_accuracy", "share of held-out pairs whose chosen answer has the higher reward, at delivery"
    ),
    Metric("heldout_margin", "mean held-out reward margin (chosen minus rejected), at delivery"),
    Metric(
        "chosen_logp_change", "change of the mean log-probability of held-out chosen answers since step 0"
    ),
    Metric(
        "rejected_logp_change", "change of the mean log-probability of held-out rejected answers since step 0"
    ),
    Metric(
        "length_ratio",
        "tokens of greedy answers to held-out prompts relative to the reference's, geometric mean",
    ),
    Metric(
        "length_ratio_low", "lower end of its 95 % interval over these prompts (Student's, of logarithms)"
    ),
    Metric("length_ratio_high", "upper end of that interval"),
    Metric("unfinished_share", "share of those answers cut off at the token limit"),
    *SHARED_METRICS,
)


def list_workloads(parameters: Parameters, context: ModelContext) -> tuple[Workload, ...]:
    """Return the largest step: pairs with two answers of the maximum length."""
    return (
        Training(
            parameters.rows_per_step * parameters.max_length * 2,
            parameters.max_length * 2,
            parameters.gradient_checkpointing,
            reference=True,
            shard_weights=parameters.shard_weights,
        ),
    )


SPEC: Final = PhaseSpec(
    Parameters,
    METRICS,
    description="Train the SFT adapter further on preference pairs with DPO. The SFT model is the reference.",
    work=Work(proportional_to=("epochs",), rows_of="phases.preference_pairs", prepares=REFERENCE_UNIT),
    workloads=list_workloads,
    may_use_launcher=True,
    trained_model="dpo",
)
