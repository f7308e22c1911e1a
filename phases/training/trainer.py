"""Run a TRL trainer with live reports, exact resume, and a stop that saves; write the phase's result.

Under a launcher several processes run this at once (see `phases.models.distributed`).
"""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from transformers import TrainerState

from phases.contract import files
from phases.contract.phase_spec import Metric
from phases.contract.reporter import Reporter, Stopped
from phases.models import distributed
from phases.models.fused_lora import count_fused_modules
from phases.models.loader import LoadedModel
from phases.models.provenance import build_provenance
from phases.training.arguments import schedule_evaluations
from phases.training.best_adapter import BestAdapterCallback, load_best_adapter
from phases.training.callbacks import ReportCallback, ScheduleCallback, StopRequest
from phases.training.checkpoints import TrainingIdentity, find_resumable, mark_complete, prune_checkpoints
from phases.training.history import TrainingHistory
from phases.training.parameters import TrainingParameters
from phases.training.probe import MicroBatchProbe


def train(
    trainer: Any,
    parameters: TrainingParameters,
    identity: TrainingIdentity,
    *,
    step_tokens: Sequence[int],
    row_lengths: Sequence[int],
    reporter: Reporter,
    log: logging.Logger,
) -> TrainingHistory:
    """Train to the end, from the newest usable checkpoint if there is one, and load the adapter to deliver.

    Args:
        trainer: a prepared `MicroBatchTrainer` (see `phases.training.adapters.prepare_trainer`).
        parameters: of the phase.
        identity: the identity that a checkpoint must have to be resumed.
        step_tokens: the tokens of each optimizer step.
        row_lengths: the tokens that each training row takes in a sequence, in training order.
        reporter: receives progress and metrics.
        log: the training log.

    Raises:
        Stopped: SIGTERM was received; a checkpoint of the last complete step is saved.
        PhaseFailedError: the loss or the gradient is not finite, or no micro-batch fits.
    """
    folder = Path(trainer.args.output_dir)
    checkpoint = find_resumable(folder, identity, reporter)
    state = TrainerState()
    if checkpoint:
        state = TrainerState.load_from_json(str(checkpoint / "trainer_state.json"))
        reporter.notice(f"resuming from {checkpoint}")
    evaluation_steps = schedule_evaluations(len(step_tokens), parameters.evaluations)
    # If a stop came between a step and its evaluation, the resumed training starts with that evaluation.
    evaluated_steps = {entry["step"] for entry in state.log_history if "eval_loss" in entry}
    trainer.args.eval_on_start = state.global_step in evaluation_steps - evaluated_steps
    probe = MicroBatchProbe(trainer, row_lengths, parameters, log, is_resumed=checkpoint is not None)
    with StopRequest() as stop:
        trainer.add_callback(probe)
        trainer.add_callback(ReportCallback(reporter, log, step_tokens))
        trainer.add_callback(
            ScheduleCallback(evaluation_steps, 60 * parameters.checkpoint_minutes, stop, identity)
        )
        # After ScheduleCallback: it removes what no complete checkpoint needs.
        trainer.add_callback(BestAdapterCallback())
        try:
            trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
        except Stopped:  # It is raised during an evaluation, so between two steps.
            if trainer.state.global_step:
                trainer._save_checkpoint(trainer.model, trial=None)
                mark_complete(folder / f"checkpoint-{trainer.state.global_step}", identity)
            raise
        if stop.is_set_anywhere():
            raise Stopped
        trainer.remove_callback(ScheduleCallback)
        trainer.remove_callback(BestAdapterCallback)
    last_step = trainer.state.global_step
    delivered_step = load_best_adapter(trainer, reporter) if parameters.deliver == "best" else last_step
    history = TrainingHistory(
        tuple(trainer.state.log_history),
        trainer.setting,
        count_fused_modules(trainer.model),
        probe.peak_gib,
        delivered_step,
    )
    delivered_loss = history.get_value_at_delivery("eval_loss")
    last_loss = history.list_values("eval_loss")[-1]
    reporter.notice(
        f"delivering the adapter of step {delivered_step} of {last_step}: "
        f"held-out loss {delivered_loss:.4f}, {last_loss:.4f} after the last step"
    )
    return history


def write_result(
    reporter: Reporter,
    loaded: LoadedModel,
    parameters: TrainingParameters,
    identity: TrainingIdentity,
    history: TrainingHistory,
    *,
    adapter: Sequence[Path],
    metrics: Mapping[str, float],
    declared: Sequence[Metric],
) -> None:
    """Write the phase's result and manifest, and remove the checkpoints that are not needed any more.

    Args:
        reporter: receives artifacts and the result.
        loaded: the model that was trained.
        parameters: of the phase.
        identity: of the training.
        history: what it measured.
        adapter: the adapter's files.
        metrics: values of the phase's metrics.
        declared: the metrics that the phase declares in its spec.
    """
    if not distributed.is_main_process():
        return
    for path in adapter:
        reporter.artifact(path)
    record = build_provenance(
        loaded,
        parameters=parameters.model_dump(mode="json"),
        identity=msgspec.to_builtins(identity),
        seed=parameters.seed,
        adapter_dtype="float32",
        attention=loaded.attention,
        processes=distributed.world_size(),
        sharded=loaded.sharded,
        fused_layers=loaded.fused_layers,
        fused_lora_modules=history.fused_modules,
        micro_batch=msgspec.to_builtins(history.setting),
        micro_batch_peak_gib=None if history.peak_gib is None else round(history.peak_gib, 2),
    )
    meanings = {metric.name: metric.meaning for metric in declared}
    result = reporter.finish(metrics, {name: meanings[name] for name in metrics}, record)
    files.write_json(parameters.output_dir / "manifest.json", result)
    prune_checkpoints(parameters.output_dir / "checkpoints")
