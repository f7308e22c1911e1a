"""What the session engine costs: a journal append, rejoining a long session, running a phase under gonogo."""

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from app.plan.load import load_plan
from app.session import events, journal, launch
from app.session.client import SessionClient
from app.session.clock import SystemClock
from app.session.state import fold
from benchmarks.figures import Figure

EVENTS = 10_000
APPENDS = 500
REPEATS = 5
WORK = "n = 0\nfor i in range(60_000_000): n += i\n"

PLAN = f"""
[session]
name = "Benchmark"
model = "none"
budget_usd = 1.0

[pod]
gpu = "none"
usd_per_hour = 0.0

[[phase]]
id = "work"
title = "Work"
command = ["{sys.executable}", "work.py"]
estimate = {{ hours = [0.01, 0.02] }}
gate = {{ ask = "never" }}
"""


def figures() -> list[Figure]:
    """Measure them all."""
    return [_append(), _rejoin(), _slowdown()]


def _started() -> events.SessionStarted:
    return events.SessionStarted(
        id="bench",
        plan_sha256="0" * 64,
        profile="",
        seed=0,
        phases=["work"],
        approved="benchmark",
        usd_per_hour=0.0,
        budget_usd=0.0,
    )


def _append() -> Figure:
    with tempfile.TemporaryDirectory(dir=Path()) as folder:
        book = journal.Journal(Path(folder) / "journal.jsonl", SystemClock())
        book.append(_started())
        times = []
        for number in range(APPENDS):
            began = time.perf_counter()
            book.append(events.Noticed(text=f"notice {number}"))
            times.append(time.perf_counter() - began)
        book.close()
    return Figure(
        "journal append, on the disk when it returns (median)", statistics.median(times) * 1e3, "ms"
    )


def _rejoin() -> Figure:
    with tempfile.TemporaryDirectory(dir=Path()) as folder:
        path = Path(folder) / "journal.jsonl"
        book = journal.Journal(path, SystemClock(), sync=lambda handle: None)
        book.append(_started())
        for number in range(EVENTS):
            book.append(events.Noticed(text=f"notice {number}"))
        book.close()
        began = time.perf_counter()
        fold(journal.read(path).entries)
        took = time.perf_counter() - began
    return Figure(f"rejoin a session of {EVENTS:,} events: read, check and fold", took * 1e3, "ms")


def _slowdown() -> Figure:
    """Return by how much a CPU-bound phase is slower under gonogo, by its own CPU clock and wall clock."""
    alone, under = [], []
    for _ in range(REPEATS):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            timed = (
                f"import time\nbegan = time.perf_counter()\n{WORK}"
                "open('took', 'w').write(str(time.perf_counter() - began))\n"
            )
            (folder / "work.py").write_text(timed)
            (folder / "session_plan.toml").write_text(PLAN)
            subprocess.run([sys.executable, "work.py"], cwd=folder, check=True)
            alone.append(float((folder / "took").read_text()))
            session = launch.open_session(load_plan(folder / "session_plan.toml"), approved="benchmark")
            launch.ensure_conductor(session)
            client = SessionClient(session)
            while client.snapshot().state not in ("finished", "stopped"):
                time.sleep(0.5)
            under.append(float((folder / "took").read_text()))
    share = statistics.median(under) / statistics.median(alone) - 1
    return Figure("slowdown of a CPU-bound phase under gonogo (medians)", share * 100, "%", "below 0.5")
