"""Callbacks that report steps, schedule evaluations and checkpoints, and check the start of DPO."""

import logging
import math
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import Any, Final, Self

from transformers import TrainerCallback, TrainerControl, TrainerState

from phases.contract.errors import PhaseFailedError
from phases.contract.reporter import Reporter, Stopped
from phases.models import distributed
from phases.training.checkpoints import TrainingIdentity, mark_complete

STEP_ZERO_TOLERANCE: Final = 2e-3
"""For held-out pairs, whose reference is computed as the evaluation computes them."""
FIRST_STEP_TOLERANCE: Final = 0.05
"""For the few pairs of the first step, whose reference rounds differently: in bfloat16 by about 0.01."""
METRIC_NAMES: Final = {
    "loss": "loss",
    "learning_rate": "learning_rate",
    "grad_norm": "grad_norm",
    "tokens_per_second": "tokens_per_second",
    "rewards/accuracies": "accuracy",
    "rewards/margins": "margin",
    "logps/chosen": "chosen_logp",
    "logps/rejected": "rejected_logp",
}
"""gonogo's name for each of TRL's metrics; held-out metrics have the prefix `eval_` in both."""


class StopRequest:
    """While entered, SIGTERM is remembered instead of raising, so that work stops between two steps."""

    def __init__(self) -> None:
        self.is_set = False

    def __enter__(self) -> Self:
        self._previous_handler = signal.signal(signal.SIGTERM, self._set)
        return self

    def __exit__(self, *error: object) -> None:
        signal.signal(signal.SIGTERM, self._previous_handler)

    def _set(self, number: int, frame: FrameType | None) -> None:
        if distributed.is_main_process():
            print("stopping: SIGTERM received, the work so far will be saved", file=sys.stderr, flush=True)  # noqa: T201
        self.is_set = True

    def is_set_anywhere(self) -> bool:
        """Return whether any process was asked to stop. All processes must call it together."""
        return distributed.reduce_any(self.is_set)[0]


class ScheduleCallback(TrainerCallback):
    """Decide after each step whether to evaluate, to save and to stop."""

    def __init__(
        self,
        evaluation_steps: frozenset[int],
        checkpoint_seconds: float,
        stop: StopRequest,
        identity: TrainingIdentity,
    ) -> None:
        self._evaluation_steps = evaluation_steps
        self._checkpoint_seconds = checkpoint_seconds
        self._stop = stop
        self._identity = identity
        self._last_save = time.monotonic()

    def on_step_end(self, args: Any, state: TrainerState, control: TrainerControl, **more: Any) -> None:
        """Request what is due."""
        is_last = state.global_step >= state.max_steps
        is_overdue = time.monotonic() - self._last_save >= self._checkpoint_seconds
        must_stop, must_save = distributed.reduce_any(self._stop.is_set, is_overdue)
        control.should_training_stop = is_last or must_stop
        control.should_evaluate = state.global_step in self._evaluation_steps and not must_stop
        control.should_save = control.should_training_stop or must_save

    def on_prediction_step(
        self, args: Any, state: TrainerState, control: TrainerControl, **more: Any
    ) -> None:
        """Interrupt an evaluation if a stop was requested."""
        if self._stop.is_set_anywhere():
            raise Stopped

    def on_save(self, args: Any, state: TrainerState, control: TrainerControl, **more: Any) -> None:
        """Mark the new checkpoint as complete."""
        mark_complete(Path(args.output_dir) / f"checkpoint-{state.global_step}", self._identity)
        self._last_save = time.monotonic()


class ReportCallback(TrainerCallback):
    """Report each step to gonogo and to the log, and fail on a loss that is not finite."""

    def __init__(self, reporter: Reporter, log: logging.Logger, step_tokens: Sequence[int]) -> None:
        self._reporter = reporter
        self._log = log
        self._step_tokens = step_tokens
        self._started = 0.0
        self._seconds = 0.0

    def on_train_begin(self, args: Any, state: TrainerState, control: TrainerControl, **more: Any) -> None:
        """Report the step from which training starts or resumes."""
        self._report_progress(state)

    def on_step_begin(self, args: Any, state: TrainerState, control: TrainerControl, **more: Any) -> None:
        """Start timing."""
        self._started = time.monotonic()

    def on_step_end(self, args: Any, state: TrainerState, control: TrainerControl, **more: Any) -> None:
        """Stop timing."""
        self._seconds = time.monotonic() - self._started
        self._report_progress(state)

    def on_substep_end(self, args: Any, state: TrainerState, control: TrainerControl, **more: Any) -> None:
        """Show that the step is alive."""
        self._report_progress(state)

    def on_prediction_step(
        self, args: Any, state: TrainerState, control: TrainerControl, **more: Any
    ) -> None:
        """Show that the evaluation is alive."""
        self._report_progress(state)

    def on_log(
        self, args: Any, state: TrainerState, control: TrainerControl, logs: dict[str, float], **more: Any
    ) -> None:
        """Report the metrics of a step or an evaluation.

        Raises:
            PhaseFailedError: the loss or the gradient norm is not finite.
        """
        # The adapter reloaded from disk is evaluated after training; that is not progress.
        if "reloaded_loss" in logs:
            return
        if "loss" in logs and state.global_step:
            tokens = self._step_tokens[state.global_step - 1]
            state.log_history[-1].update({"tokens": tokens, "seconds": self._seconds})
            logs = {**logs, "tokens_per_second": tokens / max(self._seconds, 1e-9)}
        values = {
            prefix + ours: logs[prefix + theirs]
            for prefix in ("", "eval_")
            for theirs, ours in METRIC_NAMES.items()
            if prefix + theirs in logs
        }
        if not values:
            return
        self._reporter.metric(state.global_step, values)
        numbers = "  ".join(f"{name} {value:.4g}" for name, value in values.items())
        self._log.info("step %d/%d  %s", state.global_step, state.max_steps, numbers)
        for name in ("loss", "grad_norm", "eval_loss"):
            if name in values and not math.isfinite(values[name]):
                raise PhaseFailedError(
                    f"step {state.global_step}: {name} is {values[name]}, so training has diverged; "
                    "lower the learning rate, or check the rows. No checkpoint was saved of this state"
                )

    def _report_progress(self, state: TrainerState) -> None:
        self._reporter.progress(state.global_step, state.max_steps, "steps")


class ReferenceMatchesPolicyCheck(TrainerCallback):
    """Fail a DPO training whose policy and reference differ before the first update.

    Args:
        forget_reference: removes what was stored of the wrong reference.
        has_sft_loss: whether training adds an SFT loss to DPO's.
        has_dpo_loss: whether the losses contain DPO's; otherwise only the margin is checked.
    """

    def __init__(
        self, forget_reference: Callable[[], None], *, has_sft_loss: bool, has_dpo_loss: bool = True
    ) -> None:
        self._forget_reference = forget_reference
        self._has_sft_loss = has_sft_loss
        self._has_dpo_loss = has_dpo_loss

    def on_log(
        self, args: Any, state: TrainerState, control: TrainerControl, logs: dict[str, float], **more: Any
    ) -> None:
        """Check the evaluation before the first step, and the first step.

        Raises:
            PhaseFailedError: the loss is not log 2 or the margin is not 0.
        """
        # Step 1 logs what was computed before its update.
        prefix = {0: "eval_", 1: ""}.get(state.global_step)
        if prefix is None or prefix + "loss" not in logs:
            return
        loss, margin = logs[prefix + "loss"], logs[prefix + "rewards/margins"]
        tolerance = STEP_ZERO_TOLERANCE if state.global_step == 0 else FIRST_STEP_TOLERANCE
        is_dpo_loss = self._has_dpo_loss and (state.global_step == 0 or not self._has_sft_loss)
        is_loss_wrong = is_dpo_loss and abs(loss - math.log(2)) > tolerance
        if is_loss_wrong or abs(margin) > tolerance:
            self._forget_reference()
            raise PhaseFailedError(
                f"before the first update the loss is {loss:.4f} and the margin {margin:.4f}; expected "
                "0.6931 and 0: the reference is not the model that is trained, so DPO would learn "
                "something else"
            )
