"""Fault injection: run sessions of fast phases and kill their processes at random and at each fsync.

`python tests/session/chaos.py N [SEED]` disturbs N sessions and reports the outcome. Each session must end
with the result of an undisturbed one: an attempt never runs twice at a time, no row is lost or duplicated, no
process is left, and the ledger accounts for all the time that has passed.
"""

import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path

from app.plan.read import load_plan
from app.session import start
from app.session.attempt import process
from app.session.client import SessionClient
from app.session.folder import Settings
from app.session.journal import events, journal
from app.session.journal.state import State, apply
from app.session.pod import guard
from app.session.requests import Decide, KeepPod, Refused
from app.session.snapshot import DecisionKind, SessionSnapshot

ROWS = 12
PATIENCE = 60.0
POLL = 0.02
FAST = Settings(poll=POLL, tick=0.1, grace=0.3, guard=0.1, reserve=0)
VICTIMS = ("viewer", "conductor", "shim", "guard", "phase", "all")

# Appends numbered rows, each once even if it is killed, and records a violation if two copies run at a time.
WORK = f"""
import fcntl, json, os, time
lock = open("alone.lock", "w")
try:
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
except BlockingIOError:
    open("violations", "a").write("two at the same time\\n")
def rows():
    text = open("rows.jsonl").read() if os.path.exists("rows.jsonl") else ""
    complete = text[:text.rfind("\\n") + 1]
    if complete != text:
        open("rows.jsonl", "r+").truncate(len(complete))
    return [json.loads(line)["n"] for line in complete.splitlines()]
done = len(rows())
with open("rows.jsonl", "a") as file:
    for n in range(done, {ROWS}):
        file.write(json.dumps({{"n": n}}) + "\\n")
        file.flush()
        os.fsync(file.fileno())
        with open(os.environ["GONOGO_PROGRESS"], "a") as progress:
            report = {{"type": "progress", "time": time.time(), "done": n + 1, "total": {ROWS}}}
            progress.write(json.dumps(report) + "\\n")
        time.sleep(0.02)
new = os.environ["GONOGO_RESULT"] + ".new"
open(new, "w").write(json.dumps({{"metrics": {{"rows": len(rows())}}}}))
os.rename(new, os.environ["GONOGO_RESULT"])
"""

COUNT = """sleep 0.1; echo '{"metrics": {"rows": '$(wc -l < rows.jsonl)'}}' > $GONOGO_RESULT"""

PLAN = f"""
[session]
name = "Chaos"
model = "none"
budget_usd = 100.0

[pod]
gpu = "none"
usd_per_hour = 3600.0
stop_command = ["true"]

[unattended]
landing = "0 s"

[[phase]]
id = "work"
title = "Work"
command = [{json.dumps(sys.executable)}, "-S", "-c", {json.dumps(WORK)}]
reports = ["rows"]
estimate = {{ hours = [0.0, 0.001] }}
criteria = [{{ name = "all rows", expr = "rows == {ROWS}" }}]
[phase.gate]
ask = "always"

[[phase]]
id = "count"
title = "Count"
command = ["sh", "-c", {json.dumps(COUNT)}]
reports = ["rows"]
estimate = {{ hours = [0.0, 0.001] }}
[phase.gate]
ask = "never"
"""

# Runs a module and kills it before or after its Kth fsync, or not at all if K is 0. The first shim that a
# conductor starts is run in the same way with another K.
BOUNDARY = """
import os, runpy, signal, subprocess, sys
module, kth, shims_kth, before = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4] == "before"
remaining = [kth]
if module == "app.session.engine.conductor":
    from app.session.attempt import shim_control
    wrapped = [*sys.orig_argv[:4], "app.session.attempt.shim", shims_kth, "0", sys.argv[4]]
    ordinary = shim_control.start_shim
    def start_shim(spec, environment):
        shim_control.start_shim = ordinary
        return subprocess.Popen(
            [*wrapped, str(spec)], env=dict(environment), stdin=subprocess.DEVNULL, start_new_session=True
        )
    shim_control.start_shim = start_shim
def killing(sync):
    def call(handle):
        remaining[0] -= 1
        if remaining[0] == 0 and before:
            os.kill(os.getpid(), signal.SIGKILL)
        sync(handle)
        if remaining[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
    return call
os.fsync, os.fdatasync = killing(os.fsync), killing(os.fdatasync)
sys.argv = [module, *sys.argv[5:]]
runpy.run_module(module, run_name="__main__")
"""


class WrongOutcomeError(Exception):
    """A disturbed session did not end like an undisturbed one; the message says how."""


class DisturbedSession:
    """One session whose processes are killed."""

    def __init__(self, root: Path, chance: random.Random) -> None:
        self.root = root
        self.chance = chance
        self.kills: Counter[str] = Counter()
        (root / "session_plan.toml").write_text(PLAN)
        plan = load_plan(root / "session_plan.toml")
        self.folder = start.open_session(plan, approved="chaos", settings=FAST)
        self.client = SessionClient(self.folder)

    def rejoin(self) -> None:
        """Start a conductor if there is none; sometimes it, or its first shim, dies at an fsync."""
        if self.chance.random() < 0.5 and not self.client.has_conductor():
            kths = self.chance.choice(((self.chance.randint(1, 14), 0), (0, self.chance.randint(1, 9))))
            side = self.chance.choice(("before", "after"))
            command = [sys.executable, "-P", "-c", BOUNDARY, "app.session.engine.conductor"]
            command += [*map(str, kths), side, str(self.folder)]
            self.kills[f"{'conductor' if kths[0] else 'shim'} {side} fsync"] += 1
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
        start.ensure_conductor(self.folder)

    def drive(self) -> SessionSnapshot:
        """Kill processes and decide gates as an operator would, until the session is over."""
        to_kill = self.chance.randint(1, 4)
        next_kill = time.monotonic() + self.chance.uniform(0, 0.5)
        ends = time.monotonic() + PATIENCE
        self.rejoin()
        while time.monotonic() < ends:
            session = self.client.snapshot()
            if session.state in ("finished", "stopped"):
                return session
            if to_kill and time.monotonic() >= next_kill:
                self.kill(self.chance.choice(VICTIMS), session)
                to_kill -= 1
                next_kill = time.monotonic() + self.chance.uniform(0, 0.4)
                if self.chance.random() < 0.7:  # Otherwise the guard must restart the conductor.
                    self.rejoin()
                continue
            records = (self.folder / "conductor.json", self.folder / guard.PROCESS_FILE)
            if not any(process.is_recorded_alive(record) for record in records):
                self.rejoin()  # All processes are dead, and the operator returns.
            if session.gate is not None:
                self.decide(session)
            time.sleep(0.01)
        statuses = {p.id: (p.state, len(p.attempts)) for p in self.client.snapshot().phases}
        raise WrongOutcomeError(f"the session did not end within {PATIENCE:.0f} s: {statuses}")

    def decide(self, session: SessionSnapshot) -> None:
        gate = session.gate
        assert gate is not None
        kind: DecisionKind = "go" if gate.because == "plan" and gate.verdict == "go" else "retry"
        with contextlib.suppress(Refused):  # The conductor may be dead, or the gate already decided.
            self.client.send(Decide(phase=gate.phase, attempt=gate.attempt, kind=kind, by="chaos"))

    def kill(self, victim: str, session: SessionSnapshot) -> None:
        """Kill one kind of process, or all of them."""
        self.kills[victim] += 1
        records = {"conductor": self.folder / "conductor.json", "guard": self.folder / guard.PROCESS_FILE}
        current = session.current
        if current is not None and current.attempts:
            attempt = Path(current.attempts[-1].folder)
            records |= {"shim": attempt / "shim.json", "phase": attempt / "pid.json"}
        if victim == "viewer":
            self.kill_viewer()
            return
        for name, path in records.items():
            if victim in (name, "all"):
                identity = process.read_identity(path)
                if identity is not None:
                    process.signal_identity(identity, signal.SIGKILL)

    def kill_viewer(self) -> None:
        """Start a viewer and kill it."""
        argv = [sys.executable, "-m", "app.cli", "attach", "--headless", "--read-only"]
        argv += ["--session", str(self.folder)]
        with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as viewer:
            time.sleep(self.chance.uniform(0, 0.5))
            viewer.kill()

    def keep_pod(self, session: SessionSnapshot) -> None:
        """Sometimes kill once more after the end, then keep the pod, so that all processes exit."""
        if self.chance.random() < 0.5:
            victim = self.chance.choice(("conductor", "guard", "all"))
            self.kill(victim, session)
            if victim == "all":
                self.rejoin()  # The operator returns.
        ends = time.monotonic() + PATIENCE
        while self.find_processes() and time.monotonic() < ends:
            with contextlib.suppress(Refused):  # The conductor may be dead or about to exit.
                self.client.send(KeepPod(by="chaos"))
            time.sleep(0.05)

    def find_processes(self) -> list[int]:
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

    def check(self, session: SessionSnapshot) -> None:
        """Compare the outcome with that of an undisturbed session."""
        self.expect([p.state for p in session.phases] == ["done", "done"], f"phases {session.phases}")
        for phase in session.phases:
            self.expect(
                phase.attempts[-1].metrics == {"rows": ROWS}, f"{phase.id} found {phase.attempts[-1].metrics}"
            )
        rows = [json.loads(line)["n"] for line in (self.root / "rows.jsonl").read_text().splitlines()]
        self.expect(rows == list(range(ROWS)), f"rows {rows}")
        self.expect(not (self.root / "violations").exists(), "an attempt ran twice at the same time")
        replay = journal.read_journal(self.folder / "journal.jsonl")
        self.expect(not replay.damage and not replay.torn, f"journal {replay.damage}")
        state = State()
        for entry in replay.entries:
            state = apply(state, entry)
        counted = sum(p.elapsed for p in session.phases) + session.money.idle_seconds
        self.expect(abs(session.money.spent_usd - counted) < 0.01, f"ledger {counted} {session.money}")
        end = next(e for e in replay.entries if isinstance(e.event, events.SessionEnded))
        duration = end.mono - replay.entries[0].mono  # One dollar per second.
        self.expect(abs(duration - session.money.spent_usd) < 0.01, f"{duration} s, {session.money}")
        ends = time.monotonic() + PATIENCE
        while (survivors := self.find_processes()) and time.monotonic() < ends:
            time.sleep(0.02)
        self.expect(not survivors, f"processes left: {[_format_process(pid) for pid in survivors]}")

    def expect(self, condition: bool, message: str) -> None:
        if not condition:
            raise WrongOutcomeError(message)

    def kill_all_processes(self) -> None:
        while survivors := self.find_processes():
            for pid in survivors:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)


def _format_process(pid: int) -> str:
    with contextlib.suppress(OSError):
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        return f"{pid} {b' '.join(words).decode(errors='replace')}"
    return str(pid)


def disturb(seed: int) -> Counter[str]:
    """Disturb one session; return how often each kind of process was killed.

    Raises:
        WrongOutcomeError: it did not end like an undisturbed one; its folder is kept.
    """
    root = Path(tempfile.mkdtemp(prefix=f"chaos-{seed}-"))
    os.environ["XDG_STATE_HOME"] = str(root / "state")
    run = DisturbedSession(root, random.Random(seed))
    try:
        session = run.drive()
        run.keep_pod(session)
        run.check(session)
    except Exception as error:
        raise WrongOutcomeError(f"seed {seed}, {dict(run.kills)}, {root}: {error!r}") from error
    finally:
        run.kill_all_processes()
    shutil.rmtree(root)
    return run.kills


def main() -> int:
    """Disturb sessions and report what was killed and which outcomes were wrong."""
    count = int(sys.argv[1])
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    kills: Counter[str] = Counter()
    wrong = 0
    for n in range(seed, seed + count):
        try:
            kills += disturb(n)
        except WrongOutcomeError as error:
            wrong += 1
            traceback.print_exception(error)
    killed = ", ".join(f"{name} {times}" for name, times in kills.most_common())
    print(f"{count} sessions, {kills.total()} kills ({killed}), {wrong} ended wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
