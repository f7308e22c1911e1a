"""The time that a new conductor bills for the past, as observed from the files on disk.

The journal has no line for the hours in which a phase trains. A conductor that takes over after a restart of
the container therefore counts with the heartbeats, and with the files that the phase wrote.
"""

import contextlib
import math
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from app.session.heartbeat import Heartbeat
from app.session.journal.state import BilledTime

# Longer than any wait: the session was on another pod.
_ELSEWHERE_SECONDS = 1e9


class Moment(NamedTuple):
    """The present, on the machine of the new conductor; `pod_age` is None outside a pod."""

    wall: float
    mono: float
    boot_id: str
    machine: str
    pod_id: str
    pod_age: float | None


class Observed(NamedTuple):
    """How long the pod has been up with the session, and how long no process of the session was seen."""

    up: float
    away: float


def observe_past(before: BilledTime, last: Heartbeat | None, seen_wall: float, now: Moment) -> Observed:
    """Return what a new conductor counts for the time before it; see `_observe` for the rules."""
    observed = _observe(before, last, seen_wall, now)
    if last is not None and last.pod_id != now.pod_id:
        return observed._replace(away=_ELSEWHERE_SECONDS)
    return observed


def _observe(before: BilledTime, last: Heartbeat | None, seen_wall: float, now: Moment) -> Observed:
    """Return what a new conductor counts for the time before it.

    Within one boot the monotonic clock counts. Across boots the wall clock does, and if it was set back,
    the age of the pod or of the boot. Time in which the pod was off does not count.

    Args:
        before: the time at the last entry of the journal.
        last: the last heartbeat of the session's conductor, if there is one.
        seen_wall: the last time that a file of the session was written, by the wall clock.
        now: the present.
    """
    if last is not None and not (math.isfinite(last.up) and last.up >= before.elapsed):
        last = None  # It is older than the journal, or damaged.
    up = before.elapsed if last is None else last.up
    wall = before.wall if last is None else last.wall
    if before.machine == now.machine:
        # The same container: it has been up all the time.
        up = max(up, before.compute_elapsed(now.mono))
        since = before.mono if last is None or last.boot_id != now.boot_id else last.mono
        gap = max(0.0, now.mono - since)
        return Observed(up, gap - _clamp(seen_wall - wall, gap))
    age = math.inf if now.pod_age is None else now.pod_age
    if last is not None and last.boot_id == now.boot_id:
        gap = max(0.0, now.mono - last.mono)
    else:
        gap = now.wall - wall
        if gap < 0:  # The wall clock was set back.
            since_boot = now.mono if now.pod_age is None else now.pod_age
            return Observed(up + since_boot, since_boot)
    observed = _clamp(seen_wall - wall, gap)
    rest = gap - observed
    is_same_pod = last is not None and last.pod_id != "" and last.pod_id == now.pod_id
    if last is not None and is_same_pod and last.boot_id != now.boot_id and now.pod_age is not None:
        return Observed(up + observed + age, rest)  # The same pod: its container is younger than the gap.
    return Observed(up + observed + min(rest, age), rest)


def _clamp(seconds: float, most: float) -> float:
    return max(0.0, min(seconds, most))


def find_last_write(paths: Iterable[Path]) -> float:
    """Return when the newest of some files was written, by the wall clock, or 0 if there is none."""
    newest = 0.0
    for path in paths:
        with contextlib.suppress(OSError):
            newest = max(newest, path.stat().st_mtime)
    return newest
