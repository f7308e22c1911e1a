"""Parameters and metrics of SFT training."""

from typing import Final

from pydantic import Field

from phases.contract.phase_spec import Metric, PhaseSpec
from phases.contract.workload import ModelContext, Training, Work, Workload
from phases.training.parameters import SHARED_METRICS, TrainingParameters


class Parameters(TrainingParameters):
    """Parameters of SFT training."""

    packing: bool = Field(
        False,
        description="pack the rows of a step into shared sequences, with attention kept within each row: "
        "less padding",
    )
    train_file: list[str] = Field(min_length=1, description="JSONL files or patterns, as sft_data writes")
    model: str = Field("Qwen/Qwen2.5-32B", description="base model: hub id, folder or 'embedded'")
    lora_r: int = Field(32, ge=1, le=512, description="LoRA rank", json_schema_extra={"usual": [32, 64]})
    lora_alpha: int = Field(
        32,
        ge=1,
        le=1024,
        description="LoRA alpha; the adapter is scaled by alpha / rank",
        json_schema_extra={"usual": [16, 32]},
    )


METRICS: Final = (
    Metric("first_train_loss", "mean training loss of the first tenth of the steps"),
    Metric("final_train_loss", "mean training loss of the last tenth of the steps"),
    *SHARED_METRICS,
)


def list_workloads(parameters: Parameters, context: ModelContext) -> tuple[Workload, ...]:
    """Return the largest step: rows of the maximum length."""
    return (
        Training(
            parameters.rows_per_step * parameters.max_length,
            parameters.max_length,
            parameters.gradient_checkpointing,
            shard_weights=parameters.shard_weights,
        ),
    )


SPEC: Final = PhaseSpec(
    Parameters,
    METRICS,
    description="Fine-tune a base model on instructions with LoRA, or QLoRA for large models.",
    work=Work(proportional_to=("epochs",), rows_of="phases.sft_data"),
    workloads=list_workloads,
    may_use_launcher=True,
    trained_model="sft",
)
