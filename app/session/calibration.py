"""Hours of a plan's phases as measured by earlier sessions on the same kind of machine.

The time of an attempt has three parts: before the first unit of work (row, prompt or step), the units, and
after the last. Only the units scale with the work that the parameters ask for, as declared in the phase's
spec. Their pace ranges from that of the fastest quarter to that of the slowest. An attempt counts only if it
ran the same program with the same model.
"""

import itertools
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import msgspec

from app.monitor.machine_sample import MachineSample
from app.monitor.progress import iterate_lines
from app.plan.estimates import MeasuredHours
from app.plan.schema import Phase, Plan
from app.plan.values import Range
from app.plan.work import IRRELEVANT, SELECT_WORK, compare_parameter, count_planned_rows, find_work
from app.session import registry
from app.session.folder import SessionFolder
from app.session.journal import journal
from app.session.journal.events import Parameter
from app.session.journal.state import AttemptRecord, State
from phases.contract.files import open_regular_file
from phases.contract.phase_spec import load_spec
from phases.contract.protocol import Progress

_HOUR = 3600.0
_PARTS = 4
_MIN_POINTS = 3


@dataclass(frozen=True)
class _PastSession:
    folder: Path
    plan: Plan
    state: State

    def find_success(self, phase: Phase) -> AttemptRecord | None:
        """Return the last successful attempt of a phase if it ran the same program with the same model."""
        record = next((record for record in self.state.phases if record.id == phase.id), None)
        if record is None:
            return None
        past = self.plan.find_phase(record.id)
        if (past.run, past.command) != (phase.run, phase.command):
            return None
        successes = [
            each
            for each in record.attempts
            if each.end and each.end.reason == "exited" and each.end.code == 0
        ]
        return successes[-1] if successes else None

    def count_delivered_rows(self, run: str) -> float | None:
        """Return the rows that a built-in phase delivered."""
        records = [record for record in self.state.phases if self.plan.find_phase(record.id).run == run]
        value = records[0].metrics.get(load_spec(run).work.delivered_rows) if records else None
        return float(value) if isinstance(value, int | float) else None


class _Scale(NamedTuple):
    """The work that a plan asks for, as a multiple of a past attempt's work.

    Attributes:
        least: lower end for the units.
        most: upper end for the units.
        rows: for the work that is done once for each row, before the units.
    """

    least: float
    most: float
    rows: float = 1.0


def identify_machine_kind(gpus: Iterable[str], cores: int | None = None) -> str:
    """Return the kind of a machine, its GPUs or else its cores; comparable sessions have the same kind."""
    names = ", ".join(sorted(gpus))
    return names or f"no GPU, {cores or os.cpu_count()} cores"


def calibrate(plan: Plan, machine: str, sessions: Iterable[Path] | None = None) -> dict[str, MeasuredHours]:
    """Return the measured hours of a plan's phases, by phase id; the newest session that measured one counts.

    Args:
        plan: the plan.
        machine: the kind of machine, as `identify_machine_kind` returns it.
        sessions: the sessions' folders, oldest first; by default those of the plan's folder.
    """
    measured: dict[str, MeasuredHours] = {}
    for folder in reversed(list(registry.list_sessions(plan.folder) if sessions is None else sessions)):
        past = _read_session(folder)
        if past is None or _read_machine_kind(folder) != machine:
            continue
        for phase in plan.phases:
            if phase.id not in measured and (hours := _measure_phase(plan, phase, past)):
                measured[phase.id] = hours
    return measured


def _read_session(folder: Path) -> _PastSession | None:
    try:
        plan = Plan.model_validate_json(SessionFolder(folder).read_plan())
        return _PastSession(folder, plan, registry.read_state(folder))
    except (OSError, ValueError, journal.JournalError):
        return None


def _measure_phase(plan: Plan, phase: Phase, past: _PastSession) -> MeasuredHours | None:
    attempt = past.find_success(phase)
    if attempt is None:
        return None
    needs_model = phase.run is not None and find_work(phase).depends_on_model
    if needs_model and past.plan.session.model != plan.session.model:
        return None
    old, new = attempt.spec.parameters, phase.params
    changed = [name for name in {**old, **new} if old.get(name) != new.get(name)]
    if any(name in SELECT_WORK for name in changed) or (phase.command and changed):
        return None
    scale = _scale_work(plan, phase, past, old)
    if scale is None:
        return None
    work = find_work(phase)
    scaled = (*IRRELEVANT, *work.proportional_to, work.unit_limit)
    # Parameters that are texts name files and folders.
    differs = tuple(
        name
        for name in changed
        if name not in scaled and isinstance(new.get(name, old.get(name)), int | float)
    )
    folder = SessionFolder(past.folder).locate_attempt(phase.id, attempt.number)
    seconds = _scale_seconds(attempt, folder, scale, work.prepares)
    return MeasuredHours(Range(seconds.low / _HOUR, seconds.high / _HOUR), past.folder.name, differs)


def _scale_work(
    plan: Plan, phase: Phase, past: _PastSession, parameters: Mapping[str, Parameter]
) -> _Scale | None:
    """Return how the plan's work compares with that of an attempt, or None if that is unknown."""
    work = find_work(phase)
    factors = [compare_parameter(phase, parameters, name) for name in work.proportional_to]
    if work.rows_of:
        delivered, planned = past.count_delivered_rows(work.rows_of), count_planned_rows(plan, work.rows_of)
        factors.append(planned / delivered if planned and delivered else None)
    limit = compare_parameter(phase, parameters, work.unit_limit) if work.unit_limit else 1.0
    factor = 1.0
    for each in factors:
        if each is None:
            return None
        factor *= each
    if limit is None:
        return None
    rows = factors[-1] if work.rows_of else 1.0
    return _Scale(factor * min(1.0, limit), factor * max(1.0, limit), rows or 1.0)


def _scale_seconds(attempt: AttemptRecord, folder: Path, scale: _Scale, preparation: str) -> Range:
    """Return how long an attempt would take with the scaled work.

    Args:
        attempt: the past attempt.
        folder: of the attempt.
        scale: how much more work there is.
        preparation: unit of progress of the work before the units; "" for none.
    """
    assert attempt.end is not None
    total = attempt.end.seconds
    if preparation:
        total += (scale.rows - 1) * _read_preparation(folder / "progress.jsonl", preparation)
    points = _read_points(folder / "progress.jsonl")
    if not points or points[-1].done <= points[0].done:
        if scale.least == scale.most == 1:
            return Range(total, total)
        return Range(total * min(1.0, scale.least), total * scale.most)
    first, last = points[0], points[-1]
    fixed = max(0.0, total - (last.time - first.time))
    paces = list(_measure_paces(points))
    least = max(0.0, last.done * scale.least - first.done)
    most = max(0.0, last.done * scale.most - first.done)
    return Range(fixed + least * min(paces), fixed + most * max(paces))


def _measure_paces(points: list[Progress]) -> Iterator[float]:
    """Yield the seconds per unit in each quarter of the units, as precisely as they were reported."""
    first, last = points[0], points[-1]
    marks = [first]
    for part in range(1, _PARTS):
        target = first.done + (last.done - first.done) * part / _PARTS
        mark = next(point for point in points if point.done >= target)
        if mark.done > marks[-1].done:
            marks.append(mark)
    if last.done > marks[-1].done:
        marks.append(last)
    for a, b in itertools.pairwise(marks):
        yield (b.time - a.time) / (b.done - a.done)


def _read_points(path: Path) -> list[Progress]:
    """Return the progress since the phase last started over, without the time before the first unit."""
    points: list[Progress] = []
    for line in iterate_lines(path):
        if not isinstance(line, Progress):
            continue
        if points and (line.done < points[-1].done or line.time < points[-1].time):
            points.clear()
        if not points or line.done > points[-1].done:
            points.append(line)
    return points[1:] if len(points) >= _MIN_POINTS and points[0].done == 0 else points


def _read_preparation(path: Path, unit: str) -> float:
    """Return the seconds between the first and the last progress in a unit."""
    times = [line.time for line in iterate_lines(path) if isinstance(line, Progress) and line.unit == unit]
    return max(0.0, times[-1] - times[0]) if times else 0.0


def _read_machine_kind(folder: Path) -> str:
    """Return the kind of machine that a session ran on, from its first sample; "" without samples."""
    for path in sorted(folder.glob("attempts/*/*/machine.jsonl")):
        try:
            with open_regular_file(path) as file:
                sample = msgspec.json.decode(file.readline(), type=MachineSample)
        except (OSError, ValueError, RecursionError):
            continue
        return identify_machine_kind((gpu.name for gpu in sample.gpus), sample.cores)
    return ""
