"""A session without a screen: plain lines as things happen; gates wait for `gonogo decide`."""

import threading
from collections.abc import Callable, Iterator

from app.monitor.sanitize import clean_line as clean
from app.session import status_text
from app.session.client import Refused, SessionClient
from app.session.requests import Decide
from app.session.snapshot import OVER, GateView, SessionSnapshot

FINISHED, STOPPED, STOPPED_BY_VERDICT = 0, 1, 3
BY_VERDICT = "verdict"
_PROGRESS_EVERY = 30.0


class Narrator:
    """Says in lines what changed since the session was last looked at."""

    def __init__(self, progress_every: float = _PROGRESS_EVERY) -> None:
        self._every = progress_every
        self._before: SessionSnapshot | None = None
        self._said = 0.0
        self._stalled = False

    def lines(self, session: SessionSnapshot) -> Iterator[str]:
        """Yield what there is to say now."""
        before, self._before = self._before, session
        if before is None:
            yield status_text.title(session)
        yield from (n for n in session.notices if before is None or n not in before.notices)
        for decision in session.decisions[len(before.decisions) if before else 0 :]:
            reason = f", because: {clean(decision.reason)}" if decision.reason else ""
            yield f"decided by {clean(decision.by)}: {decision.kind} for {decision.phase}{reason}"
        for index, phase in enumerate(session.phases):
            was = before.phases[index] if before else None
            if len(phase.attempts) > (len(was.attempts) if was else 0) and phase.state == "running":
                attempt = phase.attempts[-1]
                changed = ", ".join(
                    f"{k}={status_text.value(new)}" for k, (_, new) in attempt.changed.items()
                )
                with_changes = f" with {changed}" if changed else ""
                yield f"{clean(phase.title)}: attempt {attempt.number} started{with_changes}"
                self._said = session.now
            if phase.state in ("done", "failed", "skipped") and (was is None or was.state != phase.state):
                verdict = f", verdict {phase.verdict}" if phase.verdict else ""
                headline = f": {clean(phase.headline)}" if phase.headline else ""
                took = status_text.duration(phase.elapsed)
                yield f"{clean(phase.title)}: {phase.state} in {took}{verdict}{headline}"
        if session.gate is not None and (before is None or before.gate is None):
            yield from status_text.gate(session, session.gate)
        current = session.current
        if current is not None and current.state in ("running", "stopping"):
            if session.now - self._said >= self._every or (current.stalled and not self._stalled):
                yield status_text.progress(current, session.now)
                self._said = session.now
            self._stalled = current.stalled


def follow(client: SessionClient, say: Callable[[str], None], *, decide_by_verdict: bool = False) -> int:
    """Say what happens until the session is over; return 0 only if it finished.

    With `decide_by_verdict` a gate is decided by its verdict, and recorded so: go goes on, anything else
    stops the session and returns 3. A gate that a person asked for waits for a person.
    """
    narrator = Narrator()
    for session in client.watch(threading.Event()):
        for line in narrator.lines(session):
            say(status_text.stamped(line, session.now))
        if session.state in OVER:
            for line in (f"session {session.state}: {status_text.money(session)}", *status_text.pod(session)):
                say(status_text.stamped(line, session.now))
            if session.state == "finished":
                return FINISHED
            return STOPPED_BY_VERDICT if stopped_by_verdict(session) else STOPPED
        if decide_by_verdict and session.gate is not None and session.gate.because != "hold":
            _decide(client, session.gate, say)
    return STOPPED


def stopped_by_verdict(session: SessionSnapshot) -> bool:
    """Say whether it was a verdict, and no person, that stopped the session."""
    last = session.decisions[-1] if session.decisions else None
    return last is not None and last.kind == "stop" and last.by == BY_VERDICT


def _decide(client: SessionClient, gate: GateView, say: Callable[[str], None]) -> None:
    go = gate.verdict == "go"
    reason = "" if go else f"the verdict is {gate.verdict}, and --decide-by-verdict goes on only on go"
    try:
        client.send(
            Decide(
                phase=gate.phase,
                attempt=gate.attempt,
                kind="go" if go else "stop",
                by=BY_VERDICT,
                reason=reason,
            )
        )
    except Refused as refused:
        say(f"gate of {gate.phase}: {refused}")
