"""Training through TRL: arguments, live reports, exact resume, a stop that saves, adapters that are verified.

Known traps of the libraries are avoided here, once for SFT and DPO: adapters are trained in float32 (TRL
casts those of 4-bit models to bfloat16, in which small updates vanish), a loss that is not finite ends the
run, what does not fit into memory ends it before anything is trained, and only checkpoints that are whole and
were made from the same inputs are resumed.

Under a launcher this runs in several processes at once (see `phases.models.distributed`).
"""

import gc
import logging
import math
import os
import shutil
import signal
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any, Self

import msgspec
import torch
from transformers import PrinterCallback, Trainer, TrainerCallback, TrainerControl, TrainerState

from phases.contract import files
from phases.contract.errors import BadInputError, LocalFailureError, PhaseFailedError
from phases.contract.phase_spec import Metric
from phases.contract.reporter import Reporter, Stopped
from phases.models import distributed
from phases.models.kernels import (
    Checkpointing,
    find_flash_attention,
    fuse_layers,
    set_activation_checkpointing,
)
from phases.models.loader import LoadedModel, load_model
from phases.models.provenance import provenance
from phases.models.source import ModelError, record_base_model
from phases.training.data import (
    ends,
    evaluation_steps,
    largest_batch,
)
from phases.training.parameters import SETTINGS_WITHOUT_EFFECT, TrainingParameters

CHECKPOINT_RECORD = "checkpoint.json"
STEP_ZERO_TOLERANCE = 2e-3
GIB = 2**30
TIGHT = 0.95
"""Share of the GPU's memory above which the largest batch counts as too large: later it is fragmented."""
LIVE_NAMES = {
    "loss": "loss",
    "learning_rate": "learning_rate",
    "grad_norm": "grad_norm",
    "tokens_per_second": "tokens_per_second",
    "rewards/accuracies": "accuracy",
    "rewards/margins": "margin",
    "logps/chosen": "chosen_logp",
    "logps/rejected": "rejected_logp",
}
"""What TRL calls a number, and what gonogo calls it; `eval_` stands before both for held-out rows."""


class Identity(msgspec.Struct, frozen=True):
    """What a training is made from: two with the same identity end with the same adapter."""

    parameters: dict[str, Any]
    inputs: tuple[str, ...]
    model: str

    def differences(self, other: "Identity") -> list[str]:
        """Return the names of what differs."""
        names = self.parameters.keys() | other.parameters.keys()
        found = sorted(n for n in names if self.parameters.get(n) != other.parameters.get(n))
        found += ["input files"] if self.inputs != other.inputs else []
        return found + (["model"] if self.model != other.model else [])


def identity(parameters: TrainingParameters, inputs: Sequence[Path], model_hash: str) -> Identity:
    """Return the identity of a training; `inputs` are its row files, known by content."""
    left_out = SETTINGS_WITHOUT_EFFECT | {"train_file", "preference_file", "model", "sft_model"}
    values = {k: v for k, v in parameters.model_dump(mode="json").items() if k not in left_out}
    values["processes"] = distributed.world_size()
    return Identity(values, tuple(files.sha256(path) for path in inputs), model_hash)


class _CheckpointRecord(msgspec.Struct, frozen=True):
    """Written last into a checkpoint: what it was made from and the hashes of all its files."""

    identity: Identity
    files: dict[str, str]


def mark_complete(checkpoint: Path, made_from: Identity) -> None:
    """Mark a checkpoint as whole, once every process has written its part of it."""
    distributed.barrier()
    if not distributed.is_main_process():
        return
    hashes = {str(p.relative_to(checkpoint)): files.sha256(p) for p in checkpoint.rglob("*") if p.is_file()}
    files.write_json(checkpoint / CHECKPOINT_RECORD, _CheckpointRecord(made_from, hashes))


def checkpoints(folder: Path) -> list[Path]:
    """Return the checkpoints in a folder, the newest first."""
    found = [p for p in folder.glob("checkpoint-*") if p.is_dir() and p.name.split("-")[-1].isdigit()]
    return sorted(found, key=lambda p: int(p.name.split("-")[-1]), reverse=True)


def resumable(folder: Path, wanted: Identity, reporter: Reporter) -> Path | None:
    """Return the newest whole checkpoint that was made from the same inputs; say of the others why not."""
    for checkpoint in checkpoints(folder):
        try:
            text = (checkpoint / CHECKPOINT_RECORD).read_bytes()
            record = msgspec.json.decode(text, type=_CheckpointRecord)
            whole = all(files.sha256(checkpoint / name) == sha for name, sha in record.files.items())
        except (OSError, msgspec.DecodeError):
            whole = False
        if not whole or not (checkpoint / "trainer_state.json").is_file():
            reporter.notice(f"{checkpoint} is incomplete and not used", "warning")
        elif differences := wanted.differences(record.identity):
            reporter.notice(
                f"{checkpoint} is stale and not used: made with other {', '.join(differences)}", "warning"
            )
        else:
            return checkpoint
    return None


@contextmanager
def training_log(folder: Path, phase: str) -> Iterator[logging.Logger]:
    """Log to standard output and to `<phase>_<time>.log` in the folder, Python's warnings included.

    Only the first of several processes does.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{phase}_{time.strftime('%Y%m%d_%H%M%S')}.log"
    log = logging.getLogger(f"phases.{phase}")
    log.setLevel(logging.INFO)
    handlers: list[logging.Handler] = [logging.NullHandler()]
    if distributed.is_main_process():
        handlers = [logging.StreamHandler(sys.stdout), logging.FileHandler(path)]
    logging.captureWarnings(True)
    # What libraries will rename in their next versions is nothing that an operator can act on.
    warnings.simplefilter("ignore", FutureWarning)
    loggers = [log, logging.getLogger("py.warnings")]
    for handler in handlers:
        handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
        for logger in loggers:
            logger.addHandler(handler)
    try:
        yield log
    finally:
        logging.captureWarnings(False)
        for handler in handlers:
            for logger in loggers:
                logger.removeHandler(handler)
            handler.close()


class StopRequest:
    """While entered, SIGTERM interrupts nothing: it is remembered, to be honoured between two steps."""

    def __init__(self) -> None:
        self.asked = False

    def __enter__(self) -> Self:
        self._before = signal.signal(signal.SIGTERM, self._remember)
        return self

    def __exit__(self, *error: object) -> None:
        signal.signal(signal.SIGTERM, self._before)

    def _remember(self, number: int, frame: FrameType | None) -> None:
        if distributed.is_main_process():
            print("stopping: SIGTERM received, a checkpoint will be saved", file=sys.stderr, flush=True)  # noqa: T201
        self.asked = True

    def agreed(self) -> bool:
        """Say, in every process alike, whether any of them was asked to stop."""
        return distributed.any_process(self.asked)[0]


class _Schedule(TrainerCallback):  # type: ignore[misc]
    """Decides after each step whether to measure, to save and to stop."""

    def __init__(
        self,
        due: frozenset[int],
        seconds: float,
        stop: StopRequest,
        made_from: Identity,
        clock: Callable[[], float],
    ) -> None:
        self.due = due
        self.seconds = seconds
        self.stop = stop
        self.made_from = made_from
        self.clock = clock
        self.saved = clock()

    def on_step_end(self, args: Any, state: TrainerState, control: TrainerControl, **more: Any) -> None:
        last = state.global_step >= state.max_steps
        stop, overdue = distributed.any_process(self.stop.asked, self.clock() - self.saved >= self.seconds)
        control.should_training_stop = last or stop
        control.should_evaluate = state.global_step in self.due and not stop
        control.should_save = control.should_training_stop or overdue

    def on_prediction_step(
        self, args: Any, state: TrainerState, control: TrainerControl, **more: Any
    ) -> None:
        if self.stop.agreed():
            raise Stopped

    def on_save(self, args: Any, state: TrainerState, control: TrainerControl, **more: Any) -> None:
        mark_complete(Path(args.output_dir) / f"checkpoint-{state.global_step}", self.made_from)
        self.saved = self.clock()


class LargestBatchProbe(TrainerCallback):  # type: ignore[misc]
    """Sends the largest batch through the model and back before anything is trained.

    What does not fit into memory is so known within seconds, also where a run is resumed, and decides which
    layers recompute their activations. Weights, optimiser, random numbers and TRL's counts stay as they were.
    """

    def __init__(
        self, trainer: Trainer, batch: Sequence[int], parameters: TrainingParameters, log: logging.Logger
    ) -> None:
        self.trainer = trainer
        self.batch = batch
        self.sharded = parameters.shard_weights
        # Where weights are in shares, what ran out of memory in one process cannot be tried again: the others
        # wait for it in the midst of a pass.
        auto = (Checkpointing.ALL,) if self.sharded else tuple(Checkpointing)
        choices = {"off": (Checkpointing.OFF,), "on": (Checkpointing.ALL,), "auto": auto}
        self.choices = choices[parameters.gradient_checkpointing]
        self.log = log
        self.checkpointing = ""
        self.peak_bytes: int | None = None

    def on_train_begin(self, args: Any, state: TrainerState, control: TrainerControl, **more: Any) -> None:
        """Choose the first setting under which the largest batch fits."""
        for checkpointing in self.choices:
            set_activation_checkpointing(self.trainer.model, checkpointing)
            failed, tight = distributed.any_process(*self._try())
            if not failed and (not tight or checkpointing is self.choices[-1]):
                self.checkpointing = checkpointing.value
                peak = f", {self.peak_bytes / GIB:.1f} GiB at the peak" if self.peak_bytes else ""
                self.log.info("largest batch: fits%s; gradient checkpointing: %s", peak, self.checkpointing)
                return
        raise PhaseFailedError(self._too_large())

    def _too_large(self) -> str:
        advice = "gradient_checkpointing = auto, " if self.choices == (Checkpointing.OFF,) else ""
        last = (
            ", and so does shard_weights" if distributed.local_world_size() > 1 and not self.sharded else ""
        )
        return (
            f"the largest batch, {len(self.batch)} rows, does not fit into the GPU's memory (out of memory): "
            f"{advice}a smaller batch_size, max_length or lora_r helps, in this order{last}. "
            "Nothing was trained"
        )

    def _try(self) -> tuple[bool, bool]:
        """Say whether the batch ran out of memory, and whether it would with the optimiser's state."""
        trainer, device, failed = self.trainer, self.trainer.args.device, False
        cuda = device.type == "cuda"
        if cuda:
            torch.cuda.reset_peak_memory_stats(device)
            limit = torch.cuda.mem_get_info(device)[0] + torch.cuda.memory_reserved(device)
        counted = trainer._total_train_tokens
        trainer.model_wrapped.train()
        with torch.random.fork_rng(devices=[device] if cuda else []):
            try:
                rows = trainer.data_collator([trainer.train_dataset[i] for i in self.batch])
                with trainer.accelerator.no_sync(trainer.model_wrapped):
                    with trainer.compute_loss_context_manager():
                        loss = trainer.compute_loss(trainer.model_wrapped, trainer._prepare_inputs(rows))
                    trainer.accelerator.backward(loss)
            except torch.OutOfMemoryError as error:
                if self.sharded:
                    raise LocalFailureError(self._too_large()) from error
                failed = True
        trainer.model.zero_grad(set_to_none=True)
        trainer._total_train_tokens = counted
        trainer._metrics["train"].clear()
        if not cuda:
            return failed, False
        self.peak_bytes = torch.cuda.max_memory_allocated(device)
        # Adam keeps two numbers a parameter: in 8 bits each beside 4-bit weights, else in 32.
        trained = sum(p.numel() for p in trainer.model.parameters() if p.requires_grad)
        state = trained * (2 if trainer.args.optim == "paged_adamw_8bit" else 8)
        gc.collect()
        torch.cuda.empty_cache()
        return failed, self.peak_bytes + state > TIGHT * limit


class _Reports(TrainerCallback):  # type: ignore[misc]
    """Tells gonogo and the log of every step, and ends the run when a number is not finite."""

    def __init__(
        self, reporter: Reporter, log: logging.Logger, tokens: Sequence[int], clock: Callable[[], float]
    ) -> None:
        self.reporter = reporter
        self.log = log
        self.tokens = tokens
        self.clock = clock
        self.started = 0.0
        self.seconds = 0.0

    def on_train_begin(self, args: Any, state: TrainerState, control: TrainerControl, **more: Any) -> None:
        self.reporter.progress(state.global_step, state.max_steps, "steps")

    def on_step_begin(self, args: Any, state: TrainerState, control: TrainerControl, **more: Any) -> None:
        self.started = self.clock()

    def on_step_end(self, args: Any, state: TrainerState, control: TrainerControl, **more: Any) -> None:
        self.seconds = self.clock() - self.started
        self.reporter.progress(state.global_step, state.max_steps, "steps")

    def on_substep_end(self, args: Any, state: TrainerState, control: TrainerControl, **more: Any) -> None:
        self.reporter.progress(state.global_step, state.max_steps, "steps")

    def on_prediction_step(
        self, args: Any, state: TrainerState, control: TrainerControl, **more: Any
    ) -> None:
        self.reporter.progress(state.global_step, state.max_steps, "steps")

    def on_log(
        self, args: Any, state: TrainerState, control: TrainerControl, logs: dict[str, float], **more: Any
    ) -> None:
        if "loss" in logs and state.global_step:
            tokens = self.tokens[state.global_step - 1]
            timing = {"tokens": tokens, "seconds": self.seconds}
            state.log_history[-1].update(timing)
            logs = {**logs, "tokens_per_second": tokens / max(self.seconds, 1e-9)}
        if "reloaded_loss" in logs:  # the last evaluation again, to verify the saved adapter
            return
        values = {
            prefix + ours: logs[prefix + theirs]
            for prefix in ("", "eval_")
            for theirs, ours in LIVE_NAMES.items()
            if prefix + theirs in logs
        }
        if not values:
            return
        self.reporter.metric(state.global_step, values)
        numbers = "  ".join(f"{name} {value:.4g}" for name, value in values.items())
        self.log.info("step %d/%d  %s", state.global_step, state.max_steps, numbers)
        for name in ("loss", "grad_norm", "eval_loss"):
            if name in values and not math.isfinite(values[name]):
                raise PhaseFailedError(
                    f"step {state.global_step}: {name} is {values[name]}, so training has diverged; "
                    "lower the learning rate, or look at the rows. No checkpoint was made of this state"
                )


def load_for_training(flag: str, name: str, *, trainable: bool, sharded: bool) -> LoadedModel:
    """Load the model that a flag names, in shares of the host's processes if `sharded`.

    Raises:
        BadInputError: there is no such model, or there are no several processes to share it.
    """
    if sharded and distributed.local_world_size() == 1:
        raise BadInputError(
            "--shard-weights: expected several processes on each host, to share the weights; there is one: "
            'add launcher = "accelerate" to the phase, on a host with several GPUs'
        )
    if os.environ.get("ACCELERATE_USE_FSDP") == "true":
        raise BadInputError(
            "accelerate was told to use FSDP, which this phase does by itself: use --shard-weights instead"
        )
    try:
        loaded = load_model(name, trainable=trainable, attention=find_flash_attention(), sharded=sharded)
    except ModelError as error:
        raise BadInputError(f"{flag}: {error}") from error
    return replace(loaded, fused_layers=fuse_layers(loaded.model))


class ReferenceMatchesPolicyCheck(TrainerCallback):  # type: ignore[misc]
    """Ends a DPO run in which, before the first update, policy and reference are not one model.

    `forget` removes what was kept of that reference; `dpo_alone` says that no other loss is trained with it.
    """

    def __init__(self, forget: Callable[[], None], *, dpo_alone: bool = True) -> None:
        self.forget = forget
        self.dpo_alone = dpo_alone

    def on_log(
        self, args: Any, state: TrainerState, control: TrainerControl, logs: dict[str, float], **more: Any
    ) -> None:
        """Check the first evaluation and the first step."""
        # What step 1 logs was computed before its update.
        prefix = {0: "eval_", 1: ""}.get(state.global_step)
        if prefix is None or prefix + "loss" not in logs:
            return
        loss, margin = logs[prefix + "loss"], logs[prefix + "rewards/margins"]
        is_dpo = self.dpo_alone or state.global_step == 0
        if (is_dpo and abs(loss - math.log(2)) > STEP_ZERO_TOLERANCE) or abs(margin) > STEP_ZERO_TOLERANCE:
            self.forget()
            raise PhaseFailedError(
                f"before the first update the loss is {loss:.4f} and the margin {margin:.4f}, not 0.6931 "
                "and 0: the reference is not the model that is trained, so DPO would learn something else"
            )


@dataclass(frozen=True)
class History:
    """What a training measured, from its first step, also where it was resumed.

    Attributes:
        entries: the trainer's log.
        checkpointing: which layers recomputed their activations.
        peak_bytes: GPU memory at the peak of the largest batch; None without a GPU.
    """

    entries: tuple[Mapping[str, float], ...]
    checkpointing: str
    peak_bytes: int | None

    def series(self, name: str) -> list[float]:
        """Return one number of every step or evaluation that has it."""
        return [entry[name] for entry in self.entries if name in entry]

    def metrics(self) -> dict[str, float]:
        """Return the metrics that SFT and DPO share."""
        from phases.scoring.stats import trend

        tokens, seconds = sum(self.series("tokens")), sum(self.series("seconds"))
        loss = trend(self.series("loss"))
        slopes = {} if loss is None else {"": loss.slope, "_low": loss.low, "_high": loss.high}
        return {
            **{f"loss_slope{end}": 100 * slope for end, slope in slopes.items()},
            "steps": len(self.series("loss")),
            "tokens_trained": tokens,
            "tokens_per_second": tokens / max(seconds, 1e-9),
            "max_grad_norm": max(self.series("grad_norm")),
            "heldout_loss_first": self.series("eval_loss")[0],
            "heldout_loss_final": self.series("eval_loss")[-1],
            "overfit_gap": self.series("eval_loss")[-1] - ends(self.series("loss"))[1],
        }


def arguments(
    kind: type, parameters: TrainingParameters, loaded: LoadedModel, steps: int, **more: Any
) -> Any:
    """Return TRL's arguments: one pass over rows that have been laid out, nothing hidden, no hub."""
    cuda = loaded.device.startswith("cuda")
    made = kind(
        output_dir=str(parameters.output_dir / "checkpoints"),
        num_train_epochs=1,
        train_sampling_strategy="sequential",
        per_device_train_batch_size=parameters.batch_size,
        per_device_eval_batch_size=parameters.batch_size,
        gradient_accumulation_steps=parameters.gradient_accumulation,
        gradient_checkpointing=False,  # the probe turns it on
        learning_rate=parameters.learning_rate,
        lr_scheduler_type="cosine",
        warmup_steps=math.ceil(0.03 * steps),
        max_grad_norm=1.0,
        optim="paged_adamw_8bit" if loaded.four_bit else "adamw_torch",
        bf16=cuda,
        use_cpu=not cuda,
        max_length=None,
        logging_steps=1,
        logging_nan_inf_filter=False,
        eval_strategy="no",
        save_strategy="no",
        save_total_limit=2,
        seed=parameters.seed,
        report_to="none",
        disable_tqdm=True,
        dataloader_pin_memory=cuda,
        ddp_find_unused_parameters=False,
        **more,
    )
    # Without a launcher the other GPUs that are visible stay idle: TRL refuses to spread one process on all.
    made._n_gpu = min(1, made.n_gpu)
    return made


def tokens_of_steps(tokens: Sequence[int], parameters: TrainingParameters) -> list[int]:
    """Return how many tokens each optimiser step trains, over all devices; `tokens` are those of each row."""
    rows = parameters.batch_size * parameters.gradient_accumulation * distributed.world_size()
    return [sum(tokens[first : first + rows]) for first in range(0, len(tokens), rows)]


def prepare(trainer: Trainer) -> None:
    """Undo what the libraries do to every run: bfloat16 adapters, printing, asking the hub for the base."""
    for parameter in trainer.model.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.float()
    trainer.remove_callback(PrinterCallback)
    # Else PEFT asks the hub for the base's vocabulary at every save, which never changes here, and saves the
    # reference too, which is the SFT adapter.
    trainer.model.save_pretrained = partial(
        trainer.model.save_pretrained, save_embedding_layers=False, selected_adapters=["default"]
    )


def train(
    trainer: Trainer,
    parameters: TrainingParameters,
    made_from: Identity,
    *,
    tokens: Sequence[int],
    longest: Sequence[int],
    reporter: Reporter,
    log: logging.Logger,
    clock: Callable[[], float] = time.monotonic,
) -> History:
    """Train, or go on from the newest usable checkpoint, to the end.

    Args:
        trainer: a prepared trainer.
        parameters: of the phase.
        made_from: what a checkpoint must have been made from to be resumed.
        tokens: of each optimiser step; their number is the number of steps.
        longest: the length of each row of the trainer's training rows, as the model sees it.
        reporter: is told of every step.
        log: the training log.
        clock: seconds, for throughput and for the time between checkpoints.

    Raises:
        Stopped: SIGTERM came; a checkpoint of the last whole step is saved.
        PhaseFailedError: a loss or gradient was not finite, or the largest batch does not fit.
    """
    folder = Path(trainer.args.output_dir)
    resume = resumable(folder, made_from, reporter)
    due = evaluation_steps(len(tokens), parameters.evaluations)
    state = TrainerState.load_from_json(str(resume / "trainer_state.json")) if resume else TrainerState()
    measured = {entry["step"] for entry in state.log_history if "eval_loss" in entry}
    # A stop can come between a step and its evaluation: that evaluation is then made up for.
    trainer.args.eval_on_start = state.global_step in due and state.global_step not in measured
    if resume:
        reporter.notice(f"resuming from {resume}")
    batch = largest_batch(longest, parameters.batch_size)
    probe = LargestBatchProbe(trainer, batch, parameters, log)
    with StopRequest() as stop:
        seconds = 60 * parameters.checkpoint_minutes
        trainer.add_callback(probe)
        trainer.add_callback(_Reports(reporter, log, tokens, clock))
        trainer.add_callback(_Schedule(due, seconds, stop, made_from, clock))
        try:
            trainer.train(resume_from_checkpoint=str(resume) if resume else None)
        except Stopped:  # in an evaluation, so between two steps
            if trainer.state.global_step:
                trainer._save_checkpoint(trainer.model, trial=None)
                mark_complete(folder / f"checkpoint-{trainer.state.global_step}", made_from)
            raise
        if stop.agreed():
            raise Stopped
        trainer.remove_callback(_Schedule)
    return History(tuple(trainer.state.log_history), probe.checkpointing, probe.peak_bytes)


def save_adapter(trainer: Trainer, loaded: LoadedModel, folder: Path) -> list[Path]:
    """Save the trained adapter and what it was trained on, each file whole, its configuration last."""
    saved = [folder / name for name in ("adapter_model.safetensors", "adapter_config.json")]
    if distributed.is_main_process():
        fresh = folder / ".new_adapter"
        trainer.model.save_pretrained(str(fresh))
        record_base_model(loaded.source.base or loaded.source, folder)
        for path in saved:
            files.write_whole(path, (fresh / path.name).read_bytes())
        for leftover in fresh.iterdir():
            leftover.unlink()
        fresh.rmdir()
    distributed.barrier()
    return saved


def reloaded_loss(trainer: Trainer, folder: Path) -> float:
    """Return the held-out loss of the adapter as it is in its files."""
    trainer.model.load_adapter(str(folder), adapter_name="reloaded")
    trainer.model.set_adapter("reloaded")
    loss = trainer.evaluate(metric_key_prefix="reloaded")["reloaded_loss"]
    trainer.model.set_adapter("default")
    trainer.model.delete_adapter("reloaded")
    return float(loss)


def prune_checkpoints(folder: Path) -> None:
    """Keep the newest checkpoint only: with it the same command finds the training done."""
    for checkpoint in checkpoints(folder)[1:]:
        shutil.rmtree(checkpoint)


def finish(
    reporter: Reporter,
    loaded: LoadedModel,
    parameters: TrainingParameters,
    made_from: Identity,
    history: History,
    *,
    adapter: Sequence[Path],
    metrics: Mapping[str, float],
    declared: Sequence[Metric],
) -> None:
    """Write the manifest and the result; the training can then be told from any other, and repeated."""
    if not distributed.is_main_process():
        return
    for path in adapter:
        reporter.artifact(path)
    record = provenance(
        loaded,
        parameters=parameters.model_dump(mode="json"),
        identity=msgspec.to_builtins(made_from),
        seed=parameters.seed,
        adapter_dtype="float32",
        attention=loaded.attention,
        processes=distributed.world_size(),
        sharded=loaded.sharded,
        fused_layers=loaded.fused_layers,
        gradient_checkpointing=history.checkpointing,
        largest_batch_peak_gib=None if history.peak_bytes is None else round(history.peak_bytes / GIB, 2),
    )
    meanings = {metric.name: metric.meaning for metric in declared}
    result = reporter.finish(metrics, {name: meanings[name] for name in metrics}, record)
    files.write_json(parameters.output_dir / "manifest.json", result)
    prune_checkpoints(parameters.output_dir / "checkpoints")
