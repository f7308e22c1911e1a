"""Find out before training how many tokens fit at once, and how many layers must recompute."""

import gc
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
import torch
from accelerate.utils import broadcast_object_list
from transformers import TrainerCallback, TrainerControl, TrainerState

from phases.contract import files
from phases.contract.errors import LocalFailureError, PhaseFailedError
from phases.contract.micro_batch import MicroBatchSetting, list_settings
from phases.models import distributed
from phases.models.kernels import count_layers, set_activation_checkpointing
from phases.training.packing import find_largest_micro_batch
from phases.training.parameters import TrainingParameters

GIB: Final = 2**30
USABLE_SHARE: Final = 0.95
"""Share of the GPU's memory that a micro-batch may take; fragmentation needs the rest."""
SETTING_FILE: Final = "micro_batch.json"


class MicroBatchProbe(TrainerCallback):
    """Run the largest micro-batch forward and backward before the first step, also of a resumed training.

    It tries settings from the fastest on and keeps the first that fits. Weights, optimizer, random numbers
    and TRL's counters are left unchanged. A resumed training tries its previous setting first, so that its
    steps round as before.

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
        """Choose the first setting that fits.

        Raises:
            PhaseFailedError: no setting fits.
        """
        settings = self.list_settings()
        for number, setting in enumerate(settings):
            set_activation_checkpointing(self._trainer.model, setting.recomputed_layers)
            self._trainer.setting = setting
            is_out_of_memory, is_tight = distributed.reduce_any(*self._try_largest())
            is_last = number == len(settings) - 1
            if not is_out_of_memory and (not is_tight or is_last):
                self._keep(setting)
                return
        raise PhaseFailedError(self._describe_too_large())

    def list_settings(self) -> list[MicroBatchSetting]:
        """Return the settings to try, the fastest first."""
        settings = list_settings(
            count_layers(self._trainer.model),
            step_tokens=self._count_largest(2**62),
            sequence_tokens=self._count_largest(0),
            checkpointing=self._checkpointing,
            sharded=self._sharded,
        )
        previous = [_read_setting(self._file)] if self._is_resumed else [None]
        if distributed.world_size() > 1:
            broadcast_object_list(previous)
        if previous[0] in settings and not self._sharded:
            settings.insert(0, previous[0])
        return settings

    def _count_largest(self, tokens: int) -> int:
        """Return the tokens of the largest micro-batch if micro-batches are limited to this many."""
        layout = self._trainer.layout
        step, number = find_largest_micro_batch(self._row_lengths, self._rows_per_step, layout, tokens)
        lengths = [self._row_lengths[i] for i in step]
        return int(layout.count_tokens(lengths, layout.split(lengths, tokens)[number]))

    def _keep(self, setting: MicroBatchSetting) -> None:
        peak = f", {self.peak_gib:.1f} GiB at the peak" if self.peak_gib else ""
        self._log.info(
            "micro-batches of up to %d tokens; %d layers recompute activations%s",
            setting.tokens,
            setting.recomputed_layers,
            peak,
        )
        if distributed.is_main_process():
            files.write_json(self._file, setting)

    def _try_largest(self) -> tuple[bool, bool]:
        """Return whether memory ran out, and whether too little is left for the optimizer."""
        device = self._trainer.args.device
        if device.type != "cuda":
            return self._runs_out_of_memory(), False
        torch.cuda.reset_peak_memory_stats(device)
        free, total = torch.cuda.mem_get_info(device)
        limit = torch.cuda.get_per_process_memory_fraction(device) * total
        available = min(limit, free + torch.cuda.memory_reserved(device))
        is_out_of_memory = self._runs_out_of_memory()
        peak = torch.cuda.max_memory_allocated(device)
        self.peak_gib = peak / GIB
        trained = sum(p.numel() for p in self._trainer.model.parameters() if p.requires_grad)
        # Adam keeps two numbers per parameter, in 8 bits with a 4-bit model and else in 32.
        optimizer_bytes = trained * (2 if self._trainer.args.optim == "paged_adamw_8bit" else 8)
        gc.collect()
        torch.cuda.empty_cache()
        return is_out_of_memory, peak + optimizer_bytes > USABLE_SHARE * available

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
