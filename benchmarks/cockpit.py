"""What the cockpit costs: time to first paint, idle CPU, memory and bytes sent, and a long history.

It runs in a pseudo-terminal of 80x24 over a made-up session whose files are real.
"""

import fcntl
import json
import math
import os
import pty
import select
import signal
import struct
import sys
import tempfile
import termios
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Event

import psutil

from benchmarks.figures import Figure

IDLE_SECONDS = 20.0
POINTS = 300_000
HELLO = (
    "from textual.app import App\n"
    "from textual.widgets import Static\n"
    "class Hello(App):\n"
    "    def compose(self): yield Static('PHASES')\n"
    "Hello().run(mouse=False)\n"
)


@dataclass(frozen=True)
class Run:
    """What was measured of one program: seconds, share of a core, bytes."""

    first_paint: float
    idle_cpu: float
    idle_bytes_a_minute: float
    memory: int


def run(argv: list[str], painted: bytes, idle: float) -> Run:
    """Start a program in a terminal, wait until it has painted, then leave it alone for a while."""
    began = time.perf_counter()
    pid, master = pty.fork()
    if pid == 0:
        os.environ.pop("TMUX", None)
        os.execvpe(argv[0], argv, {**os.environ, "TERM": "xterm-256color"})
    fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    seen = b""
    while painted not in seen:
        seen += os.read(master, 65536)
    paint = time.perf_counter() - began
    child = psutil.Process(pid)

    def listen(seconds: float) -> int:
        count, end = 0, time.perf_counter() + seconds
        while (left := end - time.perf_counter()) > 0:
            if select.select([master], [], [], left)[0]:
                count += len(os.read(master, 65536))
        return count

    listen(3.0)
    before = sum(child.cpu_times()[:2])
    sent = listen(idle)
    cpu = (sum(child.cpu_times()[:2]) - before) / idle
    found = Run(paint, cpu, sent / idle * 60, child.memory_info().rss)
    os.kill(pid, signal.SIGTERM)
    os.close(master)
    os.waitpid(pid, 0)
    return found


def write_history(folder: Path, points: int) -> None:
    """Write the progress of a training with that many loss values."""
    with (folder / "progress.jsonl").open("w") as file:
        for step in range(points):
            values = {"loss": 0.7 + 2 * math.exp(-step / points * 5)}
            file.write(json.dumps({"type": "metric", "time": 0.0, "step": step, "values": values}) + "\n")
    (folder / "output.log").write_text("".join(f"step {i} loss 0.8\n" for i in range(1000)))


def child(folder: str) -> None:
    """Show a running session whose attempt has its files in this folder; a snapshot comes once a second."""
    from msgspec.structs import replace

    from app.screens.feed import SessionFeed
    from app.session.snapshot import SessionSnapshot
    from app.tui import CockpitApp, show
    from tests.screens import fake

    class Session(fake.FakeSession):
        def watch(self, stopping: Event) -> Iterator[SessionSnapshot]:
            while not stopping.is_set():
                now = time.time()
                machine = fake.machine(1, now)
                yield replace(self.shown, now=now, machine=machine)
                stopping.wait(1.0)

    base = fake.running().snapshot
    moved = time.time() - base.now
    for phase in base.phases:
        attempts = tuple(replace(a, folder=folder, started=a.started + moved) for a in phase.attempts)
        progress = replace(phase.progress, at=time.time()) if phase.progress else None
        base = fake.with_phase(base, phase.id, attempts=attempts, progress=progress)
    session = Session(replace(base, started=base.started + moved, now=time.time()))
    sys.exit(show(CockpitApp(session, SessionFeed(session))))


def history_seconds(folder: Path) -> float:
    """Return the time from nothing to the whole curve as text rows."""
    from app.screens.feed import AttemptReader
    from app.session.snapshot import AttemptView
    from widgets.chart import Curve, plot

    began = time.perf_counter()
    reader = AttemptReader("training", AttemptView(number=1, folder=str(folder), started=0.0, parameters={}))
    record = reader.read(math.inf, time.monotonic)
    plot([Curve("loss", record.series["loss"].points, "")], 80, 20)
    return time.perf_counter() - began


def figures() -> Iterator[Figure]:
    """Yield the figures, beside Textual's own smallest app."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_history(folder, 2000)
        hello = run([sys.executable, "-c", HELLO], b"PHASES", 1.0)
        cockpit = run([sys.executable, "-m", "benchmarks.cockpit", name], b"PHASES", IDLE_SECONDS)
        write_history(folder, POINTS)
        history = history_seconds(folder)
    yield Figure("first paint of Textual's smallest app", hello.first_paint, "s")
    yield Figure("first paint of a running session", cockpit.first_paint, "s", "<= 0.30")
    yield Figure("idle, a phase running, a view a second, of a core", cockpit.idle_cpu * 100, "%", "<= 1.0")
    yield Figure(
        "sent to the terminal a minute while idle", cockpit.idle_bytes_a_minute / 1000, "kB", "<= 20"
    )
    yield Figure("memory", cockpit.memory / 1e6, "MB", "<= 80")
    yield Figure(f"{POINTS:,} loss values to the whole curve", history, "s", "<= 1.0")


if __name__ == "__main__":
    child(sys.argv[1])
