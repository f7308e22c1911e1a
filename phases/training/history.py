"""The measurements of a training."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from phases.contract.micro_batch import MicroBatchSetting
from phases.scoring.stats import fit_trend


@dataclass(frozen=True)
class TrainingHistory:
    """The measurements of a training since its first step, including steps before a resume.

    Attributes:
        entries: the trainer's log.
        setting: how steps were split, and how many layers recomputed their activations.
        fused_modules: number of linear modules whose adapter was fused (see `phases.models.fused_lora`).
        peak_gib: peak GPU memory of the largest micro-batch; None without a GPU.
        delivered_step: the step after which the model had the delivered weights.
    """

    entries: tuple[Mapping[str, float], ...]
    setting: MicroBatchSetting
    fused_modules: int
    peak_gib: float | None
    delivered_step: int

    def list_values(self, name: str) -> list[float]:
        """Return a number's value at every step or evaluation that logged it."""
        return [entry[name] for entry in self.entries if name in entry]

    def get_value_at_delivery(self, name: str) -> float:
        """Return a number's value at the evaluation of the delivered step."""
        values = [
            entry[name] for entry in self.entries if name in entry and entry["step"] == self.delivered_step
        ]
        return values[-1]

    def compute_metrics(self) -> dict[str, float]:
        """Return the metrics that both training phases report."""
        losses, heldout_losses = self.list_values("loss"), self.list_values("eval_loss")
        best = find_best_evaluation(self.entries)
        assert best is not None  # a training evaluates after its last step
        tokens, seconds = sum(self.list_values("tokens")), sum(self.list_values("seconds"))
        slope = fit_trend(losses)
        slopes = {}
        if slope is not None:
            slopes = {
                "loss_slope": 100 * slope.slope,
                "loss_slope_low": 100 * slope.low,
                "loss_slope_high": 100 * slope.high,
            }
        return {
            **slopes,
            "steps": len(losses),
            "tokens_trained": tokens,
            "tokens_per_second": tokens / max(seconds, 1e-9),
            "max_grad_norm": max(self.list_values("grad_norm")),
            "heldout_loss_first": heldout_losses[0],
            "heldout_loss_final": heldout_losses[-1],
            "heldout_loss_min": best["eval_loss"],
            "heldout_best_step": best["step"],
            "delivered_step": self.delivered_step,
            "delivered_heldout_loss": self.get_value_at_delivery("eval_loss"),
            "overfit_gap": heldout_losses[-1] - average_tenths(losses)[1],
        }


def find_best_evaluation(entries: Sequence[Mapping[str, float]]) -> Mapping[str, float] | None:
    """Return the first entry with the lowest held-out loss after a step, or None if there is none yet."""
    evaluations = [entry for entry in entries if "eval_loss" in entry and entry["step"] > 0]
    return min(evaluations, key=lambda entry: entry["eval_loss"], default=None)


def average_tenths(values: Sequence[float]) -> tuple[float, float]:
    """Return the mean of the first and of the last tenth of the values, each of at least one value."""
    tenth = max(1, len(values) // 10)
    return sum(values[:tenth]) / tenth, sum(values[-tenth:]) / tenth
