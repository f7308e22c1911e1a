"""The metrics of an open gate next to those of earlier phases that measured the same."""

from collections.abc import Mapping, Sequence
from typing import Final

from rich.cells import cell_len
from textual.content import Content

from app.session.snapshot import GateView
from phases.contract.protocol import Value
from widgets import styles
from widgets.frame import Frame
from widgets.metric_names import INTERVAL_SUFFIXES, find_intervals, format_measurement, name_metric
from widgets.rows import Part, row
from widgets.text import fit, truncate, wrap

TITLE: Final = "METRICS"
MAX_COMPARED_PHASES: Final = 3
MIN_COLUMN_WIDTH: Final = 16
MIN_NAME_ROOM: Final = 18
MAX_NAME_WIDTH: Final = 36


def render_metric_rows(frame: Frame, gate: GateView, width: int) -> list[Content]:
    """Return the phase's metrics next to those of earlier phases that measured the same."""
    titles = {phase.id: phase.title for phase in frame.snapshot.phases}
    room = max(0, (width - MIN_NAME_ROOM - MIN_COLUMN_WIDTH) // MIN_COLUMN_WIDTH)
    comparable = [phase for phase, values in gate.earlier.items() if _is_comparable(gate, values)]
    compared = comparable[-min(MAX_COMPARED_PHASES, room) :] if room else []
    ends = {f"{name}{suffix}" for name in find_intervals(gate.metrics) for suffix in INTERVAL_SUFFIXES}
    visible_names = [name for name in gate.metrics if name not in ends]
    names = [name for name in visible_names if any(name in gate.earlier[phase] for phase in compared)]
    names += [name for name in visible_names if name not in names]
    headings = ["this", *(titles.get(phase, phase) for phase in compared)]
    heading_width = max(map(cell_len, headings)) + 2
    names_width = min(MAX_NAME_WIDTH, max(cell_len(name) for name in (TITLE + " ", *map(name_metric, names))))
    sources = [gate.metrics, *(gate.earlier[phase] for phase in compared)]
    values_width = max(
        (
            cell_len(format_measurement(name, values)) + 1
            for values in sources
            for name in names
            if name in values
        ),
        default=0,
    )
    wanted = max(heading_width, values_width)
    column = max(MIN_COLUMN_WIDTH, min(wanted, (width - names_width) // len(headings)))
    name_room = width - column * len(headings)
    rows = []
    for i, cells in enumerate(_wrap_headings(headings, column - 1)):
        label = "" if i else TITLE
        parts: list[Part] = [(f"{label:<{name_room}}", styles.HEADING)]
        parts += [(" " * (column - cell_len(text)) + text, styles.QUIET) for text in cells]
        rows.append(row(width, *parts))
    for name in names:
        parts = [
            (fit(name_metric(name), name_room), ""),
            (_align(name, gate.metrics, column), styles.STRONG),
        ]
        for phase in compared:
            values = gate.earlier[phase]
            text = _align(name, values, column) if name in values else "-".rjust(column)
            parts.append((text, styles.QUIET))
        rows.append(row(width, *parts))
    files = sorted({gate.computed_from[name] for name in visible_names if name in gate.computed_from})
    if files:
        rows.append(row(width, (f"computed from {', '.join(files)}", styles.QUIET)))
    return rows


def _align(name: str, metrics: Mapping[str, Value], column: int) -> str:
    return fit(format_measurement(name, metrics), column - 1).strip().rjust(column)


def _wrap_headings(headings: Sequence[str], width: int) -> list[list[str]]:
    """Return the headings as rows of cells, each heading wrapped and aligned with the bottom."""
    columns = [wrap(truncate(heading, 2 * width), width) for heading in headings]
    height = max(map(len, columns))
    padded = [[""] * (height - len(column)) + column for column in columns]
    return [[column[y] for column in padded] for y in range(height)]


def _is_comparable(gate: GateView, values: Mapping[str, Value]) -> bool:
    # Phases of different kinds may share a metric or two, such as speed, which cannot be compared.
    return len(gate.metrics.keys() & values.keys()) * 2 >= len(values)
