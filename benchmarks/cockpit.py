"""What the cockpit costs over real sessions, beside Textual's smallest app and the peers that are installed.

Everything runs in a pseudo-terminal of 80x24. Of the starts, which take turns, the medians are given.
"""

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from app.plan.read import load_plan
from app.session import start as launch
from app.session.client import SessionClient
from app.session.requests import StopSession
from benchmarks import peers
from benchmarks.figures import Figure
from benchmarks.terminal import Idle, Terminal, idle

STARTS: Final = 9
IDLE_SECONDS: Final = 30.0
FEW, MANY = 2_000, 300_000
LARGE_LOG: Final = 1_000_000_000
LAST: Final = "the last line of the log"
PRESSES: Final = 20
LINES_A_SECOND: Final = 20_000
GONOGO: Final = Path(sys.executable).with_name("gonogo")
HELLO: Final = (
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
WORK: Final = f"""
import json, math, os, sys, time
points, size, lines = map(int, sys.argv[1:])
progress = open(os.environ["GONOGO_PROGRESS"], "a")

def report(kind, **said):
    progress.write(json.dumps(dict(type=kind, time=time.time(), **said)) + "\\n")

def line(step):
    return f"step {{step:7}} loss 0.8123 grad 0.41 lr 1.9e-4 tokens/s 1690\\n"

for step in range(points + 1):
    report("metric", step=step, values=dict(loss=0.7 + 2 * math.exp(-step / points * 5)))
block = "".join(map(line, range(20_000)))
for _ in range(size // len(block)):
    sys.stdout.write(block)
print("{LAST}")
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
def live(points: int = FEW, size: int = 0, lines: int = 0) -> Iterator[Path]:
    """Yield the folder of a session whose phase runs.

    Args:
        points: the loss values that it has reported; another is added every second.
        size: of its log, in bytes; one that is not 0 does not grow.
        lines: that it writes a second; 0 is one.
    """
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        os.environ["XDG_STATE_HOME"] = name  # it is no session that an operator wants to find again
        folder = Path(name)
        (folder / "work.py").write_text(WORK)
        values = (("points", points), ("size", size), ("lines", lines))
        plan = PLAN
        for parameter, value in values:
            plan = plan.replace(f"{{{parameter}}}", str(value))
        (folder / "session_plan.toml").write_text(plan)
        session = launch.open_session(load_plan(folder / "session_plan.toml"), approved="benchmark")
        launch.ensure_conductor(session)
        client = SessionClient(session)
        while client.snapshot().phases[0].progress is None:
            time.sleep(0.1)
        try:
            yield session
        finally:
            client.send(StopSession(by="benchmark"))
            while client.snapshot().state != "stopped":
                time.sleep(0.1)


def attach(session: Path) -> Terminal:
    """Return the cockpit over a session, as an operator opens it."""
    return Terminal(str(GONOGO), "attach", "--session", str(session))


def leet(run: str) -> Terminal:
    """Return the viewer of wandb over a run."""
    return Terminal(str(peers.BIN / "wandb"), "leet", run)


def first_paints(starts: dict[str, tuple[Callable[[], Terminal], bytes]]) -> dict[str, float]:
    """Return the median time from a start to what is awaited, in seconds; the programs take turns."""
    times: dict[str, list[float]] = {name: [] for name in starts}
    for turn in range(STARTS + 1):
        for name, (start, awaited) in starts.items():
            with start() as terminal:
                took = terminal.until(awaited)
            if turn:  # the first makes bytecode and fills the cache of files
                times[name].append(took)
    return {name: statistics.median(taken) for name, taken in times.items()}


def key_to_redraw(session: Path) -> float:
    """Return the 95th percentile of the time from a key to its screen, in seconds."""
    with attach(session) as shown:
        shown.until(b"PHASES")
        shown.listen(3.0)
        times = []
        for _ in range(PRESSES):
            times.append(shown.answer(b"u", b"PEAK, GiB"))
            shown.listen(0.25)
            times.append(shown.answer(b"q", b"PHASES"))
            shown.listen(0.25)
    return statistics.quantiles(times, n=20)[-1]


def idle_figures(name: str, cost: Idle, aims: tuple[str, str, str] = ("", "", "")) -> Iterator[Figure]:
    """Yield what a program costs that is left alone while its run goes on."""
    yield Figure(f"{name}: idle, a value and a line of log a second, of a core", cost.cpu * 100, "%", aims[0])
    yield Figure(
        f"{name}: sent to the terminal a minute meanwhile", cost.bytes_a_minute / 1000, "kB", aims[1]
    )
    yield Figure(f"{name}: memory", cost.memory, "MB", aims[2])


def small() -> Iterator[Figure | str]:
    """Yield the figures of a session like any other."""
    hello = lambda: Terminal(sys.executable, "-c", HELLO)  # noqa: E731
    with live() as session, peers.wandb_run(FEW) as run:
        starts = {
            "Textual's smallest app": (hello, b"PHASES"),
            "gonogo": (lambda: attach(session), b"PHASES"),
        }
        if run:
            starts["wandb leet"] = (lambda: leet(run), b"loss")
        for name, seconds in first_paints(starts).items():
            aim = "<= 0.30" if name == "gonogo" else ""
            yield Figure(f"{name}: start to first paint", seconds, "s", aim)
        with attach(session) as shown:
            yield from idle_figures("gonogo", idle(shown, IDLE_SECONDS), ("<= 1.0", "<= 20", "<= 80"))
        if run:
            with leet(run) as shown:
                yield from idle_figures("wandb leet", idle(shown, IDLE_SECONDS))
        else:
            yield "wandb is not installed: make peers"


def large() -> Iterator[Figure | str]:
    """Yield the figures of a session with much to read."""
    with live(lines=LINES_A_SECOND) as session:
        name = f"gonogo: a key to its screen, {LINES_A_SECOND:,} lines of log a second (95 %)"
        yield Figure(name, key_to_redraw(session) * 1e3, "ms", "<= 50")
    with live(points=MANY) as session, attach(session) as shown:
        yield Figure(
            f"gonogo: start to the whole curve of {MANY:,} values", shown.until(b"300k"), "s", "<= 1.0"
        )
    with live(size=LARGE_LOG) as session:
        with attach(session) as shown:
            first, whole = shown.until(b"PHASES"), shown.until(LAST.encode())
            shown.listen(3.0)
            memory = shown.memory
        yield Figure("gonogo: a log of 1 GB, first paint to its last line", whole - first, "s", "<= 0.3")
        yield Figure("gonogo: memory with it", memory, "MB", "<= 80")
        yield from toolong(next(session.glob("attempts/work/*/output.log")))


def toolong(log: Path) -> Iterator[Figure | str]:
    """Yield what toolong makes of a log."""
    if not peers.installed("tl"):
        yield "toolong is not installed: make peers"
        return
    with Terminal(str(peers.BIN / "tl"), str(log)) as shown:
        yield Figure("toolong: a log of 1 GB, start to its last line", shown.until(LAST.encode()), "s")
        yield Figure("toolong: memory with it", shown.memory, "MB")


def figures() -> Iterator[Figure | str]:
    """Yield all figures."""
    yield from small()
    yield from large()
