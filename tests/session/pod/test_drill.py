from collections.abc import Callable
from typing import Any

from app.session.pod.drill import run_drill
from tests.session.pod.plans import UNATTENDED

Phase = Callable[..., dict[str, Any]]


def test_the_drill_runs_a_harmless_stop_command_and_approves_nothing(toy: Any, sh: Phase) -> None:
    lines: list[str] = []
    real = toy.root / "really-stopped"
    head = UNATTENDED.format(stop_after="2 h").replace("echo first >> stops", f"touch {real}")
    assert run_drill(toy.plan(sh("touch ran"), head=head), lines.append)
    text = "\n".join(lines)
    assert "the gate of drill was not decided" in text
    assert "the session is bundled" in text
    assert "touch: the pod is stopped" in text
    assert not real.exists()
    assert not (toy.root / "ran").exists()
    assert not toy.artifacts.exists()


def test_a_plan_without_a_stop_command_fails_the_drill(toy: Any, sh: Phase) -> None:
    lines: list[str] = []
    assert not run_drill(toy.plan(sh("true")), lines.append)
    assert "no pod.stop_command" in lines[0]
