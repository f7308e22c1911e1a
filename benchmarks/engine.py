"""The cost of the session engine: journal appends, rejoining a long session, the slowdown of a phase."""

import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil

from app.plan.read import load_plan
from app.plan.schema import Plan
from app.session import start
from app.session.client import SessionClient
from app.session.clock import SystemClock
from app.session.folder import SessionFolder
from app.session.journal import events, journal
from app.session.journal.fold import fold
from app.session.requests import StopSession
from benchmarks.figures import Figure

EVENTS = 10_000
ATTEMPTS = 200
APPENDS = 500
STATUS_EVENTS = 200_000
STATUS_RUNS = 5
PAIRS = 40
INTERVAL_SECONDS = 2.0
# The phase appends one byte for each unit of work, unbuffered, so that the file's size counts the units.
COUNTING_PROGRAM = """
with open("counts", "ab", buffering=0) as counts:
    while True:
        n = 0
        for i in range(20_000):
            n += i
        counts.write(b".")
"""

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


def measure() -> Iterator[Figure]:
    """Yield all figures."""
    yield _time_append()
    yield from _time_rejoin()
    yield from _time_status()
    yield from _measure_slowdown()


def _time_append() -> Figure:
    with tempfile.TemporaryDirectory(dir=Path()) as folder:
        writer = journal.Journal(Path(folder) / "journal.jsonl", SystemClock())
        writer.append(_make_session_start())
        times = []
        for number in range(APPENDS):
            started = time.perf_counter()
            writer.append(events.NoticePosted(text=f"notice {number}"))
            times.append(time.perf_counter() - started)
        writer.close()
    return Figure("journal append, on disk when it returns (median)", statistics.median(times) * 1e3, "ms")


def _make_session_start() -> events.SessionStarted:
    return events.SessionStarted(
        id="bench",
        plan_sha256="0" * 64,
        profile="",
        seed=0,
        phases=["work"],
        approved="benchmark",
        usd_per_hour=0.0,
        budget_usd=1.0,
    )


def _generate_long_session(number_of_events: int) -> Iterator[events.AnyEvent]:
    """Yield events: one phase with many retries, notices in between, and an open gate at the end."""
    yield _make_session_start()
    events_per_attempt = number_of_events // ATTEMPTS
    for number in range(1, ATTEMPTS + 1):
        yield events.AttemptStarted(phase="work", attempt=number, parameters={"size": 1}, cookie=f"{number}")
        yield from (
            events.NoticePosted(text=f"notice {n} of attempt {number}") for n in range(events_per_attempt - 4)
        )
        yield events.AttemptEnded(
            phase="work", attempt=number, ended=0.0, seconds=1.0, reason="exited", code=0
        )
        yield events.AttemptAssessed(
            phase="work", attempt=number, verdict="go", gate="plan", metrics={"loss": 1 / number}
        )
        if number < ATTEMPTS:
            yield events.GateDecided(
                phase="work", attempt=number, kind="retry", by="benchmark", verdict="go", overrides=False
            )


def _time_rejoin() -> Iterator[Figure]:
    """Yield the time to read a long journal, and the time until a new conductor answers a client."""
    with tempfile.TemporaryDirectory(dir=Path()) as name:
        plan = _write_plan(Path(name), "pass\n")
        session = start.open_session(plan, approved="benchmark", register=False)
        path = SessionFolder(session).journal
        writer = journal.Journal(path, SystemClock(), sync=lambda handle: None)
        for event in _generate_long_session(EVENTS):
            writer.append(event)
        writer.close()
        started = time.perf_counter()
        fold(journal.read_journal(path).entries)
        seconds = time.perf_counter() - started
        yield Figure(f"read, verify and fold a journal of {EVENTS:,} events", seconds * 1e3, "ms")
        client = SessionClient(session)
        started = time.perf_counter()
        start.ensure_conductor(session)
        client.read_snapshot()
        seconds = time.perf_counter() - started
        yield Figure(f"rejoin a session of {EVENTS:,} events: first answer of its conductor", seconds, "s")
        client.send(StopSession(by="benchmark"))
        _wait_for_end(client)


def _time_status() -> Iterator[Figure]:
    """Yield the time of `gonogo status` for a session with a very long journal and without a conductor."""
    with tempfile.TemporaryDirectory(dir=Path()) as name:
        plan = _write_plan(Path(name), "pass\n")
        session = start.open_session(plan, approved="benchmark", register=False)
        writer = journal.Journal(SessionFolder(session).journal, SystemClock(), sync=lambda handle: None)
        for event in _generate_long_session(STATUS_EVENTS):
            writer.append(event)
        writer.close()
        command = [sys.executable, "-P", "-m", "app.cli", "status", "--session", str(session)]
        times = []
        for _ in range(STATUS_RUNS):
            started = time.perf_counter()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            times.append(time.perf_counter() - started)
    name = f"status of a session of {STATUS_EVENTS:,} events (median)"
    yield Figure(name, statistics.median(times), "s", "below 1")


def _write_plan(folder: Path, program: str) -> Plan:
    (folder / "work.py").write_text(program)
    (folder / "session_plan.toml").write_text(PLAN)
    return load_plan(folder / "session_plan.toml")


def _wait_for_end(client: SessionClient) -> None:
    while client.has_conductor():
        time.sleep(0.5)


def _measure_slowdown() -> Iterator[Figure]:
    """Yield the slowdown of a CPU-bound phase by gonogo's processes, and its standard error.

    Two runs of a program differ by far more than this slowdown. The phase therefore runs once, while gonogo's
    processes are stopped and continued in pairs of intervals, in alternating order.
    """
    with tempfile.TemporaryDirectory() as name:
        plan = _write_plan(Path(name), COUNTING_PROGRAM)
        session = start.open_session(plan, approved="benchmark", register=False)
        start.ensure_conductor(session)
        client = SessionClient(session)
        counts = Path(name) / "counts"
        while not (counts.exists() and counts.stat().st_size):
            time.sleep(0.1)
        slowdowns = [_compare_pair(session, counts, stopped_first=pair % 2 == 1) for pair in range(PAIRS)]
        client.send(StopSession(by="benchmark"))
        _wait_for_end(client)
    mean, error = statistics.mean(slowdowns), statistics.stdev(slowdowns) / PAIRS**0.5
    yield Figure(
        f"slowdown of a CPU-bound phase ({PAIRS} pairs of {INTERVAL_SECONDS:g} s)",
        mean * 100,
        "%",
        "below 0.5",
    )
    yield Figure("  its standard error", error * 100, "%")


def _compare_pair(session: Path, counts: Path, *, stopped_first: bool) -> float:
    """Return the relative slowdown of the phase in an interval with gonogo against one without."""
    rates = {}
    for stopped in (stopped_first, not stopped_first):
        processes = _find_processes(session)
        if stopped:
            _signal_all(processes, signal.SIGSTOP)
        try:
            started, first = time.perf_counter(), counts.stat().st_size
            time.sleep(INTERVAL_SECONDS)
            rates[stopped] = (counts.stat().st_size - first) / (time.perf_counter() - started)
        finally:
            _signal_all(processes, signal.SIGCONT)
    return 1 - rates[False] / rates[True]


def _find_processes(session: Path) -> list[psutil.Process]:
    """Return the conductor, guard and shim of a session."""
    return [p for p in psutil.process_iter(["cmdline"]) if str(session) in " ".join(p.info["cmdline"] or ())]


def _signal_all(processes: list[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(number)
