"""Keep the adapter with the lowest held-out loss, and deliver it instead of the last one.

The best adapter is a part of the training's checkpoints: a resumed training finds it there, and so does the
same command after the training has ended.
"""

import shutil
from pathlib import Path
from typing import Any, Final

from peft import set_peft_model_state_dict
from peft.utils import load_peft_weights
from transformers import TrainerCallback, TrainerControl, TrainerState

from phases.contract.reporter import Reporter
from phases.models import distributed
from phases.training.history import find_best_evaluation

_PREFIX: Final = "best-"
"""Start of the names of the folders with the best adapter, which end with its step."""


class BestAdapterCallback(TrainerCallback):
    """Save the adapter after each evaluation that is the best so far."""

    def on_train_begin(self, args: Any, state: TrainerState, control: TrainerControl, **more: Any) -> None:
        """Remove the adapters of an earlier training, unless that training is resumed."""
        if state.global_step == 0 and distributed.is_main_process():
            _prune(Path(args.output_dir), None)

    def on_evaluate(self, args: Any, state: TrainerState, control: TrainerControl, **more: Any) -> None:
        """Save the adapter if its held-out loss is the lowest so far."""
        best = find_best_evaluation(state.log_history)
        if best is None or best["step"] != state.global_step or not distributed.is_main_process():
            return
        folder = _name_folder(Path(args.output_dir), state.global_step)
        temporary = folder.with_name(f".{folder.name}")
        shutil.rmtree(temporary, ignore_errors=True)
        more["model"].save_pretrained(str(temporary))
        shutil.rmtree(folder, ignore_errors=True)
        temporary.rename(folder)

    def on_save(self, args: Any, state: TrainerState, control: TrainerControl, **more: Any) -> None:
        """Remove the adapters that a training resumed from the new checkpoint does not need."""
        best = find_best_evaluation(state.log_history)
        if best is not None and distributed.is_main_process():
            _prune(Path(args.output_dir), _name_folder(Path(args.output_dir), int(best["step"])))


def load_best_adapter(trainer: Any, reporter: Reporter) -> int:
    """Give the trainer's model the weights of the best evaluation; return the step whose weights it has then.

    All processes must call it together.
    """
    last = int(trainer.state.global_step)
    best = find_best_evaluation(trainer.state.log_history)
    if best is None or best["step"] == last:
        return last
    distributed.barrier()
    folder = _name_folder(Path(trainer.args.output_dir), int(best["step"]))
    if not folder.is_dir():
        reporter.notice(
            f"the held-out loss was lowest after step {best['step']}: {best['eval_loss']:.4f}, but "
            f"{folder} is missing; the adapter of the last step is delivered",
            "warning",
        )
        return last
    weights = load_peft_weights(str(folder), device="cpu")
    set_peft_model_state_dict(trainer.model, weights, adapter_name="default")
    return int(best["step"])


def _name_folder(checkpoints: Path, step: int) -> Path:
    return checkpoints / f"{_PREFIX}{step}"


def _prune(checkpoints: Path, kept: Path | None) -> None:
    for folder in checkpoints.glob(f"{_PREFIX}*"):
        if folder != kept:
            shutil.rmtree(folder)
