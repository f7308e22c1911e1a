"""Find out before training how many tokens fit at once, and how many layers must recompute."""

import gc
import logging
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any, Final

import msgspec
import torch
from accelerate.utils import broadcast_object_list
from transformers import TrainerCallback, TrainerControl, TrainerState

from phases.contract import files
from phases.contract.errors import LocalFailureError, PhaseFailedError
from phases.contract.micro_batch import EFFICIENT_TOKENS, MicroBatchSetting, list_settings
from phases.models import distributed
from phases.models.kernels import count_layers, set_activation_checkpointing
from phases.training.arguments import FOUR_BIT_OPTIMIZER
from phases.training.packing import find_largest_micro_batch
from phases.training.parameters import TrainingParameters

GIB: Final = 2**30
USABLE_SHARE: Final = 0.95
"""Share of the GPU's memory that a micro-batch may take; fragmentation needs the rest."""
SETTING_FILE: Final = "micro_batch.json"


@dataclass(frozen=True)
class _Trial:
    """The outcome of a try of a setting.

    Attributes:
        is_out_of_memory: whether memory ran out.
        is_tight: whether too little is left for the optimizer.
        tokens_that_fit: the tokens of the largest micro-batch that should fit, if as many layers recompute;
            0 if this one does not fit.
    """

    is_out_of_memory: bool
    is_tight: bool
    tokens_that_fit: int = 0

    @property
    def fits(self) -> bool:
        """Whether the setting can be used."""
        return not self.is_out_of_memory and not self.is_tight


class MicroBatchProbe(TrainerCallback):
    """Choose how a training splits its steps, by running the largest micro-batch forward and backward.

    An efficient setting is tried first. If it fits, its peak says how many tokens fit at once, and
    such larger micro-batches are tried; otherwise slower settings are. Weights, optimizer, random numbers and
    TRL's counters are left unchanged. A resumed training tries its previous setting first, so that its steps
    round as before.

    Attributes:
        peak_gib: peak GPU memory with the chosen setting; None without a GPU.
    """

    def __init__(
        self,
        trainer: Any,
        row_lengths: Sequence[int],
        parameters: TrainingParameters,
        log: logging.Logger,
        *,
        is_resumed: bool = False,
    ) -> None:
        self.peak_gib: float | None = None
        self._trainer = trainer
        self._row_lengths = row_lengths
        self._rows_per_step = parameters.rows_per_step
        self._sharded = parameters.shard_weights
        self._checkpointing = parameters.gradient_checkpointing
        self._file = parameters.output_dir / "checkpoints" / SETTING_FILE
        self._is_resumed = is_resumed
        self._log = log

    def on_train_begin(self, args: Any, state: TrainerState, control: TrainerControl, **more: Any) -> None:
        """Choose a setting before the first step.

        Raises:
            PhaseFailedError: no setting fits.
        """
        self._choose(self.list_settings())
        peak = f", {self.peak_gib:.1f} GiB at the peak" if self.peak_gib else ""
        setting = self._trainer.setting
        self._log.info(
            "micro-batches of up to %d tokens; %d layers recompute activations%s",
            setting.tokens,
            setting.recomputed_layers,
            peak,
        )
        if distributed.is_main_process():
            files.write_json(self._file, setting)

    def _choose(self, settings: Sequence[MicroBatchSetting]) -> None:
        previous = self._read_previous(settings)
        if previous and self._try(previous).fits:
            return
        # The last setting has the tokens of the longest sequence, which is never split.
        efficient_tokens = max(EFFICIENT_TOKENS, settings[-1].tokens)
        larger = list(takewhile(lambda setting: setting.tokens > efficient_tokens, settings))
        efficient, *slower = settings[len(larger) :]
        trial = self._try(efficient)
        if trial.fits:
            efficient_peak = self.peak_gib
            for setting in larger:
                if setting.tokens <= trial.tokens_that_fit and self._try(setting).fits:
                    return
            self._apply(efficient)
            self.peak_gib = efficient_peak
            return
        for setting in slower:
            trial = self._try(setting)
            if trial.fits:
                return
        # The last setting is used even if little memory is left.
        if trial.is_out_of_memory:
            raise PhaseFailedError(self._describe_too_large())

    def _apply(self, setting: MicroBatchSetting) -> None:
        set_activation_checkpointing(self._trainer.model, setting.recomputed_layers)
        self._trainer.setting = setting

    def _try(self, setting: MicroBatchSetting) -> _Trial:
        """Apply a setting and run the largest micro-batch in all processes."""
        self._apply(setting)
        trial = self._run_largest()
        is_out_of_memory, is_tight = distributed.reduce_any(trial.is_out_of_memory, trial.is_tight)
        fewest = -distributed.find_largest_over_processes(-trial.tokens_that_fit)
        return _Trial(is_out_of_memory, is_tight, fewest)

    def list_settings(self) -> list[MicroBatchSetting]:
        """Return the possible settings, the fastest first."""
        return list_settings(
            count_layers(self._trainer.model),
            step_tokens=self._count_largest(2**62),
            sequence_tokens=self._count_largest(0),
            checkpointing=self._checkpointing,
            sharded=self._sharded,
        )

    def _read_previous(self, settings: Sequence[MicroBatchSetting]) -> MicroBatchSetting | None:
        """Return the setting of the training that is resumed, if it is one of these."""
        previous = [_read_setting(self._file)] if self._is_resumed else [None]
        if distributed.world_size() > 1:
            broadcast_object_list(previous)
        return previous[0] if previous[0] in settings and not self._sharded else None

    def _count_largest(self, tokens: int) -> int:
        """Return the tokens of the largest micro-batch if micro-batches are limited to this many."""
        layout = self._trainer.layout
        step, number = find_largest_micro_batch(self._row_lengths, self._rows_per_step, layout, tokens)
        lengths = [self._row_lengths[i] for i in step]
        return int(layout.count_tokens(lengths, layout.split(lengths, tokens)[number]))

    def _run_largest(self) -> _Trial:
        device = self._trainer.args.device
        if device.type != "cuda":
            is_out_of_memory = self._runs_out_of_memory()
            return _Trial(is_out_of_memory, False, 0 if is_out_of_memory else sys.maxsize)
        torch.cuda.reset_peak_memory_stats(device)
        free, total = torch.cuda.mem_get_info(device)
        limit = torch.cuda.get_per_process_memory_fraction(device) * total
        available = min(limit, free + torch.cuda.memory_reserved(device))
        before = torch.cuda.memory_allocated(device)
        is_out_of_memory = self._runs_out_of_memory()
        peak = torch.cuda.max_memory_allocated(device)
        self.peak_gib = peak / GIB
        trained = sum(p.numel() for p in self._trainer.model.parameters() if p.requires_grad)
        # Adam keeps two numbers per parameter, in 8 bits with a 4-bit model and else in 32.
        optimizer_bytes = trained * (2 if self._trainer.args.optim == FOUR_BIT_OPTIMIZER else 8)
        if self._trainer.optimizer.state:  # That of a resumed training is loaded, so the peak contains it.
            optimizer_bytes = 0
        gc.collect()
        torch.cuda.empty_cache()
        usable = USABLE_SHARE * available - optimizer_bytes
        if is_out_of_memory or peak > usable:
            return _Trial(is_out_of_memory, not is_out_of_memory)
        # Parts that do not grow with the tokens are counted as if they did, so this is rather too few.
        tokens = self._count_largest(self._trainer.setting.tokens)
        return _Trial(False, False, int(tokens * (usable - before) / max(1, peak - before)))

    def _runs_out_of_memory(self) -> bool:
        trainer, device = self._trainer, self._trainer.args.device
        step, number = find_largest_micro_batch(
            self._row_lengths, self._rows_per_step, trainer.layout, trainer.setting.tokens
        )
        token_count = trainer._total_train_tokens
        trainer.model_wrapped.train()
        is_out_of_memory = False
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            try:
                batches = list(
                    trainer.split_rows([trainer.train_dataset[i] for i in step], trainer.setting.tokens)
                )
                trainer.try_micro_batch(batches[number])
            except torch.OutOfMemoryError as error:
                if self._sharded:
                    raise LocalFailureError(self._describe_too_large()) from error
                is_out_of_memory = True
        trainer.model.zero_grad(set_to_none=True)
        trainer._total_train_tokens = token_count
        trainer._metrics["train"].clear()
        return is_out_of_memory

    def _describe_too_large(self) -> str:
        first = "gradient_checkpointing = auto, " if self._checkpointing == "off" else ""
        # A sharded model is not tried with smaller micro-batches than the step.
        first += "a smaller batch_size, " if self._sharded else ""
        can_shard = distributed.local_world_size() > 1 and not self._sharded
        last = ", and so does shard_weights" if can_shard else ""
        tokens = self._trainer.setting.tokens
        return (
            f"a micro-batch of {tokens} tokens, the smallest possible, does not fit into the GPU's memory "
            f"(out of memory): {first}a smaller max_length or lora_r helps, in this order{last}. "
            "Nothing was trained"
        )


def _read_setting(path: Path) -> MicroBatchSetting | None:
    """Return the setting of the training that is resumed, or None if it is not known."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=MicroBatchSetting)
    except (OSError, msgspec.DecodeError):
        return None
