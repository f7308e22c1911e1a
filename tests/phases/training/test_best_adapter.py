"""The adapter of the lowest held-out loss is kept until the training that it belongs to has delivered it."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from phases.contract.reporter import Reporter
from phases.training.best_adapter import BestAdapterCallback, load_best_adapter
from phases.training.history import find_best_evaluation


class Model:
    """A model that saves its step."""

    step = 0

    def save_pretrained(self, folder: str) -> None:
        Path(folder).mkdir()
        (Path(folder) / "step").write_text(str(self.step))


def train(folder: Path, losses: list[float], *, saves: bool = True, first: int = 0) -> Any:
    """Evaluate after each step, as a training does that begins with step `first`; return the state."""
    model, callback = Model(), BestAdapterCallback()
    args: Any = SimpleNamespace(output_dir=str(folder))
    state: Any = SimpleNamespace(log_history=[], global_step=first)
    state.log_history += [{"step": step, "eval_loss": loss} for step, loss in enumerate(losses[:first])]
    callback.on_train_begin(args, state, None)  # type: ignore[arg-type]
    for step, loss in list(enumerate(losses))[first:]:
        model.step = state.global_step = step
        state.log_history.append({"step": step, "eval_loss": loss})
        callback.on_evaluate(args, state, None, model=model)  # type: ignore[arg-type]
        if saves:
            callback.on_save(args, state, None)  # type: ignore[arg-type]
    return state


def read_kept(folder: Path) -> dict[str, str]:
    return {path.name: (path / "step").read_text() for path in folder.iterdir()}


@pytest.mark.parametrize(
    ("losses", "best"),
    [
        ([3.0, 2.0, 1.0, 1.5], "2"),
        ([3.0, 1.0, 2.0, 1.0], "1"),
        ([0.5, 2.0, 1.0, 1.5], "2"),  # the untrained adapter is no candidate
        ([3.0, 2.0, 1.5, 1.0], "3"),
    ],
)
def test_the_best_adapter_alone_is_kept(tmp_path: Path, losses: list[float], best: str) -> None:
    stale = tmp_path / "best-2"
    stale.mkdir()
    (stale / "step").write_text("of an earlier training")
    train(tmp_path, losses)
    assert read_kept(tmp_path) == {f"best-{best}": best}


def test_the_adapter_of_the_last_complete_checkpoint_is_kept(tmp_path: Path) -> None:
    train(tmp_path, [3.0, 1.0])
    # A better step follows, but no checkpoint: a resumed training may find step 2 worse than it was.
    train(tmp_path, [3.0, 1.0, 0.9], first=2, saves=False)
    assert read_kept(tmp_path) == {"best-1": "1", "best-2": "2"}
    train(tmp_path, [3.0, 1.0, 1.1], first=2)
    assert read_kept(tmp_path) == {"best-1": "1"}


def test_without_an_evaluation_after_a_step_there_is_no_best() -> None:
    assert find_best_evaluation([{"step": 0, "eval_loss": 1.0}, {"step": 1, "loss": 0.1}]) is None


def test_a_best_adapter_that_is_missing_is_reported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trainer = SimpleNamespace(
        args=SimpleNamespace(output_dir=str(tmp_path)), state=train(tmp_path, [3.0, 1.0, 2.0]), model=None
    )
    (tmp_path / "best-1" / "step").unlink()
    (tmp_path / "best-1").rmdir()
    assert load_best_adapter(trainer, Reporter(tmp_path)) == 2
    assert "best-1 is missing; the adapter of the last step is delivered" in capsys.readouterr().out
