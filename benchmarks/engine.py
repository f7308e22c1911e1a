"""What the session engine costs: a journal append, rejoining a long session, running a phase under gonogo."""

import signal
import statistics
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
from app.session.journal.state import fold
from app.session.requests import StopSession
from benchmarks.figures import Figure

EVENTS = 10_000
ATTEMPTS = 200
APPENDS = 500
PAIRS = 40
WHILE = 2.0
# A byte for each piece of work; its file is in memory or in the cache, and never waited for.
COUNTING = """
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


def figures() -> Iterator[Figure]:
    """Measure them all."""
    yield _append()
    yield from _rejoin()
    yield from _slowdown()


def _append() -> Figure:
    with tempfile.TemporaryDirectory(dir=Path()) as folder:
        book = journal.Journal(Path(folder) / "journal.jsonl", SystemClock())
        book.append(_started())
        times = []
        for number in range(APPENDS):
            began = time.perf_counter()
            book.append(events.NoticePosted(text=f"notice {number}"))
            times.append(time.perf_counter() - began)
        book.close()
    return Figure(
        "journal append, on the disk when it returns (median)", statistics.median(times) * 1e3, "ms"
    )


def _started() -> events.SessionStarted:
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


def _long_session() -> Iterator[events.AnyEvent]:
    """Yield 10,000 events: one phase retried again and again with notices between, its last gate open."""
    yield _started()
    each = EVENTS // ATTEMPTS
    for number in range(1, ATTEMPTS + 1):
        yield events.AttemptStarted(phase="work", attempt=number, parameters={"size": 1}, cookie=f"{number}")
        yield from (events.NoticePosted(text=f"notice {n} of attempt {number}") for n in range(each - 4))
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


def _rejoin() -> Iterator[Figure]:
    """Yield the time to read such a journal, and that until a conductor of the session answers a viewer."""
    with tempfile.TemporaryDirectory(dir=Path()) as name:
        plan = _plan(Path(name), "pass\n")
        session = start.open_session(plan, approved="benchmark", register=False)
        path = SessionFolder(session).journal
        book = journal.Journal(path, SystemClock(), sync=lambda handle: None)
        for event in _long_session():
            book.append(event)
        book.close()
        began = time.perf_counter()
        fold(journal.read_journal(path).entries)
        took = time.perf_counter() - began
        yield Figure(f"a journal of {EVENTS:,} events: read, check and fold", took * 1e3, "ms")
        client = SessionClient(session)
        began = time.perf_counter()
        start.ensure_conductor(session)
        client.snapshot()
        took = time.perf_counter() - began
        yield Figure(f"rejoin a session of {EVENTS:,} events: its conductor's first answer", took, "s")
        client.send(StopSession(by="benchmark"))
        _await_end(client)


def _plan(folder: Path, work: str) -> Plan:
    (folder / "work.py").write_text(work)
    (folder / "session_plan.toml").write_text(PLAN)
    return load_plan(folder / "session_plan.toml")


def _await_end(client: SessionClient) -> None:
    while client.has_conductor():
        time.sleep(0.5)


def _slowdown() -> Iterator[Figure]:
    """Yield by how much a CPU-bound phase is slower while gonogo works, and how sure that is.

    Two runs of a program differ by far more than what is looked for. So it is one run, in which all of
    gonogo's processes are stopped for a while and go on for a while, in pairs of either order; what the
    phase got done in each while is compared.
    """
    with tempfile.TemporaryDirectory() as name:
        plan = _plan(Path(name), COUNTING)
        session = start.open_session(plan, approved="benchmark", register=False)
        start.ensure_conductor(session)
        client = SessionClient(session)
        counts = Path(name) / "counts"
        while not (counts.exists() and counts.stat().st_size):
            time.sleep(0.1)
        shares = [_slower(session, counts, stopped_first=bool(pair % 2)) for pair in range(PAIRS)]
        client.send(StopSession(by="benchmark"))
        _await_end(client)
    mean, error = statistics.mean(shares), statistics.stdev(shares) / PAIRS**0.5
    yield Figure(
        f"slowdown of a CPU-bound phase by gonogo's work ({PAIRS} pairs of {WHILE:g} s)",
        mean * 100,
        "%",
        "below 0.5",
    )
    yield Figure("  standard error of it", error * 100, "%")


def _slower(session: Path, counts: Path, *, stopped_first: bool) -> float:
    """Return the share by which the phase got less done in a while with gonogo than in one without."""
    rates = {}
    for stopped in (stopped_first, not stopped_first):
        ours = _gonogo(session)
        if stopped:
            _signal_all(ours, signal.SIGSTOP)
        try:
            began, first = time.perf_counter(), counts.stat().st_size
            time.sleep(WHILE)
            rates[stopped] = (counts.stat().st_size - first) / (time.perf_counter() - began)
        finally:
            _signal_all(ours, signal.SIGCONT)
    return 1 - rates[False] / rates[True]


def _gonogo(session: Path) -> list[psutil.Process]:
    """Return the processes of gonogo that serve a session: conductor, guard and shim."""
    return [p for p in psutil.process_iter(["cmdline"]) if str(session) in " ".join(p.info["cmdline"] or ())]


def _signal_all(processes: list[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(number)
