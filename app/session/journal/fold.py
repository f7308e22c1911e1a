"""The fold of a journal: its entries give the state of the session."""

from collections import deque
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

from msgspec.structs import replace

from app.session.journal import events
from app.session.journal.journal import Entry, Replay, read_journal
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


def recover(replay: Replay) -> tuple[State, str]:
    """Return the state up to the first damaged or invalid entry, and a message about that entry."""
    state, problem = _fold_valid(replay.entries, State())
    if problem is not None:
        entry, error = problem
        return state, f"line {entry.seq} of the journal: {error}"
    return state, replay.damage


def recover_file(path: Path) -> tuple[State, str]:
    """Return what `recover` gives for a journal; a file that has not changed is not read again.

    Raises:
        OSError: the journal cannot be read.
    """
    version = _read_version(path)
    remembered = _remembered.get(path)
    if remembered is not None and remembered[0] == version:
        return remembered[1]
    recovered = recover(read_journal(path))
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
    for is_minor, run in groupby(entries, lambda entry: isinstance(entry.event, MINOR_EVENTS)):
        if is_minor and state.started is not None and state.ended is None:
            state = _apply_minor_events(state, run, keys)
            continue
        state, problem = _apply_until_invalid(state, run)
        if problem is not None:
            break
    return replace(state, notice_keys=state.notice_keys | keys) if keys else state, problem


def _apply_until_invalid(
    state: State, entries: Iterable[Entry]
) -> tuple[State, tuple[Entry, InvalidEventError] | None]:
    for entry in entries:
        try:
            state = apply(state, entry)
        except InvalidEventError as error:
            return state, (entry, error)
    return state, None


def _apply_minor_events(state: State, entries: Iterable[Entry], keys: set[str]) -> State:
    """Return the state after several minor events, as `apply` gives it; add the keys of notices to `keys`."""
    mono, elapsed = state.pod_time.mono, state.pod_time.elapsed
    hold, provider, provider_at = state.hold, state.provider, state.provider_at
    texts: deque[str] = deque(state.notices, MAX_NOTICES)
    entry = None
    for entry in entries:
        elapsed += max(0.0, entry.mono - mono)
        mono = entry.mono
        match entry.event:
            case events.NoticePosted(text=text, key=key):
                texts.append(text)
                if key:
                    keys.add(key)
            case events.HoldSet(on=on):
                hold = on
            case events.ProviderBillRead() as bill:
                provider, provider_at = bill, entry.wall
    if entry is None:
        return state
    time = BilledTime(state.pod_time.machine, entry.wall, mono, elapsed)
    return replace(
        state,
        time=time,
        pod_time=time,
        epoch=entry.epoch,
        hold=hold,
        provider=provider,
        provider_at=provider_at,
        notices=tuple(texts),
    )
