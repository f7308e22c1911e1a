"""The invariants of a disturbed session: work, attempts, gates, money and orders to stop the pod."""

import json
import time
from collections import Counter
from pathlib import Path

from app.session.journal import events, journal
from app.session.journal.state import State, apply
from app.session.snapshot import SessionSnapshot
from tests.session.chaos import programs
from tests.session.chaos.session import DisturbedSession, WrongOutcomeError

_END_SECONDS = 60.0
_CLOCK_SECONDS = 0.05


def check_outcome(run: DisturbedSession, session: SessionSnapshot) -> None:
    """Compare the outcome with that of an undisturbed session.

    Raises:
        WrongOutcomeError: something was lost, done twice, not billed or not stopped.
    """
    replay = journal.read_journal(run.folder / "journal.jsonl")
    _expect(not replay.damage and not replay.torn, f"journal {replay.damage}")
    state = State()
    for entry in replay.entries:
        state = apply(state, entry)
    _check_work(run.root, session)
    _check_gates(replay.entries)
    _check_money(run, session, replay.entries)
    _check_stops(run.root, replay.entries)
    ends = time.monotonic() + _END_SECONDS
    while (survivors := run.describe_processes()) and time.monotonic() < ends:
        run.disturber.end_due()
        time.sleep(0.02)
    _expect(not survivors, f"processes left: {survivors}")


def _check_work(root: Path, session: SessionSnapshot) -> None:
    _expect([p.state for p in session.phases] == ["done", "done"], f"phases {session.phases}")
    for phase in session.phases:
        metrics = phase.attempts[-1].metrics
        _expect(metrics == {"rows": programs.ROWS}, f"{phase.id} found {metrics}")
    rows = [json.loads(line)["n"] for line in (root / "rows.jsonl").read_text().splitlines()]
    _expect(rows == list(range(programs.ROWS)), f"rows {rows}")
    _expect(not (root / programs.VIOLATIONS).exists(), "an attempt ran twice at the same time")
    starts = Counter((root / programs.STARTS).read_text().split("\n")[:-1])
    repeated = [attempt for attempt, times in starts.items() if times > 1]
    _expect(not repeated, f"attempts that ran twice: {repeated}")


def _check_gates(entries: tuple[journal.Entry, ...]) -> None:
    decisions = [entry.event for entry in entries if isinstance(entry.event, events.GateDecided)]
    _expect({decision.by for decision in decisions} == {"chaos"}, f"decided by another: {decisions}")
    passed = [decision.phase for decision in decisions if decision.kind == "go"]
    _expect(passed.count("work") == 1, f"the gate of work was passed {passed.count('work')} times")
    attempts = [
        (entry.event.phase, entry.event.attempt)
        for entry in entries
        if isinstance(entry.event, events.AttemptAssessed)
    ]
    _expect(len(attempts) == len(set(attempts)), f"an attempt was assessed twice: {attempts}")


def _check_money(run: DisturbedSession, session: SessionSnapshot, entries: tuple[journal.Entry, ...]) -> None:
    """Compare the bill, at one dollar per second, with the time that passed."""
    spent = session.money.spent_usd
    first = next(entry for entry in entries if isinstance(entry.event, events.ConductorStarted))
    end = next(entry for entry in entries if isinstance(entry.event, events.SessionEnded))
    assert isinstance(first.event, events.ConductorStarted)
    age = first.event.pod_age or 0.0
    unseen = [seconds for at, seconds in run.disturber.restarts.items() if at <= end.wall]
    if not unseen:
        duration = age + end.mono - first.mono
        _expect(abs(duration - spent) < 0.01, f"{duration} s, billed {spent}")
        counted = sum(p.elapsed for p in session.phases) + session.money.idle_seconds
        _expect(abs(spent - counted) < 0.01, f"ledger {counted} {session.money}")
        return
    duration = age + end.wall - first.wall
    least = duration - sum(unseen) - _CLOCK_SECONDS * len(unseen)
    _expect(spent >= least, f"billed {spent} of {duration} s; at least {least} were observed")
    _expect(spent <= duration + _CLOCK_SECONDS, f"billed {spent} of {duration} s")


def _check_stops(root: Path, entries: tuple[journal.Entry, ...]) -> None:
    """Check that the pod was never stopped before a gate or the end had waited for `stop_after`."""
    path = root / programs.STOPPED
    times = [float(line) for line in path.read_text().split()] if path.exists() else []
    waits = [
        entry.wall
        for entry in entries
        if isinstance(entry.event, events.SessionEnded)
        or (isinstance(entry.event, events.AttemptAssessed) and entry.event.gate)
    ]
    for at in times:
        began = max((wall for wall in waits if wall <= at), default=None)
        _expect(began is not None, f"the pod was stopped at {at}, before any gate")
        assert began is not None
        _expect(at - began >= programs.STOP_AFTER - 0.1, f"the pod was stopped after {at - began} s")


def _expect(condition: bool, message: str) -> None:
    if not condition:
        raise WrongOutcomeError(message)
