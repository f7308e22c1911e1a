"""Disturbances of a session: kills, stops, exhausted limits, a hanging driver, restarted containers."""

import contextlib
import os
import random
import resource
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from uuid import UUID

import gonogo_machine

from app.session.attempt import process
from app.session.client import SessionClient
from app.session.folder import SessionFolder
from app.session.heartbeat import CONDUCTOR_HEARTBEAT, GUARD_HEARTBEAT
from app.session.pod import guard
from app.session.requests import Refused, StopPhase
from app.session.snapshot import SessionSnapshot

KILLED = ("viewer", "conductor", "shim", "guard", "phase", "all")
STOPPED = ("conductor", "guard", "shim", "phase", "all")
LIMITED = ("conductor", "guard", "shim", "phase")
KINDS = ("kill", "kill", "stop", "descriptors", "memory", "driver", "restart")
_SPARE_MEMORY = 2 << 20


class Disturber:
    """Disturbs one session, as its random numbers say, and ends those disturbances that end by themselves."""

    def __init__(self, root: Path, runtime: Path, folder: Path, chance: random.Random) -> None:
        self.root = root
        self.runtime = runtime
        self.folder = SessionFolder(folder)
        self.chance = chance
        self.counts: Counter[str] = Counter()
        self.restarts: dict[float, float] = {}
        """By the time of each restart of the container, how long no process had seen the session."""
        self._due: list[tuple[float, Callable[[], object]]] = []
        self._driver_hangs = Path(f"{root / 'machine.json'}.driver-hangs")

    def disturb(self, session: SessionSnapshot, kind: str = "") -> bool:
        """Do one thing to the session; return whether all of its processes are gone then."""
        kind = kind or self.chance.choice(KINDS)
        match kind:
            case "kill":
                return self._kill(self.chance.choice(KILLED), session)
            case "stop":
                self._stop(self.chance.choice(STOPPED), session)
            case "descriptors" | "memory":
                self._limit(kind, self.chance.choice(LIMITED), session)
            case "driver":
                self.hang_driver()
            case "restart":
                self._restart_container()
                return True
        return False

    def end_due(self) -> None:
        """End the disturbances that last long enough."""
        now = time.monotonic()
        due = [action for when, action in self._due if when <= now]
        self._due = [(when, action) for when, action in self._due if when > now]
        for action in due:
            action()

    def end_all(self) -> None:
        """End all disturbances."""
        for _, action in self._due:
            action()
        self._due = []

    def _later(self, seconds: float, action: Callable[[], object]) -> None:
        self._due.append((time.monotonic() + seconds, action))

    def find_processes(self, session: SessionSnapshot, victim: str) -> list[process.ProcessIdentity]:
        """Return one kind of process of a session, or all of them."""
        records = {
            "conductor": self.folder.conductor,
            "guard": self.folder.path / guard.PROCESS_FILE,
        }
        current = session.current
        if current is not None and current.attempts:
            attempt = Path(current.attempts[-1].folder)
            records |= {"shim": attempt / "shim.json", "phase": attempt / "pid.json"}
        identities = [
            process.read_identity(path) for name, path in records.items() if victim in (name, "all")
        ]
        return [identity for identity in identities if identity is not None and process.is_alive(identity)]

    def _kill(self, victim: str, session: SessionSnapshot) -> bool:
        self.counts[f"kill {victim}"] += 1
        if victim == "viewer":
            self._kill_viewer()
            return False
        for identity in self.find_processes(session, victim):
            process.signal_identity(identity, signal.SIGKILL)
        return victim == "all"

    def _kill_viewer(self) -> None:
        argv = [sys.executable, "-m", "app.cli", "attach", "--headless", "--read-only"]
        argv += ["--session", str(self.folder.path)]
        with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as viewer:
            time.sleep(self.chance.uniform(0, 0.5))
            viewer.kill()

    def _stop(self, victim: str, session: SessionSnapshot) -> None:
        """Stop processes by a signal; some continue after a while, and others never."""
        self.counts[f"stop {victim}"] += 1
        seconds = self.chance.uniform(0.2, 4.0)
        continues = victim == "all" or self.chance.random() < 0.5
        stopped = self.find_processes(session, victim)
        for identity in stopped:
            process.signal_identity(identity, signal.SIGSTOP)
        if continues:
            self._later(seconds, lambda: [process.signal_identity(each, signal.SIGCONT) for each in stopped])
        elif victim == "phase":  # Only the operator ends a phase that hangs.
            self._later(seconds, self._stop_phase)

    def _stop_phase(self) -> None:
        try:
            SessionClient(self.folder.path, timeout=1.0).send(StopPhase(by="chaos"))
        except Refused as refused:
            if any(reason in str(refused) for reason in ("no conductor", "did not respond")):
                self._later(0.5, self._stop_phase)

    def _limit(self, kind: str, victim: str, session: SessionSnapshot) -> None:
        """Let a process have no more descriptors or memory for a while."""
        self.counts[f"{kind} {victim}"] += 1
        seconds, margin = self.chance.uniform(0.2, 2.0), self.chance.randint(-2, 3)
        spare = self.chance.randint(0, _SPARE_MEMORY)
        for identity in self.find_processes(session, victim):
            with contextlib.suppress(OSError, ValueError):
                if kind == "descriptors":
                    limit, most = resource.RLIMIT_NOFILE, _count_descriptors(identity.pid) + margin
                else:
                    limit, most = resource.RLIMIT_AS, _measure_memory(identity.pid) + spare
                resource.prlimit(identity.pid, limit, (max(0, most), resource.getrlimit(limit)[1]))
                self._later(seconds, partial(self._lift_limit, limit))

    def _lift_limit(self, limit: int) -> None:
        """Lift a limit of all processes, as those that a limited process started inherited it."""
        for pid in self.list_session_processes():
            with contextlib.suppress(OSError):
                resource.prlimit(pid, limit, resource.getrlimit(limit))

    def hang_driver(self) -> None:
        """Let the driver not respond for a while."""
        self.counts["driver hangs"] += 1
        self._driver_hangs.touch()
        self._later(self.chance.uniform(0.5, 12.0), lambda: self._driver_hangs.unlink(missing_ok=True))

    def _restart_container(self) -> None:
        """End all processes at once, and continue in a new container, on the same host or another one."""
        is_other_host = self.chance.random() < 0.5
        self.counts[f"restart on {'another' if is_other_host else 'the same'} host"] += 1
        self.kill_all_processes()
        traces = (self.folder.info.name, CONDUCTOR_HEARTBEAT, GUARD_HEARTBEAT)
        seen = max(_read_modified(self.folder.path / name) for name in traces)
        for entry in self.runtime.iterdir():
            entry.unlink()
        self.runtime.rmdir()
        self._due = []
        self._driver_hangs.unlink(missing_ok=True)
        time.sleep(self.chance.uniform(0.0, 1.0))
        self.runtime.mkdir(mode=0o700)
        changes: dict[str, object] = {}
        if is_other_host:
            uptime = self.chance.uniform(100.0, 1e7)
            offset = uptime - gonogo_machine.read_clock(time.CLOCK_BOOTTIME)
            boot_id = str(UUID(int=self.chance.getrandbits(128), version=4))
            changes = {"boot_id": boot_id, "offset": offset}
        gonogo_machine.store(**changes)
        gonogo_machine.store(born=process.read_seconds_since_boot())
        self.restarts[time.time()] = time.time() - seen

    def list_session_processes(self) -> list[int]:
        """Return the PIDs of this session's processes that are still running."""
        pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
        return [pid for pid in pids if pid != os.getpid() and self._is_of_session(pid)]

    def _is_of_session(self, pid: int) -> bool:
        if process.find_process(pid) is None:
            return False
        try:
            text = Path(f"/proc/{pid}/cmdline").read_bytes() + Path(f"/proc/{pid}/environ").read_bytes()
        except OSError:
            return False
        return os.fsencode(self.root) in text

    def kill_all_processes(self) -> None:
        while survivors := self.list_session_processes():
            for number in (signal.SIGSTOP, signal.SIGKILL):
                for pid in survivors:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, number)


def _count_descriptors(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def _measure_memory(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[0]) * resource.getpagesize()


def _read_modified(path: Path) -> float:
    with contextlib.suppress(OSError):
        return path.stat().st_mtime
    return 0.0
