"""Parameters and metrics that SFT and DPO training share. Light: `gonogo check` imports this module."""

from pathlib import Path
from typing import Final, Literal, cast

from pydantic import Field

from phases.contract.parameters import PhaseParameters
from phases.contract.phase_spec import Metric

Tracker = Literal["tensorboard", "trackio", "wandb"]


class TrainingParameters(PhaseParameters):
    """Parameters of both training phases.

    The `usual` entry of a field is the range that the session document recommends.
    """

    output_dir: Path = Field(description="folder for the adapter, its checkpoints and its manifest")
    epochs: int = Field(
        3, ge=1, le=50, description="passes over the training rows", json_schema_extra={"usual": [1, 5]}
    )
    batch_size: int = Field(
        4,
        ge=1,
        le=1024,
        description="rows per device and batch; memory decides how many of them are processed at once",
    )
    gradient_accumulation: int = Field(1, ge=1, le=1024, description="batches per optimizer step")
    learning_rate: float = Field(2e-4, gt=0, le=0.1, description="peak learning rate; cosine decay")
    max_length: int = Field(
        1024, ge=16, le=131072, description="maximum row length in tokens; longer rows are dropped"
    )
    gradient_checkpointing: Literal["auto", "on", "off"] = Field(
        "auto",
        description="recompute activations to save memory, at the cost of speed; auto finds the fewest "
        "layers with which a micro-batch fits (with shard_weights always all layers)",
    )
    shard_weights: bool = Field(
        False,
        description="shard the layers' weights over the GPUs of each host, for a model that does not fit one "
        "GPU; slower; needs a launcher",
    )
    heldout_share: float = Field(0.05, gt=0, le=0.5, description="share of rows held out from training")
    evaluations: int = Field(10, ge=1, le=1000, description="number of held-out evaluations during training")
    deliver: Literal["best", "last"] = Field(
        "best",
        description="which adapter to save: that of the lowest held-out loss, or that of the last step",
    )
    checkpoint_minutes: float = Field(
        10, ge=0, description="minutes between checkpoints; 0 saves after each step"
    )
    suite: str = Field(
        "auto",
        description="evaluation suite to check the rows against for contamination: a name, a JSONL file, "
        "auto (by model) or none",
    )
    seed: int = Field(20251003, ge=0, lt=2**32, description="random seed")
    report_to: list[Tracker] = Field(
        [],
        description="experiment trackers to report to as well; needs gonogo[trackers]. Nothing is sent by "
        "default: wandb stays offline without WANDB_API_KEY, and the others write local files",
    )
    log_dir: Path | None = Field(
        None, description="folder for the training log (default: logs/ next to models/)"
    )

    @property
    def rows_per_step(self) -> int:
        """Rows of an optimizer step on each device."""
        return self.batch_size * self.gradient_accumulation

    @property
    def logs(self) -> Path:
        """The folder for the training log."""
        return self.log_dir or self.output_dir.parent.parent / "logs"


SETTINGS_WITHOUT_EFFECT: Final = frozenset(
    {
        "output_dir",
        "log_dir",
        "checkpoint_minutes",
        "deliver",
        "gradient_checkpointing",
        "shard_weights",
        "report_to",
    }
)
"""Parameters that do not change the trained weights, so a checkpoint can be resumed under other values."""

SHARED_METRICS: Final = (
    Metric("heldout_loss_first", "held-out loss before the first step"),
    Metric("heldout_loss_final", "held-out loss after the last step"),
    Metric("heldout_loss_min", "lowest held-out loss after any step; a higher final loss is overfitting"),
    Metric("heldout_best_step", "step after which the held-out loss was lowest"),
    Metric("delivered_step", "step whose adapter was saved"),
    Metric("delivered_heldout_loss", "held-out loss after that step"),
    Metric("loss_slope", "Theil-Sen slope of the training loss over all steps, per 100 steps"),
    Metric("loss_slope_low", "lower end of the slope's 95 % interval"),
    Metric("loss_slope_high", "upper end of the slope's 95 % interval; below 0 the decrease is significant"),
    Metric("overfit_gap", "heldout_loss_final minus the mean training loss of the last tenth of the steps"),
    Metric(
        "heldout_reload_difference",
        "held-out loss of the adapter reloaded from disk minus delivered_heldout_loss",
    ),
    Metric("steps", "optimizer steps"),
    Metric("train_rows", "rows trained"),
    Metric("heldout_rows", "rows held out"),
    Metric("dropped_too_long", "rows dropped because they are longer than max_length"),
    Metric("tokens_trained", "tokens processed in training: prompts included, padding excluded"),
    Metric("tokens_per_second", "tokens_trained divided by the time spent in training steps"),
    Metric("max_grad_norm", "largest gradient norm before clipping"),
)


def describe_unusual_values(parameters: TrainingParameters) -> list[str]:
    """Return a text for each parameter outside the session document's recommended range."""
    findings = []
    for name, field in type(parameters).model_fields.items():
        extra = field.json_schema_extra
        value = getattr(parameters, name)
        if isinstance(extra, dict) and "usual" in extra:
            low, high = cast(list[float], extra["usual"])
            if not low <= value <= high:
                findings.append(f"{name} {value:g} (usual: {low:g} to {high:g})")
    return findings
