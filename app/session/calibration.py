"""Hours of a plan's phases as measured by earlier sessions on the same kind of machine.

The time of an attempt has three parts: before the first unit of work (row, prompt or step), the units, and
after the last. Only the units scale with the work that the parameters ask for, as declared in the phase's
spec. Their pace ranges from that of the fastest quarter to that of the slowest. An attempt counts only if it
ran the same program with the same model.
"""

import itertools
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import msgspec

from app.monitor.machine_sample import MachineSample
from app.monitor.progress import iterate_lines
from app.plan.estimates import MeasuredHours
from app.plan.schema import Phase, Plan
from app.plan.values import Range
from app.session import registry
from app.session.folder import SessionFolder
from app.session.journal import journal
from app.session.journal.events import Parameter
from app.session.journal.state import AttemptRecord, State
from phases.contract.phase_spec import load_spec
from phases.contract.protocol import Progress
from phases.contract.workload import Work

_HOUR = 3600.0
_PARTS = 4
_FEWEST_POINTS = 3


_NO_PART = ("seed", "batch")
_CHOOSES_WORK = ("suite", "seeds")


def machine_kind(gpus: Iterable[str], cores: int | None = None) -> str:
    """Return what machines must have in common to be compared: their GPUs, or else the number of cores."""
    names = ", ".join(sorted(gpus))
    return names or f"no GPU, {cores or os.cpu_count()} cores"


def calibrate(plan: Plan, machine: str, sessions: Iterable[Path] | None = None) -> dict[str, MeasuredHours]:
    """Return what is known of a plan's phases, by their ids, from sessions on such a machine; newest first.

    Args:
        plan: the plan.
        machine: its kind, as `machine_kind` says.
        sessions: the sessions' folders, oldest first; those of the plan's folder, if not given.
    """
    found: dict[str, MeasuredHours] = {}
    for folder in reversed(list(registry.list_sessions(plan.folder) if sessions is None else sessions)):
        missing = [phase for phase in plan.phases if phase.id not in found]
        try:
            there = Plan.model_validate_json(SessionFolder(folder).plan.read_bytes())
            state = registry.read_state(folder)
        except (OSError, ValueError, journal.JournalError):
            continue  # a session that cannot be read tells nothing
        if missing and _machine(folder) == machine:
            found |= dict(_of_session(plan, missing, folder, there, state))
    return found


def _of_session(
    plan: Plan, phases: Iterable[Phase], folder: Path, there: Plan, state: State
) -> Iterator[tuple[str, MeasuredHours]]:
    for phase in phases:
        for record in state.phases:
            done = [a for a in record.attempts if a.end and a.end.reason == "exited" and a.end.code == 0]
            if record.id != phase.id or not done:
                continue
            other = there.phase(record.id)
            if (other.run, other.command) != (phase.run, phase.command):
                continue
            if phase.run and _work(phase).depends_on_model and there.session.model != plan.session.model:
                continue
            place = SessionFolder(folder).attempt(record.id, done[-1].number)
            measured = _measured(plan, phase, there, state, done[-1], place)
            if measured is not None:
                yield phase.id, measured


def _measured(  # noqa: PLR0917 - what is planned, and what was done
    plan: Plan, phase: Phase, there: Plan, state: State, attempt: AttemptRecord, folder: Path
) -> MeasuredHours | None:
    before, now = attempt.spec.parameters, phase.params
    work = _work(phase)
    scale = longest = 1.0
    for name in work.proportional_to:
        old, new = _number(phase, before, name), _number(phase, now, name)
        if not old or not new:
            return None
        scale *= new / old
    if work.rows_of:
        rows = _rows(there, state, work.rows_of), _planned_rows(plan, work.rows_of)
        if not rows[0] or not rows[1]:
            return None
        scale *= rows[1] / rows[0]
    if work.unit_limit:
        old, new = _number(phase, before, work.unit_limit), _number(phase, now, work.unit_limit)
        if not old or not new:
            return None
        longest = new / old
    names = [name for name in {**before, **now} if before.get(name) != now.get(name)]
    if any(name in _CHOOSES_WORK for name in names) or (phase.command and names):
        return None  # it did other work there, or nobody knows whether it did
    known_part = (*_NO_PART, *work.proportional_to, work.unit_limit)
    differs = tuple(
        name
        for name in names
        # Texts say where things are.
        if name not in known_part and isinstance(now.get(name, before.get(name)), int | float)
    )
    seconds = _seconds(attempt, folder, scale * min(1.0, longest), scale * max(1.0, longest))
    return MeasuredHours(Range(seconds.low / _HOUR, seconds.high / _HOUR), folder.parents[2].name, differs)


def _number(phase: Phase, parameters: Mapping[str, Parameter], name: str) -> float | None:
    """Return a parameter's value, or its default."""
    value = parameters.get(name)
    if value is None and phase.run:
        value = load_spec(phase.run).parameters.model_fields[name].default
    return float(value) if isinstance(value, int | float) else None


def _work(phase: Phase) -> Work:
    """Return what the running time of a phase grows with; nothing is known of a command."""
    return load_spec(phase.run).work if phase.run else Work()


def _rows(there: Plan, state: State, run: str) -> float | None:
    """Return the rows that a built-in phase delivered in a session."""
    metrics = next((r.metrics for r in state.phases if there.phase(r.id).run == run), {})
    value = metrics.get(load_spec(run).work.delivered_rows)
    return float(value) if isinstance(value, int | float) else None


def _planned_rows(plan: Plan, run: str) -> float | None:
    phase = next((phase for phase in plan.phases if phase.run == run), None)
    return _number(phase, phase.params, load_spec(run).work.planned_rows) if phase else None


def _seconds(attempt: AttemptRecord, folder: Path, least: float, most: float) -> Range:
    """Return how long an attempt takes when its units are `least` to `most` times as many."""
    assert attempt.end is not None
    points = _read_points(folder / "progress.jsonl")
    whole = attempt.end.seconds
    first, last = (points[0].done, points[-1].done) if points else (0.0, 0.0)
    if last <= first:
        return Range(whole, whole) if least == most == 1 else Range(whole * min(1.0, least), whole * most)
    working = points[-1].time - points[0].time
    fixed = max(0.0, whole - working)
    paces = list(_paces(points))
    few, many = max(0.0, last * least - first), max(0.0, last * most - first)
    return Range(fixed + few * min(paces), fixed + many * max(paces))


def _paces(points: list[Progress]) -> Iterator[float]:
    """Yield the seconds a unit in each quarter of the units, as near as they were reported."""
    first, last = points[0], points[-1]
    marks = [first]
    for part in range(1, _PARTS):
        wanted = first.done + (last.done - first.done) * part / _PARTS
        mark = next(point for point in points if point.done >= wanted)
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
    return points[1:] if len(points) >= _FEWEST_POINTS and points[0].done == 0 else points


def _machine(folder: Path) -> str:
    """Return the kind of machine that a session ran on, by the first sample that was taken; "" for none."""
    for path in sorted(folder.glob("attempts/*/*/machine.jsonl")):
        try:
            with path.open("rb") as file:
                sample = msgspec.json.decode(file.readline(), type=MachineSample)
        except (OSError, ValueError, RecursionError):
            continue
        return machine_kind((gpu.name for gpu in sample.gpus), sample.cores)
    return ""
