"""The screens and the status show a program's metrics while it runs."""

from collections.abc import Callable
from typing import Any

import pytest

from app.session import status_text
from app.tui.feed import SessionFeed
from tests.session.conftest import Toy
from tests.session.engine.programs import WAIT

Phase = Callable[..., dict[str, Any]]


def test_values_and_progress_of_a_log_are_live(toy: Toy, sh: Phase) -> None:
    script = rf"""for n in 1 2 3 4; do echo "step $n/9 loss: $n.5e-03"; sleep 0.1; done; {WAIT}"""
    toy.start(sh(script, metrics={"loss": "loss: ([0-9.]+)"}, progress=r"step (\d+)/(\d+)"))
    session = toy.until(lambda s: s.find_phase("p1").values.get("loss") == 0.0045)
    phase = session.find_phase("p1")
    assert phase.progress is not None
    assert (phase.progress.done, phase.progress.total) == (4, 9)
    assert phase.progress.rate is not None
    assert "4 of 9 steps" in status_text.format_progress(phase, session.now)
    assert "loss 0.0045" in status_text.format_progress(phase, session.now)
    output = SessionFeed(toy.client).make_frame(session).output
    assert output is not None
    assert [point.mean for point in output.series["loss"].points] == [0.0015, 0.0025, 0.0035, 0.0045]
    (toy.root / "go").touch()
    toy.over()


def test_a_bar_needs_no_pattern(toy: Toy, sh: Phase) -> None:
    bar = r"printf '\r 16%%|#6   | 4080/25120 [10:00<51:33, 6.80it/s]\r'"
    toy.start(sh(f"{bar}; {WAIT}"))
    progress = toy.until(lambda s: s.find_phase("p1").progress).find_phase("p1").progress
    assert progress is not None
    assert (progress.done, progress.total) == (4080, 25120)
    (toy.root / "go").touch()
    toy.over()


@pytest.mark.parametrize("metrics", [{"loss": "loss: ([0-9.]+)"}, {}])
def test_nan_is_shown_at_once_and_opens_the_gate_of_a_program_that_succeeds(
    toy: Toy, sh: Phase, metrics: dict[str, str]
) -> None:
    toy.start(sh(f"echo loss: 0.21; echo loss: nan; {WAIT}", metrics=metrics))
    session = toy.until(lambda s: s.notices)
    assert session.notices == ("Phase 1: 1 value of loss not finite: loss: nan",)
    (toy.root / "go").touch()
    gate = toy.gate().gate
    assert gate is not None
    assert (gate.cause, gate.verdict, gate.because) == ("nan", "investigate", "nan")
    assert "loss: nan" in gate.advice[-1]


def test_a_pattern_that_freezes_is_reported_and_the_session_continues(toy: Toy, sh: Phase) -> None:
    script = f"for n in 1 2 3 4 5 6 7 8; do echo {'x' * 60}1z; done; echo loss: 3; {WAIT}"
    toy.start(sh(script, metrics={"slow": r"(?:x|x)+(\d)y", "loss": r"loss: (\d)"}))
    session = toy.until(lambda s: s.notices and s.find_phase("p1").values)
    assert "the pattern of slow was switched off" in session.notices[0]
    assert session.find_phase("p1").values == {"loss": 3}
    (toy.root / "go").touch()
    assert toy.over().state == "finished"


def test_a_pattern_without_a_match_is_reported_while_the_phase_runs(toy: Toy, sh: Phase) -> None:
    script = f"for n in 10 20 30; do echo step $n/90 Loss: $n; done; {WAIT}"
    toy.start(sh(script, metrics={"loss": r"loss=(\d)"}))
    notice = toy.until(lambda s: s.notices).notices[0]
    assert notice.startswith("Phase 1: the pattern of loss has matched nothing in the log so far")
    (toy.root / "go").touch()
    toy.over()
