"""Sessions of fast fake programs: real processes, real files, short waits."""

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from app.plan.read import load_plan
from app.plan.schema import Plan
from app.session import start
from app.session.attempt import process
from app.session.client import SessionClient
from app.session.clock import SystemClock
from app.session.folder import Settings
from app.session.journal.events import Parameter
from app.session.requests import Decide, Hold, KeepPod, StopPhase, StopSession
from app.session.snapshot import DecisionKind, SessionSnapshot

FAST = Settings(poll=0.02, tick=0.1, grace=0.5, guard=0.0)  # other tests cover the guard
PATIENCE = 30.0

HEAD = """
[session]
name = "Toy"
model = "none"
budget_usd = 10.0

[pod]
gpu = "none"
usd_per_hour = 3.6
"""


def toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(toml, value)) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k} = {toml(v)}" for k, v in value.items()) + "}"
    return repr(value) if isinstance(value, int | float) else "'''" + str(value) + "'''"


class JumpingClock(SystemClock):
    """A machine whose wall clock is set back and forth all the time."""

    jumps = (0.0, 1e7, -1e7, 3600.0, -86400.0, 1e9, -1e9)

    def __init__(self) -> None:
        self._asked = 0

    def wall(self) -> float:
        self._asked += 1
        return super().wall() + self.jumps[self._asked % len(self.jumps)]


def wait_for(condition: Callable[[], Any], what: str = "condition") -> Any:
    """Waits for a condition of the outside world; its bound is only there to fail."""
    ends = time.monotonic() + PATIENCE
    while time.monotonic() < ends:
        if found := condition():
            return found
        time.sleep(0.01)
    raise AssertionError(f"{what} did not come about within {PATIENCE:.0f} s")


def processes_with(text: str) -> list[int]:
    """The PIDs of those whose command line or environment names a text, such as the folder of a test."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid() and process.find_process(int(entry.name)):
            try:
                words = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
            except OSError:
                continue
            if text.encode() in words:
                found.append(int(entry.name))
    return found


class Operator(SessionClient):
    """A client with a method for each request that an operator sends."""

    def decide(  # noqa: PLR0917 - called by keyword
        self,
        phase: str,
        attempt: int,
        kind: DecisionKind,
        reason: str = "",
        changes: Mapping[str, Parameter] | None = None,
        by: str = "tester",
    ) -> SessionSnapshot:
        changes = dict(changes or {})
        return self.send(
            Decide(phase=phase, attempt=attempt, kind=kind, by=by, reason=reason, changes=changes)
        )

    def stop_phase(self) -> SessionSnapshot:
        return self.send(StopPhase(by="tester"))

    def stop_session(self) -> SessionSnapshot:
        return self.send(StopSession(by="tester"))

    def hold(self, on: bool) -> SessionSnapshot:
        return self.send(Hold(on=on, by="tester"))

    def keep_pod(self) -> SessionSnapshot:
        return self.send(KeepPod(by="tester"))


class Toy:
    """A session in a separate folder."""

    head = HEAD

    def __init__(self, root: Path) -> None:
        self.root = root
        self.artifacts = root / "artifacts"
        self.path = root / "session_plan.toml"

    def write(self, *phases: dict[str, Any], head: str = HEAD) -> Path:
        text = head
        for number, phase in enumerate(phases, 1):
            whole = {
                "id": f"p{number}",
                "title": f"Phase {number}",
                "estimate": {"hours": [0.1, 0.2]},
            } | phase
            text += "\n[[phase]]\n" + "".join(f"{k} = {toml(v)}\n" for k, v in whole.items())
        self.path.write_text(text)
        return self.path

    def plan(self, *phases: dict[str, Any], head: str = HEAD) -> Plan:
        return load_plan(self.write(*phases, head=head))

    def start(self, *phases: dict[str, Any], settings: Settings = FAST, head: str = HEAD) -> Operator:
        self.folder = start.open_session(self.plan(*phases, head=head), approved="test", settings=settings)
        return self.rejoin()

    def rejoin(self) -> Operator:
        start.ensure_conductor(self.folder)
        self.client = Operator(self.folder)
        return self.client

    def until(self, condition: Callable[[SessionSnapshot], Any], what: str = "that state") -> SessionSnapshot:
        ends = time.monotonic() + PATIENCE
        for session in self.client.watch(threading.Event()):
            if condition(session):
                return session
            if time.monotonic() > ends or session.state in ("finished", "stopped"):
                raise AssertionError(f"{what} did not come about; it is {session}")
        raise AssertionError

    def gate(self) -> SessionSnapshot:
        return self.until(lambda s: s.gate, "a gate")

    def over(self) -> SessionSnapshot:
        return self.until(lambda s: s.state in ("finished", "stopped"), "the end")

    def conductor_pid(self) -> int:
        record = self.client.folder.read_conductor()
        assert record is not None
        return record.pid

    def kill_conductor(self) -> None:
        pid = self.conductor_pid()
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: process.find_process(pid) is None, "the conductor's death")

    def locate_attempt(self, phase: str, number: int = 1) -> Path:
        return self.client.folder.locate_attempt(phase, number)

    def assert_nothing_left(self) -> None:
        """The conductor may still be on its way out."""
        wait_for(lambda: not processes_with(str(self.root)), "the end of all processes")

    def kill_everything(self) -> None:
        while left := processes_with(str(self.root)):
            for pid in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Toy]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    toy = Toy(tmp_path)
    yield toy
    toy.kill_everything()


@pytest.fixture
def sh() -> Callable[..., dict[str, Any]]:
    """A phase that runs a shell script."""

    def phase(script: str, **keys: Any) -> dict[str, Any]:
        return {"command": ["sh", "-c", script], "gate": {"ask": "never"}, **keys}

    return phase


@pytest.fixture
def python() -> Callable[..., dict[str, Any]]:
    """A phase that runs a Python program."""

    def phase(program: str, **keys: Any) -> dict[str, Any]:
        return {"command": [sys.executable, "-c", program], "gate": {"ask": "never"}, **keys}

    return phase
