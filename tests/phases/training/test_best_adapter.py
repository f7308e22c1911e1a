"""The adapter of the lowest held-out loss is kept."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from phases.training.best_adapter import BEST_ADAPTER, BestAdapterCallback
from phases.training.history import find_best_evaluation


class Model:
    """A model that saves its step."""

    step = 0

    def save_pretrained(self, folder: str) -> None:
        Path(folder).mkdir()
        (Path(folder) / "step").write_text(str(self.step))


def train(folder: Path, losses: list[float]) -> None:
    model, callback = Model(), BestAdapterCallback(folder)
    state: Any = SimpleNamespace(log_history=[], global_step=0, max_steps=len(losses) - 1)
    for step, loss in enumerate(losses):
        model.step = state.global_step = step
        state.log_history.append({"step": step, "eval_loss": loss})
        callback.on_evaluate(None, state, None, model=model)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("losses", "kept"),
    [
        ([3.0, 2.0, 1.0, 1.5], "2"),
        ([3.0, 1.0, 2.0, 1.0], "1"),
        ([0.5, 2.0, 1.0, 1.5], "2"),  # the untrained adapter is no candidate
        ([3.0, 2.0, 1.5, 1.0], None),
        ([3.0, 1.0, 2.0, 0.5], None),
    ],
)
def test_the_best_adapter_is_kept_unless_it_is_the_last(
    tmp_path: Path, losses: list[float], kept: str | None
) -> None:
    stale = tmp_path / BEST_ADAPTER
    stale.mkdir()
    (stale / "step").write_text("of an earlier training")
    train(tmp_path, losses)
    found = (stale / "step").read_text() if stale.exists() else None
    assert found == kept
    assert not (tmp_path / f".{BEST_ADAPTER}").exists()


def test_without_an_evaluation_after_a_step_there_is_no_best() -> None:
    assert find_best_evaluation([{"step": 0, "eval_loss": 1.0}, {"step": 1, "loss": 0.1}]) is None
