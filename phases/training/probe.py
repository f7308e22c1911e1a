"""Find out before training whether the largest batch fits, and which layers must recompute."""

import gc
import logging
from collections.abc import Sequence
from typing import Any, Final

import torch
from transformers import Trainer, TrainerCallback, TrainerControl, TrainerState

from phases.contract.errors import LocalFailureError, PhaseFailedError
from phases.models import distributed
from phases.models.kernels import Checkpointing, set_activation_checkpointing
from phases.training.parameters import TrainingParameters

GIB: Final = 2**30
USABLE_SHARE: Final = 0.95
"""Share of the GPU's memory that the largest batch may take; fragmentation needs the rest."""


class LargestBatchProbe(TrainerCallback):
    """Run the largest batch forward and backward before the first step, also of a resumed training.

    It tries the settings of activation checkpointing from the fastest on and keeps the first that fits.
    Weights, optimizer, random numbers and TRL's counters are left unchanged.

    Attributes:
        checkpointing: the setting that fits.
        peak_gib: peak GPU memory with it; None without a GPU.
    """

    def __init__(
        self, trainer: Trainer, batch: Sequence[int], parameters: TrainingParameters, log: logging.Logger
    ) -> None:
        self.checkpointing = ""
        self.peak_gib: float | None = None
        self._trainer = trainer
        self._batch = batch
        self._sharded = parameters.shard_weights
        self._settings = {
            "off": (Checkpointing.OFF,),
            "on": (Checkpointing.ALL,),
            "auto": tuple(Checkpointing),
        }[parameters.gradient_checkpointing]
        # A process that runs out of memory leaves the others waiting in the middle of a pass, so a sharded
        # model cannot be tried twice.
        if self._sharded and parameters.gradient_checkpointing == "auto":
            self._settings = (Checkpointing.ALL,)
        self._log = log

    def on_train_begin(self, args: Any, state: TrainerState, control: TrainerControl, **more: Any) -> None:
        """Choose the first setting that fits.

        Raises:
            PhaseFailedError: no setting fits.
        """
        for setting in self._settings:
            set_activation_checkpointing(self._trainer.model, setting)
            is_out_of_memory, is_tight = distributed.any_process(*self._try_batch())
            if not is_out_of_memory and (not is_tight or setting is self._settings[-1]):
                self.checkpointing = setting.value
                peak = f", {self.peak_gib:.1f} GiB at the peak" if self.peak_gib else ""
                self._log.info("largest batch: fits%s; gradient checkpointing: %s", peak, setting.value)
                return
        raise PhaseFailedError(self._too_large_message())

    def _try_batch(self) -> tuple[bool, bool]:
        """Return whether the batch ran out of memory, and whether it leaves too little for the optimizer."""
        device = self._trainer.args.device
        if device.type != "cuda":
            return self._runs_out_of_memory(), False
        torch.cuda.reset_peak_memory_stats(device)
        available = torch.cuda.mem_get_info(device)[0] + torch.cuda.memory_reserved(device)
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
        token_count = trainer._total_train_tokens
        trainer.model_wrapped.train()
        is_out_of_memory = False
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            try:
                rows = trainer.data_collator([trainer.train_dataset[i] for i in self._batch])
                with trainer.accelerator.no_sync(trainer.model_wrapped):
                    with trainer.compute_loss_context_manager():
                        loss = trainer.compute_loss(trainer.model_wrapped, trainer._prepare_inputs(rows))
                    trainer.accelerator.backward(loss)
            except torch.OutOfMemoryError as error:
                if self._sharded:
                    raise LocalFailureError(self._too_large_message()) from error
                is_out_of_memory = True
        trainer.model.zero_grad(set_to_none=True)
        trainer._total_train_tokens = token_count
        trainer._metrics["train"].clear()
        return is_out_of_memory

    def _too_large_message(self) -> str:
        first = "gradient_checkpointing = auto, " if self._settings == (Checkpointing.OFF,) else ""
        can_shard = distributed.local_world_size() > 1 and not self._sharded
        last = ", and so does shard_weights" if can_shard else ""
        return (
            f"the largest batch, {len(self._batch)} rows, does not fit into the GPU's memory "
            f"(out of memory): {first}a smaller batch_size, max_length or lora_r helps, in this order{last}. "
            "Nothing was trained"
        )
