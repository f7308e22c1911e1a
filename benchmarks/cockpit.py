"""What the cockpit costs: to the first paint, while idle, with a long history, a large log and a fast one.

It runs in a pseudo-terminal of 80x24 over a made-up session whose files are real.
"""

import fcntl
import json
import math
import os
import pty
import select
import signal
import statistics
import struct
import subprocess
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
LARGE_LOG = 1_000_000_000
LAST = b"the last line of the log"
PRESSES = 20
LINES_A_SECOND = 20_000
WRITER = f"""
import sys, time
lines = "".join(f"step {{i}} loss 0.8123\\n" for i in range({LINES_A_SECOND} // 50))
due = time.monotonic()
with open(sys.argv[1], "a") as log:
    while True:
        log.write(lines)
        log.flush()
        due += 1 / 50
        time.sleep(max(0.0, due - time.monotonic()))
"""
HELLO = (
    "from textual.app import App\n"
    "from textual.widgets import Static\n"
    "class Hello(App):\n"
    "    def compose(self): yield Static('PHASES')\n"
    "Hello().run(mouse=False)\n"
)


class Terminal:
    """A program in a pseudo-terminal of 80x24, ended with the block."""

    def __init__(self, *argv: str) -> None:
        self.began = time.perf_counter()
        self.pid, self.master = pty.fork()
        if self.pid == 0:
            for name in ("TMUX", "PYTHONDONTWRITEBYTECODE"):
                os.environ.pop(name, None)
            os.execvpe(argv[0], argv, {**os.environ, "TERM": "xterm-256color"})
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self.process = psutil.Process(self.pid)
        self._sent = b""

    def __enter__(self) -> "Terminal":
        return self

    def __exit__(self, *error: object) -> None:
        os.kill(self.pid, signal.SIGTERM)
        os.close(self.master)
        os.waitpid(self.pid, 0)

    def until(self, painted: bytes) -> float:
        """Wait until that has been sent; return the time since the program was started, in seconds."""
        while painted not in self._sent:
            self._sent += os.read(self.master, 65536)
        return time.perf_counter() - self.began

    def listen(self, seconds: float) -> int:
        """Return how many bytes are sent in that time."""
        count, end = 0, time.perf_counter() + seconds
        while (left := end - time.perf_counter()) > 0:
            if select.select([self.master], [], [], left)[0]:
                count += len(os.read(self.master, 65536))
        return count

    def answer(self, key: bytes, painted: bytes) -> float:
        """Press a key; return the time until that has been sent."""
        self._sent = b""
        pressed = time.perf_counter()
        os.write(self.master, key)
        return self.until(painted) + self.began - pressed

    @property
    def memory(self) -> int:
        """Return what it holds in memory, in bytes."""
        return int(self.process.memory_info().rss)


@dataclass(frozen=True)
class Idle:
    """What a program costs that is left alone: share of a core, bytes sent a minute."""

    cpu: float
    bytes_a_minute: float


def idle(terminal: Terminal, seconds: float) -> Idle:
    """Measure what a program costs that is left alone for a while."""
    terminal.listen(3.0)
    before = sum(terminal.process.cpu_times()[:2])
    sent = terminal.listen(seconds)
    cpu = (sum(terminal.process.cpu_times()[:2]) - before) / seconds
    return Idle(cpu, sent / seconds * 60)


def cockpit(folder: str) -> Terminal:
    """Return the cockpit over a running session whose attempt has its files in this folder."""
    return Terminal(sys.executable, "-m", "benchmarks.cockpit", folder)


def write_log(path: Path, size: int) -> bytes:
    """Write a log of that many bytes; return what its last line begins with."""
    block = "".join(
        f"step {i:7} loss 0.8123 grad 0.41 lr 1.9e-4 tokens/s 1690\n" for i in range(20_000)
    ).encode()
    with path.open("wb") as file:
        while file.tell() < size:
            file.write(block)
        file.write(LAST + b"\n")
    return LAST


def key_to_redraw(folder: str) -> float:
    """Return the 95th percentile of the time from a key to its screen while a log grows fast, in seconds."""
    with (
        subprocess.Popen([sys.executable, "-c", WRITER, f"{folder}/output.log"]) as writer,
        cockpit(folder) as shown,
    ):
        shown.until(b"PHASES")
        shown.listen(3.0)
        times = []
        for _ in range(PRESSES):
            times.append(shown.answer(b"u", b"MEMORY"))
            shown.listen(0.25)
            times.append(shown.answer(b"q", b"PHASES"))
            shown.listen(0.25)
        writer.terminate()
    return statistics.quantiles(times, n=20)[-1]


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
        with cockpit(name) as shown:
            shown.until(b"PHASES")  # from the second start on, Python finds its modules compiled
        with Terminal(sys.executable, "-c", HELLO) as hello:
            yield Figure("first paint of Textual's smallest app", hello.until(b"PHASES"), "s")
        with cockpit(name) as shown:
            yield Figure("first paint of a running session", shown.until(b"PHASES"), "s", "<= 0.30")
            left = idle(shown, IDLE_SECONDS)
            memory = shown.memory
        yield Figure("idle, a phase running, a view a second, of a core", left.cpu * 100, "%", "<= 1.0")
        yield Figure("sent to the terminal a minute while idle", left.bytes_a_minute / 1000, "kB", "<= 20")
        yield Figure("memory", memory / 1e6, "MB", "<= 80")
        redraw = key_to_redraw(name)
        yield Figure(
            f"a key to its screen, {LINES_A_SECOND:,} log lines a second (95 %)", redraw * 1e3, "ms", "<= 50"
        )
        last = write_log(folder / "output.log", LARGE_LOG)
        with cockpit(name) as shown:
            first, whole = shown.until(b"PHASES"), shown.until(last)
            shown.listen(3.0)
            more = shown.memory - memory
        yield Figure("a log of 1 GB: from the first paint to its last line", whole - first, "s", "<= 0.3")
        yield Figure("a log of 1 GB: memory beyond that with a small one", more / 1e6, "MB", "flat")
        (folder / "output.log").unlink()
        write_history(folder, POINTS)
        yield Figure(f"{POINTS:,} loss values to the whole curve", history_seconds(folder), "s", "<= 1.0")


if __name__ == "__main__":
    child(sys.argv[1])
