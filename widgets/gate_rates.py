"""Rates as intervals on one axis, with thresholds and the rates of earlier phases, also by category."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from textual.content import Content
from textual.geometry import Size

from app.session.snapshot import GateView
from phases.contract.protocol import Value
from widgets import styles
from widgets.frame import Frame
from widgets.metric_names import Interval, find_intervals, format_interval, format_percent, name_metric
from widgets.panel import Panel, name_panel
from widgets.rows import Part, row
from widgets.text import fit

FEW_SHOT: Final = "_few_shot"
VARIANTS: Final = (FEW_SHOT, "_loose", "_strict")
"""Ends of the names of rates that are shown with another rate, or only in the table of all metrics."""
MAX_LABEL: Final = 26
VALUE_WIDTH: Final = 17
MIN_TRACK: Final = 10
MIN_QUARTERS: Final = 24
EVALUATION: Final = " evaluation"
COMPARISON: Final = re.compile(r"([\w.]+)\s*(>=|>|<=|<)\s*(\d*\.?\d+)(?![\w.])")
MIN_CATEGORIES: Final = 2
MAX_SCREEN_SHARE: Final = 0.36


@dataclass(frozen=True)
class RateRow:
    """A rate of one phase; `is_current` marks that of the gate's phase."""

    label: str
    interval: Interval
    is_current: bool


@dataclass(frozen=True)
class RateGroup:
    """The rates that phases measured by one metric, and its thresholds in the plan's criteria."""

    metric: str
    rows: tuple[RateRow, ...]
    thresholds: Mapping[str, float]


@dataclass(frozen=True)
class CategoryRate:
    """The rate of one category before and now; `before` is None if no earlier phase measured it."""

    category: str
    before: float | None
    now: float


def shorten_title(title: str) -> str:
    """Return a phase's title without the word that all evaluations share."""
    return title.removesuffix(EVALUATION)


def find_thresholds(gate: GateView, metric: str) -> dict[str, float]:
    """Return the numbers between 0 and 1 that criteria compare a metric or an end of its interval with."""
    names = {metric, f"{metric}_low", f"{metric}_high"}
    thresholds = {}
    for criterion in gate.criteria:
        for name, operator, number in COMPARISON.findall(criterion.expression):
            if name in names and 0 <= float(number) <= 1:
                thresholds[f"{operator} {float(number) * 100:g} %"] = float(number)
    return thresholds


def find_rate_groups(frame: Frame, gate: GateView) -> list[RateGroup]:
    """Return the rates of the gate's phase with those of earlier phases, criteria's metrics first."""
    current = find_intervals(gate.metrics)
    named = " ".join(criterion.expression for criterion in gate.criteria)
    order = sorted(current, key=lambda name: re.search(rf"\b{name}(_low|_high)?\b", named) is None)
    titles = {phase.id: shorten_title(phase.title) for phase in frame.snapshot.phases}
    groups = []
    for metric in order:
        if metric.endswith(VARIANTS):
            continue
        rows = []
        for phase, values in (*gate.earlier.items(), (gate.phase, gate.metrics)):
            intervals = find_intervals(values)
            for suffix, note in (("", ""), (FEW_SHOT, " + examples")):
                if (interval := intervals.get(metric + suffix)) is not None:
                    label = titles.get(phase, phase) + note
                    rows.append(RateRow(label, interval, phase == gate.phase and not suffix))
        groups.append(RateGroup(metric, tuple(rows), find_thresholds(gate, metric)))
    return groups


def find_category_rates(gate: GateView, metric: str) -> list[CategoryRate]:
    """Return the rates of a metric by category, next to those of the latest phase that measured them."""
    prefix = f"{metric}_"
    intervals = find_intervals(gate.metrics)
    names = [
        name
        for name, value in gate.metrics.items()
        if name.startswith(prefix)
        and name.removesuffix("_low").removesuffix("_high") not in intervals
        and isinstance(value, int | float)
        and 0 <= value <= 1
    ]
    earlier: Mapping[str, Value] = next(
        (values for values in reversed(gate.earlier.values()) if any(name in values for name in names)), {}
    )
    rates = []
    for name in names:
        before = earlier.get(name)
        is_known = isinstance(before, int | float) and 0 <= before <= 1
        value = gate.metrics[name]
        assert isinstance(value, int | float)
        rates.append(CategoryRate(name.removeprefix(prefix), before if is_known else None, float(value)))  # type: ignore[arg-type]
    return rates if len(rates) >= MIN_CATEGORIES else []


def _place(share: float, width: int) -> int:
    return min(width - 1, max(0, round(share * (width - 1))))


def draw_interval(interval: Interval, thresholds: Sequence[float], width: int, style: str) -> list[Part]:
    """Return a track from 0 to 100 %: the interval, its value, and the thresholds where it is empty."""
    cells: list[Part] = [(" ", "")] * width
    for threshold in thresholds:
        cells[_place(threshold, width)] = ("┊", styles.WARN)
    first, last = _place(interval.low, width), _place(interval.high, width)
    for x in range(first, last + 1):
        cells[x] = ("─", style)
    cells[first], cells[last] = ("├", style), ("┤", style)
    cells[_place(interval.value, width)] = ("■", f"{styles.STRONG} {style}")
    return cells


def render_axis(label_width: int, width: int) -> Content:
    """Return the scale below the tracks."""
    cells = [" "] * width
    for share in (0.0, 0.25, 0.5, 0.75, 1.0) if width >= MIN_QUARTERS else (0.0, 0.5, 1.0):
        text = f"{share * 100:.0f}"
        start = min(_place(share, width), width - len(text))
        cells[start : start + len(text)] = text
    return Content.styled(" " * label_width + "".join(cells) + " %", styles.QUIET)


def render_group(group: RateGroup, label_width: int, width: int) -> list[Content]:
    """Return the rows of a metric: its name with its thresholds, and a track for each phase."""
    track = _compute_track_width(label_width, width)
    thresholds = list(group.thresholds.values())
    note = f"  ┊ {', '.join(group.thresholds)}" if thresholds else ""
    rows = [row(width, (name_metric(group.metric), styles.STRONG), (note, styles.WARN))]
    for each in group.rows:
        style = styles.INFO if each.is_current else styles.QUIET
        name: Part = (fit(each.label, label_width - 1) + " ", styles.STRONG if each.is_current else "")
        value: Part = (f" {format_interval(each.interval)}", styles.STRONG if each.is_current else "")
        rows.append(row(width, name, *draw_interval(each.interval, thresholds, track, style), value))
    return rows


def render_groups(groups: Sequence[RateGroup], width: int, height: int) -> list[Content]:
    """Return as many metrics as fit into the height, at least the first, and the axis that they share."""
    labels = [len(each.label) for group in groups for each in group.rows]
    label_width = min(MAX_LABEL, width * 2 // 5, max(labels, default=0) + 2)
    rows: list[Content] = []
    for group in groups:
        block = render_group(group, label_width, width)
        if rows and len(rows) + len(block) + 1 > height:
            break
        rows += block
    return [*rows, render_axis(label_width, _compute_track_width(label_width, width))] if rows else []


def _compute_track_width(label_width: int, width: int) -> int:
    return max(MIN_TRACK, width - label_width - VALUE_WIDTH - 1)


def render_category(rate: CategoryRate, label_width: int, width: int) -> Content:
    """Return a category with its rate before and now on one track; an arrow says which way it moved."""
    track = _compute_track_width(label_width, width)
    cells: list[Part] = [("·", styles.FAINT)] * track
    now = _place(rate.now, track)
    values = format_percent(rate.now)
    if rate.before is not None:
        before = _place(rate.before, track)
        moved = styles.GOOD if rate.now >= rate.before else styles.BAD
        for x in range(min(before, now), max(before, now)):
            cells[x] = ("─", moved)
        cells[before] = ("□", styles.QUIET)
        sign = " "
        if rate.now != rate.before:
            sign = "▲" if rate.now > rate.before else "▼"
        values = f"{rate.before * 100:.0f} → {rate.now * 100:.0f} % {sign}"
    cells[now] = ("■", f"{styles.STRONG} {styles.INFO}")
    label: Part = (fit(rate.category.replace("_", " "), label_width), "")
    return row(width, label, *cells, right=[(values, "")])


class RatesPanel(Panel):
    """The rates of the gate's phase and earlier ones with their intervals."""

    def make_title(self, frame: Frame) -> Sequence[Part]:
        """Return the kind of interval."""
        return name_panel("RATES", (" with 95 % intervals", ""))

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Return the number of rows of the metrics that fit into the panel's share of the screen."""
        room = int(viewport.height * MAX_SCREEN_SHARE)
        return max(1, len(self.draw(self.frame, width, room))) if self.frame else 1

    def draw(self, frame: Frame, width: int, height: int) -> Sequence[Content]:
        """Return as many metrics as fit, those of the criteria first."""
        gate = frame.snapshot.gate
        return render_groups(find_rate_groups(frame, gate), width, height) if gate else []


class CategoriesPanel(Panel):
    """The most important rate by category, before and now."""

    def make_title(self, frame: Frame) -> Sequence[Part]:
        """Return the metric, and what the marks mean."""
        gate = frame.snapshot.gate
        groups = find_rate_groups(frame, gate) if gate else []
        name = name_metric(groups[0].metric) if groups else ""
        return name_panel("BY CATEGORY", (f" {name}", ""), (" · □ before ■ now", styles.QUIET))

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Return the number of categories."""
        return max(1, len(self.draw(self.frame, width, 0))) if self.frame else 1

    def draw(self, frame: Frame, width: int, height: int) -> Sequence[Content]:
        """Return a row for each category."""
        gate = frame.snapshot.gate
        groups = find_rate_groups(frame, gate) if gate else []
        rates = find_category_rates(gate, groups[0].metric) if gate and groups else []
        label_width = max((len(rate.category) for rate in rates), default=0) + 2
        return [render_category(rate, label_width, width) for rate in rates]


def has_categories(frame: Frame) -> bool:
    """Return whether the open gate's most important rate is known by category."""
    gate = frame.snapshot.gate
    groups = find_rate_groups(frame, gate) if gate else []
    return gate is not None and bool(groups) and bool(find_category_rates(gate, groups[0].metric))


def has_rates(frame: Frame) -> bool:
    """Return whether the open gate has a rate with an interval."""
    gate = frame.snapshot.gate
    return gate is not None and bool(find_intervals(gate.metrics))
