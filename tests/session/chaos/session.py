"""A disturbed session, and the operator who decides its gates, sleeps at some, and returns."""

import contextlib
import random
import subprocess
import time
from pathlib import Path

import gonogo_machine

from app.plan.read import load_plan
from app.session import start
from app.session.attempt import process
from app.session.client import SessionClient
from app.session.pod import guard
from app.session.registry import SessionError
from app.session.requests import Decide, GetSnapshot, KeepPod, Refused
from app.session.snapshot import DecisionKind, SessionSnapshot
from tests.session.chaos import programs
from tests.session.chaos.disturbances import Disturber

PATIENCE = 120.0
STOP_PATIENCE = 45.0
_CLIENT_SECONDS = 1.0
_SILENCE_SECONDS = 6.0
_SLEEPS_AT_GATE = 0.35
_SLEEPS_AT_END = 0.25


class WrongOutcomeError(Exception):
    """A disturbed session did not end like an undisturbed one; the message says how."""


class DisturbedSession:
    """One session whose processes are disturbed."""

    def __init__(self, root: Path, runtime: Path, chance: random.Random) -> None:
        self.root = root
        self.chance = chance
        self.sleeps_at_gate = chance.random() < _SLEEPS_AT_GATE
        self.sleeps_at_end = chance.random() < _SLEEPS_AT_END
        (root / "session_plan.toml").write_text(programs.build_plan(str(root)))
        if chance.random() < 0.05:
            Path(f"{root / programs.MACHINE}.driver-hangs").touch()
        gonogo_machine.install()
        gonogo_machine.store(boot_id="", offset=0.0, born=0.0)
        gonogo_machine.store(born=process.read_seconds_since_boot())
        plan = load_plan(root / "session_plan.toml")
        self.folder = start.open_session(plan, approved="chaos", settings=programs.FAST)
        self.client = SessionClient(self.folder, timeout=_CLIENT_SECONDS)
        self.disturber = Disturber(root, runtime, self.folder, chance)
        self._responded_at = time.monotonic()
        self._refusals: set[str] = set()

    def rejoin(self) -> None:
        """Start a conductor if there is none; sometimes it, or its first shim, dies at an fsync."""
        if self.chance.random() < 0.3 and not self.client.has_conductor():
            self._start_mortal_conductor()
        ends = time.monotonic() + PATIENCE
        while time.monotonic() < ends:
            try:
                start.ensure_conductor(self.folder)
            except SessionError as error:
                if "read-only" in str(error):
                    raise
                self._refusals.add(str(error))
                self.disturber.end_due()
                continue
            self._responded_at = time.monotonic()
            return

    def _start_mortal_conductor(self) -> None:
        kths = self.chance.choice(((self.chance.randint(1, 14), 0), (0, self.chance.randint(1, 9))))
        side = self.chance.choice(("before", "after"))
        command = programs.build_mortal_conductor(self.folder, *kths, side)
        self.disturber.counts[f"kill {'conductor' if kths[0] else 'shim'} {side} fsync"] += 1
        with (self.folder / "conductor.log").open("ab") as log:
            subprocess.run(
                command,
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                check=False,
            )

    def drive(self) -> SessionSnapshot:
        """Disturb the session and decide gates as an operator would, until the session is over."""
        remaining = self.chance.randint(1, 5)
        next_at = time.monotonic() + self.chance.uniform(0, 0.8)
        ends = time.monotonic() + PATIENCE
        asleep_since: float | None = None
        self.rejoin()
        while time.monotonic() < ends:
            self.disturber.end_due()
            session = self._look()
            if session.state in ("finished", "stopped"):
                return session
            if remaining and time.monotonic() >= next_at:
                is_dead = self.disturber.disturb(session)
                remaining -= 1
                next_at = time.monotonic() + self.chance.uniform(0, 0.8)
                if is_dead or self.chance.random() < 0.3:  # Otherwise guard or conductor must do it.
                    self.rejoin()
                continue
            if self._is_deserted():
                self.rejoin()  # All processes are dead or hang, and the operator returns.
            if session.gate is not None:
                if self.sleeps_at_gate and not self._was_stopped_since(0.0):
                    asleep_since = asleep_since or time.monotonic()
                    if not remaining and time.monotonic() > asleep_since + STOP_PATIENCE:
                        raise WrongOutcomeError(f"an unanswered gate never stopped the pod: {session.gate}")
                else:
                    self._decide(session)
            time.sleep(0.02)
        statuses = {p.id: (p.state, len(p.attempts)) for p in self.client.read_snapshot().phases}
        raise WrongOutcomeError(
            f"the session did not end within {PATIENCE:.0f} s: {statuses}; refused: {sorted(self._refusals)}"
        )

    def _look(self) -> SessionSnapshot:
        """Return the session, and note whether a conductor responds."""
        with contextlib.suppress(OSError, Refused):
            session = self.client._exchange(GetSnapshot())
            self._responded_at = time.monotonic()
            return session
        return self.client.snapshot_from_journal()

    def _is_deserted(self) -> bool:
        records = (self.folder / "conductor.json", self.folder / guard.PROCESS_FILE)
        if not any(process.is_recorded_alive(record) for record in records):
            return True
        return time.monotonic() - self._responded_at > _SILENCE_SECONDS

    def _was_stopped_since(self, wall: float) -> bool:
        path = self.root / programs.STOPPED
        return path.exists() and any(float(line) > wall for line in path.read_text().splitlines())

    def _decide(self, session: SessionSnapshot) -> None:
        gate = session.gate
        assert gate is not None
        kind: DecisionKind = "go" if gate.because == "plan" and gate.verdict == "go" else "retry"
        with contextlib.suppress(Refused):  # The conductor may be dead, or the gate already decided.
            self.client.send(Decide(phase=gate.phase, attempt=gate.attempt, kind=kind, by="chaos"))

    def keep_pod(self, session: SessionSnapshot) -> None:
        """Disturb the session once more after its end; let the pod be stopped, or keep it; wait for all."""
        kind = self.chance.choice(("", "kill", "restart", "stop"))
        if kind and self.disturber.disturb(session, kind):
            self.rejoin()  # The operator returns.
        if self.sleeps_at_end:
            self._await_stop(session.now)
        ends = time.monotonic() + PATIENCE
        while self.disturber.list_session_processes() and time.monotonic() < ends:
            self.disturber.end_due()
            with contextlib.suppress(Refused):  # The conductor may be dead or about to exit.
                self.client.send(KeepPod(by="chaos"))
            if self._is_deserted():
                self.rejoin()
            time.sleep(0.05)

    def _await_stop(self, ended: float) -> None:
        ends = time.monotonic() + STOP_PATIENCE
        while not self._was_stopped_since(ended):
            self.disturber.end_due()
            self._look()
            if self._is_deserted():
                self.rejoin()
            if time.monotonic() > ends:
                raise WrongOutcomeError("the end of the session never stopped the pod")
            time.sleep(0.05)

    def describe_processes(self) -> list[str]:
        """Return the command lines of this session's processes."""
        return [_format_process(pid) for pid in self.disturber.list_session_processes()]


def _format_process(pid: int) -> str:
    with contextlib.suppress(OSError):
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        state = process.find_process(pid)
        return f"{pid} {state.state if state else '-'} {b' '.join(words).decode(errors='replace')}"
    return str(pid)
