"""Recorded sessions at any of their moments: what real sessions of the embedded model left.

`rehearsal` is a complete rehearsal; `trial` is one SFT training with a rate that is too high. A recording
holds plan, journal, what phases reported, their logs, samples of the machine, and files that screens read.
A moment is made by leaving out what came later.
"""

import json
import re
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import msgspec
from msgspec.structs import replace

from app.monitor.progress import read_progress
from app.monitor.tails import MachineTail
from app.plan.schema import Plan
from app.session import projection
from app.session.client import SessionClient
from app.session.folder import SessionFolder
from app.session.journal import journal
from app.session.journal.fold import fold
from app.tui.feed import SessionFeed
from widgets.frame import Frame

RECORDINGS: Final = Path(__file__).parents[1] / "fixtures" / "recordings"
_LOG_TIME: Final = re.compile(rb"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}")


class Recording:
    """A recorded session in a separate folder, which `show` cuts to ever earlier moments."""

    def __init__(self, name: str, root: Path) -> None:
        with tarfile.open(RECORDINGS / f"{name}.tar.gz") as archive:
            archive.extractall(root, filter="data")
        [about] = root.glob("artifacts/**/sessions/*/session.json")
        self._root = root
        self._folder = SessionFolder(about.parent)
        self._plan = Plan.model_validate_json(self._folder.read_plan())
        self.entries = journal.read_journal(self._folder.journal).entries

    def find(self, kind: str, phase: str, attempt: int = 1) -> float:
        """Return when an event of an attempt was recorded, in seconds since the epoch."""
        for entry in self.entries:
            event = msgspec.to_builtins(entry.event)
            if (type(entry.event).__name__, event.get("phase"), event.get("attempt")) == (
                kind,
                phase,
                attempt,
            ):
                return entry.wall
        raise LookupError(f"{kind} of {phase} {attempt} is not in the recording")

    @property
    def end(self) -> float:
        """When the session ended."""
        return self.entries[-1].wall

    def show(self, moment: float) -> Frame:
        """Return the frame of a moment; each call needs an earlier moment than the one before."""
        for attempt in self._folder.path.glob("attempts/*/*"):
            for name in ("progress.jsonl", "machine.jsonl"):
                _cut_file(attempt / name, lambda line: float(json.loads(line)["time"]) <= moment)
            _cut_file(attempt / "output.log", lambda line: _is_logged_before(line, moment))
        entries = [entry for entry in self.entries if entry.wall <= moment]
        state = fold(entries)
        running = next((record for record in state.phases if record.status == "running"), None)
        live = projection.Live()
        if running is not None and running.last is not None:
            attempt = self._folder.path / "attempts" / running.id / str(len(running.attempts))
            progress = read_progress(attempt / "progress.jsonl")
            samples = MachineTail(attempt / "machine.jsonl").poll()
            live = projection.Live(
                progress=progress.progress,
                values={name: builder.series().last for name, builder in progress.series.items()},
                machine=samples[-1] if samples else None,
            )
        mono = entries[-1].mono + moment - entries[-1].wall
        shown = projection.project_session(self._folder.path, self._plan, state, live, moment, mono)
        here = replace(shown, plan_folder=str(self._root), artifacts=str(self._root / "artifacts"))
        feed = SessionFeed(SessionClient(self._folder.path), clock=lambda: moment)
        for _ in range(len(state.phases) + 4):  # Each frame reads a bounded amount.
            frame = feed.make_frame(here)
        folder = f"{shown.artifacts}/sessions/{shown.id}"  # Where it was recorded, not where it is extracted.
        shown = replace(shown, folder=folder)
        return replace(frame, snapshot=shown, disconnected="")


@contextmanager
def open_recording(name: str) -> Iterator[Recording]:
    """Yield a recording, extracted to a temporary folder."""
    with TemporaryDirectory() as folder:
        yield Recording(name, Path(folder))


def _cut_file(path: Path, is_before: Callable[[bytes], bool | None]) -> None:
    """Remove the first line that is too late, and those after it."""
    if not path.exists():
        return
    lines = path.read_bytes().splitlines(keepends=True)
    late = next((i for i, line in enumerate(lines) if is_before(line) is False), len(lines))
    path.write_bytes(b"".join(lines[:late]))


def _is_logged_before(line: bytes, moment: float) -> bool | None:
    """Return whether a line of a log was written before a moment; None if it has no time."""
    match = _LOG_TIME.match(line)
    if match is None:
        return None
    return (
        datetime.strptime(match[0].decode(), "%Y-%m-%d %H:%M:%S,%f").replace(tzinfo=UTC).timestamp() <= moment
    )
