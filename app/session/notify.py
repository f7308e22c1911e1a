"""Telling the operator that a gate waits, or that the session is over.

The terminal is told by whoever has one, a viewer; a desktop, chat or phone by the conductor through Apprise,
since it lives when nobody looks.
"""

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.monitor.sanitize import clean_line
from app.session.clock import Clock
from app.session.snapshot import OVER, SessionSnapshot

BELL = b"\a"
_LONGEST = 200
# Terminals that show both kinds of notification need only one.
_TITLED = ("ghostty", "WezTerm", "rio")


@dataclass(frozen=True)
class Message:
    """What is told."""

    title: str
    body: str


def message(session: SessionSnapshot) -> Message | None:
    """Return what to tell the operator now, None where nothing waits for one."""
    return over_message(session) if session.state in OVER else gate_message(session)


def over_message(session: SessionSnapshot) -> Message:
    """Return what to tell of a session that is over: above all what becomes of its pod."""
    pod = "The pod goes on"
    if session.stops_at is not None:
        at = time.strftime("%H:%M", time.localtime(session.stops_at))
        pod += f" and is stopped at {at} unless you keep it: gonogo keep"
    return Message(
        f"gonogo: {session.name} is {session.state}",
        f"{pod}. It costs ${session.money.usd_per_hour:.2f} an hour; "
        f"spent ${session.money.spent_usd:.2f} of ${session.money.budget_usd:.2f}.",
    )


def gate_message(session: SessionSnapshot) -> Message | None:
    """Return what to tell of the open gate, or None if none is open."""
    gate = session.gate
    if gate is None:
        return None
    phase = session.phase(gate.phase)
    found = f"{phase.headline}. " if phase.headline else ""
    return Message(
        f"gonogo: {phase.title} waits for you",
        f"{session.name}: verdict {gate.verdict}. {found}"
        f"Waiting costs ${session.money.usd_per_hour:.2f} an hour; "
        f"spent ${session.money.spent_usd:.2f} of ${session.money.budget_usd:.2f}.",
    )


def terminal(message: Message, environment: Mapping[str, str]) -> bytes:
    """Return what makes the terminal ring and, if it can, show the message (OSC 9, OSC 777).

    In tmux the sequences are passed through to the terminal around it, which `allow-passthrough` must allow;
    tmux handles the bell itself.
    """
    title, body = _plain(message.title), _plain(message.body)
    program = environment.get("TERM_PROGRAM", "")
    titled = f"\x1b]777;notify;{title};{body}\a".encode()
    sequences = [titled] if program in _TITLED else [f"\x1b]9;{title}: {body}\a".encode(), titled]
    if environment.get("TMUX"):
        sequences = [b"\x1bPtmux;" + s.replace(b"\x1b", b"\x1b\x1b") + b"\x1b\\" for s in sequences]
    return BELL + b"".join(sequences)


def _plain(text: str) -> str:
    """Return a text that cannot end, or be taken for a part of, the sequence that it is put into."""
    return clean_line(text.replace("\n", " "))[:_LONGEST].replace(";", ",")


def next_due(opened: float, sent: float | None, now: float, every: float) -> float:
    """Return when the operator is to be told of a gate: when it opens, then at intervals.

    Intervals that nobody was there to keep are not made up for, and a clock that was set back delays by one
    interval at most. All are seconds of one clock.

    Args:
        opened: when the gate opened.
        sent: when its operator was last told, None if never.
        now: the present.
        every: the interval.
    """
    return opened if sent is None else min(sent, now) + every


class Reminders:
    """Says when the operator is to be told of the gate that is open, or of the session's end."""

    def __init__(self, clock: Clock, every: float) -> None:
        self._clock = clock
        self._every = every
        self._waiting: tuple[str, int] | None = None
        self._opened = 0.0
        self._sent: float | None = None

    def due(self, session: SessionSnapshot) -> bool:
        """Say whether the operator is to be told now; that counts as told."""
        now = self._clock.mono()
        gate = session.gate
        waiting = (gate.phase, gate.attempt) if gate else ("", 0) if session.state in OVER else None
        if waiting != self._waiting:
            self._waiting, self._opened, self._sent = waiting, now, None
        if waiting is None or next_due(self._opened, self._sent, now, self._every) > now:
            return False
        self._sent = now
        return True


def send(names: Sequence[str], environment: Mapping[str, str], message: Message) -> tuple[str, ...]:
    """Send through the Apprise URLs that environment variables hold; return what went wrong, by variable.

    This waits for the network. No URL is ever shown: it holds keys.
    """
    if not names:
        return ()
    try:
        import apprise
    except ImportError:
        return ("notifications need Apprise: pip install 'gonogo[notify]'",)
    log = logging.getLogger("apprise")  # it would write URLs to stderr
    log.addHandler(logging.NullHandler())
    log.propagate = False
    problems = []
    for name in names:
        url = environment.get(name, "").strip()
        channel = apprise.Apprise()
        if not url:
            problems.append(f"{name} is not set: no notification through it")
        elif not channel.add(url):
            problems.append(f"{name} holds no URL that Apprise knows: no notification through it")
        elif not channel.notify(title=_plain(message.title), body=_plain(message.body)):
            problems.append(f"the notification through {name} could not be delivered")
    return tuple(problems)
