"""Keep the adapter with the lowest held-out loss, so that overfitting later in a training loses nothing."""

import shutil
from pathlib import Path
from typing import Any, Final

from transformers import TrainerCallback, TrainerControl, TrainerState

from phases.models import distributed
from phases.training.history import find_best_evaluation

BEST_ADAPTER: Final = "best_adapter"
"""Folder of the adapter in the output folder; it exists only if the last adapter is not the best."""


class BestAdapterCallback(TrainerCallback):
    """Save the adapter after each evaluation that is the best so far; drop it if the last one is."""

    def __init__(self, output_dir: Path) -> None:
        self._folder = output_dir / BEST_ADAPTER

    def on_evaluate(self, args: Any, state: TrainerState, control: TrainerControl, **more: Any) -> None:
        """Save the adapter if its held-out loss is the lowest so far."""
        best = find_best_evaluation(state.log_history)
        if best is None or best["step"] != state.global_step or not distributed.is_main_process():
            return
        if state.global_step >= state.max_steps:  # the phase saves the last adapter itself
            shutil.rmtree(self._folder, ignore_errors=True)
            return
        temporary = self._folder.with_name(f".{BEST_ADAPTER}")
        shutil.rmtree(temporary, ignore_errors=True)
        more["model"].save_pretrained(str(temporary))
        shutil.rmtree(self._folder, ignore_errors=True)
        temporary.rename(self._folder)
