"""A session without screens: one line for each event; gates wait for `gonogo decide`."""

import threading
import time
from collections.abc import Callable, Iterator

from app.monitor.sanitize import clean_line
from app.session import status_text
from app.session.client import SessionClient
from app.session.requests import Decide, Refused
from app.session.snapshot import ENDED_PHASES, OVER, DecisionView, GateView, PhaseView, SessionSnapshot
from app.units import format_duration, format_value

FINISHED, STOPPED, STOPPED_BY_VERDICT = 0, 1, 3
BY_VERDICT = "verdict"
_PROGRESS_EVERY = 30.0
# A guard replaces a dead conductor within seconds.
_REPORT_GONE_AFTER = 10.0


class Narrator:
    """Describes the differences between two snapshots of a session, one line for each."""

    def __init__(
        self, progress_every: float = _PROGRESS_EVERY, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._clock = clock
        self._conductor_gone_since: float | None = None
        self._has_reported_gone = False
        self._progress_every = progress_every
        self._previous: SessionSnapshot | None = None
        self._last_progress = 0.0
        self._was_stalled = False

    def describe_changes(self, session: SessionSnapshot, *, is_conducted: bool = True) -> Iterator[str]:
        """Yield a line for each change since the last snapshot, and one if no conductor runs the session."""
        previous, self._previous = self._previous, session
        if previous is None:
            yield status_text.format_title(session)
        notices = previous.notices if previous else ()
        yield from (notice for notice in session.notices if notice not in notices)
        seen_decisions = len(previous.decisions) if previous else 0
        yield from map(_describe_decision, session.decisions[seen_decisions:])
        for index, phase in enumerate(session.phases):
            yield from self._describe_phase(phase, previous.phases[index] if previous else None, session.now)
        if session.gate is not None and (previous is None or previous.gate is None):
            yield from status_text.format_gate(session, session.gate)
        if session.state not in OVER:
            yield from self._describe_conductor(is_conducted)
        if is_conducted:
            yield from self._describe_progress(session)

    def _describe_conductor(self, is_conducted: bool) -> Iterator[str]:
        """Yield a line when the conductor has been gone for a while, and one when there is one again."""
        now = self._clock()
        if is_conducted:
            if self._has_reported_gone:
                yield "a conductor is running again"
            self._conductor_gone_since, self._has_reported_gone = None, False
            return
        if self._conductor_gone_since is None:
            self._conductor_gone_since = now
        if not self._has_reported_gone and now - self._conductor_gone_since >= _REPORT_GONE_AFTER:
            self._has_reported_gone = True
            yield "No conductor is running, so nothing will stop the pod. Run `gonogo attach`."

    def _describe_phase(self, phase: PhaseView, previous: PhaseView | None, now: float) -> Iterator[str]:
        known_attempts = len(previous.attempts) if previous else 0
        if len(phase.attempts) > known_attempts and phase.state == "running":
            yield _describe_start(phase)
            self._last_progress = now
        has_ended = phase.state in ENDED_PHASES
        if has_ended and (previous is None or previous.state != phase.state):
            yield _describe_end(phase)

    def _describe_progress(self, session: SessionSnapshot) -> Iterator[str]:
        current = session.current
        if current is None or current.state not in ("running", "stopping"):
            return
        is_due = session.now - self._last_progress >= self._progress_every
        if is_due or (current.stalled and not self._was_stalled):
            yield status_text.format_progress(current, session.now)
            self._last_progress = session.now
        self._was_stalled = current.stalled


def _describe_decision(decision: DecisionView) -> str:
    reason = f" (reason: {clean_line(decision.reason)})" if decision.reason else ""
    changes = [
        f"{phase}.{clean_line(name)}={clean_line(format_value(new))}"
        for phase, changed in decision.plan_changes.items()
        for name, (_, new) in changed.items()
    ]
    changes += [f"{phase} left out" for phase in decision.left_out]
    with_changes = f" with {', '.join(changes)}" if changes else ""
    return f"{clean_line(decision.by)} decided {decision.kind} for {decision.phase}{with_changes}{reason}"


def _describe_start(phase: PhaseView) -> str:
    attempt = phase.attempts[-1]
    changes = ", ".join(
        f"{name}={clean_line(format_value(new))}" for name, (_, new) in attempt.changed.items()
    )
    with_changes = f" with {changes}" if changes else ""
    return f"{clean_line(phase.title)}: attempt {attempt.number} started{with_changes}"


def _describe_end(phase: PhaseView) -> str:
    if phase.state == "left_out":
        return f"{clean_line(phase.title)}: left out"
    verdict = f", verdict {phase.verdict}" if phase.verdict else ""
    headline = f": {clean_line(phase.headline)}" if phase.headline else ""
    return f"{clean_line(phase.title)}: {phase.state} in {format_duration(phase.elapsed)}{verdict}{headline}"


def follow(client: SessionClient, write: Callable[[str], None], *, decide_by_verdict: bool = False) -> int:
    """Write a session's events as lines until it has ended, and return the exit status: 0 if it finished.

    With `decide_by_verdict` each gate is decided by its verdict and recorded so: go continues, any other
    verdict stops the session and returns 3. A gate that the operator asked for (`hold`) still waits.
    """
    narrator = Narrator()
    for session in client.watch(threading.Event()):
        lines = list(narrator.describe_changes(session, is_conducted=client.is_conducted))
        if session.state in OVER:
            lines.append(f"session {session.state}: {status_text.format_money(session)}")
            lines += status_text.format_pod_stop(session)
        for line in lines:
            write(status_text.add_time(line, session.now))
        if session.state in OVER:
            return _find_exit_status(session)
        if decide_by_verdict and session.gate is not None and session.gate.because != "hold":
            _decide_by_verdict(client, session.gate, write)
    return STOPPED


def _find_exit_status(session: SessionSnapshot) -> int:
    if session.state == "finished":
        return FINISHED
    return STOPPED_BY_VERDICT if was_stopped_by_verdict(session) else STOPPED


def was_stopped_by_verdict(session: SessionSnapshot) -> bool:
    """Return whether a verdict, and not a person, stopped the session."""
    last = session.decisions[-1] if session.decisions else None
    return last is not None and last.kind == "stop" and last.by == BY_VERDICT


def _decide_by_verdict(client: SessionClient, gate: GateView, write: Callable[[str], None]) -> None:
    is_go = gate.verdict == "go"
    reason = "" if is_go else f"the verdict is {gate.verdict}; --decide-by-verdict continues only on go"
    decision = Decide(
        phase=gate.phase,
        attempt=gate.attempt,
        kind="go" if is_go else "stop",
        by=BY_VERDICT,
        reason=reason,
    )
    try:
        client.send(decision)
    except Refused as refused:
        write(f"gate after {gate.phase}: {refused}")
