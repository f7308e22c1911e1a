"""Notifications of an open gate or the session's end, which the conductor sends with Apprise."""

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.monitor.sanitize import clean_line
from app.session.clock import Clock
from app.session.snapshot import OVER, SessionSnapshot
from app.units import format_usd, format_usd_short

_LONGEST = 200


@dataclass(frozen=True)
class Notification:
    """A title and a body of plain text."""

    title: str
    body: str


def build_notification(session: SessionSnapshot) -> Notification | None:
    """Return the notification that is due for this state of the session, or None."""
    if session.state in OVER:
        return _build_end_notification(session)
    return _build_gate_notification(session) if session.gate else None


def _build_end_notification(session: SessionSnapshot) -> Notification:
    pod = "The pod keeps running"
    if session.stops_at is not None:
        at = time.strftime("%H:%M", time.localtime(session.stops_at))
        pod += f" and will be stopped at {at}; to keep it, run `gonogo keep`"
    return Notification(
        f"gonogo: {session.name} is {session.state}",
        f"{pod}. It costs {format_usd(session.money.usd_per_hour)} an hour; {_format_spent(session)}.",
    )


def _build_gate_notification(session: SessionSnapshot) -> Notification | None:
    gate = session.gate
    assert gate is not None
    phase = session.find_phase(gate.phase)
    headline = f"{phase.headline}. " if phase.headline else ""
    return Notification(
        f"gonogo: {phase.title} waits for your decision",
        f"{session.name}: verdict {gate.verdict}. {headline}"
        f"Waiting costs {format_usd(session.money.usd_per_hour)} an hour; {_format_spent(session)}.",
    )


def _format_spent(session: SessionSnapshot) -> str:
    return f"spent {format_usd(session.money.spent_usd)} of {format_usd_short(session.money.budget_usd)}"


def find_next_due(opened: float, sent_at: float | None, now: float, every: float) -> float:
    """Return when the next notification is due: at once when a gate opens, then at intervals.

    Missed intervals are not made up for, and a clock that was set back delays by one interval at most.

    Args:
        opened: when the gate opened.
        sent_at: when the last notification was sent, None if none was.
        now: the present.
        every: the interval. All are seconds of one clock.
    """
    return opened if sent_at is None else min(sent_at, now) + every


class Reminders:
    """Decides when to notify the operator of the open gate, or of the session's end."""

    def __init__(self, clock: Clock, every: float) -> None:
        self._clock = clock
        self._every = every
        self._subject: tuple[str, int] | None = None
        self._since = 0.0
        self._sent_at: float | None = None

    def take_due(self, session: SessionSnapshot) -> bool:
        """Return whether a notification is due, and count it as sent if it is."""
        now = self._clock.mono()
        subject = _find_subject(session)
        if subject != self._subject:
            self._subject = subject
            self._since = now
            self._sent_at = None
        if subject is None or find_next_due(self._since, self._sent_at, now, self._every) > now:
            return False
        self._sent_at = now
        return True


def _find_subject(session: SessionSnapshot) -> tuple[str, int] | None:
    if session.gate:
        return session.gate.phase, session.gate.attempt
    return ("", 0) if session.state in OVER else None


def send_notification(
    names: Sequence[str], environment: Mapping[str, str], notification: Notification
) -> tuple[str, ...]:
    """Send through the Apprise URLs in the named variables, and return one message for each failure.

    This blocks on the network. URLs contain keys, so no message shows one.
    """
    if not names:
        return ()
    try:
        import apprise  # Optional dependency.
    except ImportError:
        return ("notifications need Apprise; install it with pip install 'gonogo[notify]'",)
    log = logging.getLogger("apprise")  # Its default handler would write URLs to stderr.
    log.addHandler(logging.NullHandler())
    log.propagate = False
    title, body = _to_plain_line(notification.title), _to_plain_line(notification.body)
    problems = []
    for name in names:
        url = environment.get(name, "").strip()
        channel = apprise.Apprise()
        if not url:
            problems.append(f"{name} is not set, so it cannot be notified")
        elif not channel.add(url):
            problems.append(f"{name} is not a URL that Apprise supports")
        elif not channel.notify(title=title, body=body):
            problems.append(f"the notification through {name} could not be delivered")
    return tuple(problems)


def _to_plain_line(text: str) -> str:
    """Return printable text on one line that cannot start or end an escape sequence."""
    return clean_line(text.replace("\n", " "))[:_LONGEST].replace(";", ",")
