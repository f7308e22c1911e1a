"""The cost of the screens over real sessions, compared with Textual's smallest app and the installed peers.

Programs run in a pseudo-terminal of 80x24; the cost of an idle cockpit is also measured at 200x50, with
all panels. Start times are medians over rounds in which the programs take turns.
"""

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from app.plan.read import load_plan
from app.session import start
from app.session.client import SessionClient
from app.session.requests import Refused, StopSession
from benchmarks import peers
from benchmarks.figures import Figure
from benchmarks.terminal import IdleCost, Terminal, measure_idle

STARTS: Final = 9
IDLE_SECONDS: Final = 30.0
FEW_POINTS, MANY_POINTS = 2_000, 300_000
LARGE_LOG_BYTES: Final = 1_000_000_000
LAST_LINE: Final = "the last line of the log"
KEY_PRESSES: Final = 20
LINES_PER_SECOND: Final = 20_000
LARGE_SCREEN: Final = (200, 50)
GONOGO: Final = Path(sys.executable).with_name("gonogo")
HELLO_PROGRAM: Final = (
    "from textual.app import App\n"
    "from textual.widgets import Static\n"
    "class Hello(App):\n"
    "    def compose(self): yield Static('PHASES')\n"
    "Hello().run(mouse=False)\n"
)
PLAN: Final = f"""
[session]
name = "Benchmark"
model = "none"
budget_usd = 25.0

[pod]
gpu = "none"
usd_per_hour = 1.74

[[phase]]
id = "work"
title = "Work"
command = ["{sys.executable}", "work.py", "{{points}}", "{{size}}", "{{lines}}"]
estimate = {{ hours = [1, 2] }}
gate = {{ ask = "never" }}
"""
PHASE_PROGRAM: Final = f"""
import json, math, os, sys, time
points, size, lines = map(int, sys.argv[1:])
progress = open(os.environ["GONOGO_PROGRESS"], "a")

def report(kind, **fields):
    progress.write(json.dumps(dict(type=kind, time=time.time(), **fields)) + "\\n")

def line(step):
    return f"step {{step:7}} loss 0.8123 grad 0.41 lr 1.9e-4 tokens/s 1690\\n"

for step in range(points + 1):
    report("metric", step=step, values=dict(loss=0.7 + 2 * math.exp(-step / points * 5)))
block = "".join(map(line, range(20_000)))
for _ in range(size // len(block)):
    sys.stdout.write(block)
print("{LAST_LINE}")
tick = 0.02 if lines else 1.0
fast, due = "".join(map(line, range(lines // 50))), time.monotonic()
while True:
    step += 1
    if not lines:
        report("metric", step=step, values=dict(loss=0.7))
    report("progress", done=step, total=1_000_000, unit="steps")
    progress.flush()
    if not size:
        sys.stdout.write(fast or line(step))
    sys.stdout.flush()
    due += tick
    time.sleep(max(0.0, due - time.monotonic()))
"""


@contextmanager
def run_session(points: int = FEW_POINTS, log_bytes: int = 0, lines_per_second: int = 0) -> Iterator[Path]:
    """Yield the folder of a session with a running phase.

    Args:
        points: the loss values that the phase has reported; it adds one per second.
        log_bytes: the size of its log, which then does not grow; 0 for a growing log.
        lines_per_second: the lines that it logs per second; 0 for one.
    """
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        os.environ["XDG_STATE_HOME"] = name  # keeps the session out of the operator's list
        folder = Path(name)
        (folder / "work.py").write_text(PHASE_PROGRAM)
        plan = PLAN
        for parameter, value in (("points", points), ("size", log_bytes), ("lines", lines_per_second)):
            plan = plan.replace(f"{{{parameter}}}", str(value))
        (folder / "session_plan.toml").write_text(plan)
        session = start.open_session(load_plan(folder / "session_plan.toml"), approved="benchmark")
        start.ensure_conductor(session)
        client = SessionClient(session)
        while client.read_snapshot().phases[0].progress is None:
            time.sleep(0.1)
        try:
            yield session
        finally:
            with suppress(Refused):  # It may be over already.
                client.send(StopSession(by="benchmark"))
            while client.read_snapshot().state != "stopped":
                time.sleep(0.1)


def open_cockpit(session: Path, columns: int = 80, rows: int = 24) -> Terminal:
    """Open the screens of a session."""
    return Terminal(str(GONOGO), "attach", "--session", str(session), columns=columns, rows=rows)


def open_leet(run: str) -> Terminal:
    """Open wandb's viewer of a run."""
    return Terminal(str(peers.PEERS_BIN / "wandb"), "leet", run)


def open_hello() -> Terminal:
    """Open Textual's smallest app."""
    return Terminal(sys.executable, "-c", HELLO_PROGRAM)


def time_first_paints(programs: dict[str, tuple[Callable[[], Terminal], bytes]]) -> dict[str, float]:
    """Return the median seconds from start to expected output for each program; the programs take turns."""
    times: dict[str, list[float]] = {name: [] for name in programs}
    for round_number in range(STARTS + 1):
        for name, (open_program, output) in programs.items():
            with open_program() as terminal:
                seconds = terminal.wait_for(output)
            if round_number > 0:  # the first round writes bytecode and fills the file cache
                times[name].append(seconds)
    return {name: statistics.median(values) for name, values in times.items()}


def time_keys(session: Path) -> float:
    """Return the 95th percentile of the seconds from a key to its screen."""
    with open_cockpit(session) as terminal:
        terminal.wait_for(b"PHASES")
        terminal.drain(3.0)
        times = []
        for _ in range(KEY_PRESSES):
            times.append(terminal.press(b"u", b"PEAK, GiB"))
            terminal.drain(0.25)
            times.append(terminal.press(b"q", b"PHASES"))
            terminal.drain(0.25)
    return statistics.quantiles(times, n=20)[-1]


def list_idle_figures(
    name: str, cost: IdleCost, targets: tuple[str, str, str] = ("", "", "")
) -> Iterator[Figure]:
    """Yield the cost of a program that gets no input while a run logs one value and one line per second."""
    yield Figure(f"{name}: idle, share of a core", cost.cpu * 100, "%", targets[0])
    yield Figure(
        f"{name}: idle, written to the terminal per minute", cost.bytes_per_minute / 1000, "kB", targets[1]
    )
    yield Figure(f"{name}: memory", cost.memory_mb, "MB", targets[2])


def measure_small_session() -> Iterator[Figure | str]:
    """Yield the figures of an ordinary session."""
    with run_session() as session, peers.log_wandb_run(FEW_POINTS) as run:
        programs = {
            "Textual's smallest app": (open_hello, b"PHASES"),
            "gonogo": (lambda: open_cockpit(session), b"PHASES"),
        }
        if run:
            programs["wandb leet"] = (lambda: open_leet(run), b"loss")
        times = time_first_paints(programs)
        for name, seconds in times.items():
            yield Figure(f"{name}: start to first paint", seconds, "s")
        ratio = times["gonogo"] / times["Textual's smallest app"]
        yield Figure("gonogo: first paint, of that of Textual's smallest app", ratio, "x", "<= 1.4")
        for columns, rows in ((80, 24), LARGE_SCREEN):
            with open_cockpit(session, columns, rows) as terminal:
                cost = measure_idle(terminal, IDLE_SECONDS)
            yield from list_idle_figures(f"gonogo at {columns}x{rows}", cost, ("<= 1.0", "<= 10", "<= 60"))
        if not run:
            yield "wandb is not installed: run make peers"
            return
        with open_leet(run) as terminal:
            cost = measure_idle(terminal, IDLE_SECONDS)
        yield from list_idle_figures("wandb leet", cost)


def measure_ended_session() -> Iterator[Figure | str]:
    """Yield the time to the first paint of a session that is over and has no conductor."""
    with run_session() as session:
        client = SessionClient(session)
        client.send(StopSession(by="benchmark"))
        while client.read_snapshot().state != "stopped" or client.has_conductor():
            time.sleep(0.1)
        programs = {"gonogo": (lambda: open_cockpit(session), b"STOPPED")}
        seconds = time_first_paints(programs)["gonogo"]
        yield Figure("gonogo: start to first paint of a session that is over", seconds, "s", "<= 0.60")


def measure_large_session() -> Iterator[Figure | str]:
    """Yield the figures of sessions with a fast log, many values and a large log."""
    with run_session(lines_per_second=LINES_PER_SECOND) as session:
        name = f"gonogo: key to screen, {LINES_PER_SECOND:,} log lines per second (95 %)"
        yield Figure(name, time_keys(session) * 1e3, "ms", "<= 50")
    with run_session(points=MANY_POINTS) as session, open_cockpit(session) as terminal:
        seconds = terminal.wait_for(b"300k")
        yield Figure(f"gonogo: start to the complete curve of {MANY_POINTS:,} values", seconds, "s", "<= 1.0")
    with run_session(log_bytes=LARGE_LOG_BYTES) as session:
        with open_cockpit(session) as terminal:
            first_paint, last_line = terminal.wait_for(b"PHASES"), terminal.wait_for(LAST_LINE.encode())
            terminal.drain(3.0)
            memory = terminal.read_memory_mb()
        yield Figure("gonogo: 1 GB log, first paint to its last line", last_line - first_paint, "s", "<= 0.3")
        yield Figure("gonogo: 1 GB log, memory", memory, "MB", "<= 80")
        yield from measure_toolong(next(session.glob("attempts/work/*/output.log")))


def measure_toolong(log: Path) -> Iterator[Figure | str]:
    """Yield the figures of toolong for the same log."""
    if not peers.is_installed("tl"):
        yield "toolong is not installed: run make peers"
        return
    with Terminal(str(peers.PEERS_BIN / "tl"), str(log)) as terminal:
        yield Figure("toolong: 1 GB log, start to its last line", terminal.wait_for(LAST_LINE.encode()), "s")
        yield Figure("toolong: 1 GB log, memory", terminal.read_memory_mb(), "MB")


def measure() -> Iterator[Figure | str]:
    """Yield all figures."""
    yield from measure_small_session()
    yield from measure_ended_session()
    yield from measure_large_session()
