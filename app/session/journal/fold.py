"""The fold of a journal: its entries give the state of the session."""

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

from msgspec.structs import replace

from app.session.journal import events
from app.session.journal.journal import Entry, JournalReader, Replay
from app.session.journal.state import (
    MAX_NOTICES,
    MINOR_EVENTS,
    BilledTime,
    InvalidEventError,
    State,
    apply,
)

_MAX_REMEMBERED = 32
_remembered: dict[Path, tuple[tuple[int, ...], tuple[State, str]]] = {}


def fold(entries: Iterable[Entry], state: State | None = None) -> State:
    """Return the state after the entries.

    Raises:
        InvalidEventError: an event cannot follow those before it.
    """
    state, problem = _fold_valid(entries, state or State())
    if problem is not None:
        raise problem[1]
    return state


def recover(journal: Replay | JournalReader) -> tuple[State, str]:
    """Return the state up to the first damaged or invalid entry, and a message about that entry."""
    state, problem = _fold_valid(journal.entries, State())
    if problem is not None:
        entry, error = problem
        return state, f"line {entry.seq} of the journal: {error}"
    return state, journal.damage


def recover_file(path: Path) -> tuple[State, str]:
    """Return what `recover` gives for a journal; a file that has not changed is not read again.

    Raises:
        OSError: the journal cannot be read.
    """
    version = _read_version(path)
    remembered = _remembered.get(path)
    if remembered is not None and remembered[0] == version:
        return remembered[1]
    recovered = recover(JournalReader(path))
    if len(_remembered) >= _MAX_REMEMBERED:
        _remembered.clear()
    _remembered[path] = (version, recovered)
    return recovered


def _read_version(path: Path) -> tuple[int, ...]:
    status = path.stat()
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _fold_valid(
    entries: Iterable[Entry], state: State
) -> tuple[State, tuple[Entry, InvalidEventError] | None]:
    """Return the state up to the first invalid entry, and that entry with its error.

    Most entries of a long journal are minor events, which are applied together: an update of the state for
    each of them would copy all that it holds.
    """
    keys: set[str] = set()
    problem = None
    remaining = iter(entries)
    entry = next(remaining, None)
    while entry is not None:
        if isinstance(entry.event, MINOR_EVENTS) and state.started is not None and state.ended is None:
            state, entry = _apply_minor_events(state, entry, remaining, keys)
            continue
        try:
            state = apply(state, entry)
        except InvalidEventError as error:
            problem = (entry, error)
            break
        entry = next(remaining, None)
    return replace(state, notice_keys=state.notice_keys | keys) if keys else state, problem


def _apply_minor_events(
    state: State, first: Entry, remaining: Iterator[Entry], keys: set[str]
) -> tuple[State, Entry | None]:
    """Return the state after several minor events, as `apply` gives it, and the first entry of another kind.

    The keys of notices are added to `keys`.
    """
    mono, elapsed = state.pod_time.mono, state.pod_time.elapsed
    hold, provider, provider_at = state.hold, state.provider, state.provider_at
    texts: deque[str] = deque(state.notices, MAX_NOTICES)
    last, following = first, None
    for entry in chain((first,), remaining):
        event = entry.event
        if isinstance(event, events.NoticePosted):
            texts.append(event.text)
            if event.key:
                keys.add(event.key)
        elif isinstance(event, events.HoldSet):
            hold = event.on
        elif isinstance(event, events.ProviderBillRead):
            provider, provider_at = event, entry.wall
        else:
            following = entry
            break
        if entry.mono > mono:
            elapsed += entry.mono - mono
        mono = entry.mono
        last = entry
    time = BilledTime(state.pod_time.machine, last.wall, mono, elapsed)
    state = replace(
        state,
        time=time,
        pod_time=time,
        epoch=last.epoch,
        hold=hold,
        provider=provider,
        provider_at=provider_at,
        notices=tuple(texts),
    )
    return state, following
