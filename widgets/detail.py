"""The phase that is looked at: how far it is, how fast, when it last spoke; and its curves."""

from collections.abc import Sequence
from typing import Final

from textual.content import Content

from app.session.snapshot import PhaseView
from widgets import format as fmt
from widgets.chart import Curve, plot
from widgets.header import bar
from widgets.phase_table import look
from widgets.rows import Part, ViewRows, row
from widgets.samples import sample_rows
from widgets.series import Series
from widgets.view import View

NAMES: Final = {
    "eval_loss": "held-out",
    "learning_rate": "lr",
    "grad_norm": "grad",
    "tokens_per_second": "tok/s",
}
CURVES: Final = (fmt.INFO, fmt.WARN, fmt.GOOD, fmt.BAD)
FIRST: Final = ("loss", "accuracy", "margin", "learning_rate", "grad_norm", "tokens_per_second")


def progress_rows(view: View, phase: PhaseView, width: int) -> list[Content]:
    """Return a bar with what is done, and the age of the last progress, which is what liveness means."""
    progress = phase.progress
    if phase.state not in ("running", "stopping"):
        return []
    if progress is None:
        started = phase.attempts[-1].started if phase.attempts else view.now
        age = fmt.duration(view.now - started)
        return [row(width, (f"started {age} ago, no progress yet", fmt.QUIET))]
    rows = []
    unit = f" {progress.unit}" if progress.unit else ""
    if progress.total:
        count = f" {fmt.number(progress.done)}/{fmt.number(progress.total)}{unit}"
        share = progress.done / progress.total
        percent = f"{min(100, int(share * 100)):3}% "
        gauge = bar(max(3, width - len(count) - len(percent)), share)
        rows.append(row(width, (percent, fmt.STRONG), *gauge, (count, "")))
    else:
        rows.append(row(width, (f"{fmt.number(progress.done)}{unit}", "")))
    age = fmt.age(view.now - progress.at)
    alive: list[Part]
    if phase.stalled:
        alive = [(f"STALLED  last progress {age}", f"{fmt.STRONG} {fmt.BAD}")]
    else:
        alive = [(f"progress {age}", fmt.QUIET)]
    if progress.rate:
        alive.append((f"  {fmt.number(progress.rate, 3)}{unit or ' units'}/s", ""))
    rows.append(row(width, *alive))
    return rows


def state_row(view: View, phase: PhaseView, width: int) -> Content | None:
    """Return what the state of a phase that does not run means for the operator."""
    state = look(phase)
    gate = view.snapshot.gate
    if gate is not None and gate.phase == phase.id:
        verdict = fmt.VERDICT_LOOKS[gate.verdict]
        return row(
            width,
            ("verdict ", fmt.QUIET),
            (f"{verdict.sign} {verdict.word}", f"{fmt.STRONG} {verdict.style}"),
            ("  press g to decide", fmt.WARN),
        )
    if phase.state == "waiting":
        return row(
            width,
            (f"{state.word}: ", state.style),
            (f"{fmt.hours(phase.estimate_hours)}, {fmt.usd_range(phase.estimate_usd)}", fmt.QUIET),
        )
    if phase.state in ("done", "failed", "skipped"):
        reason = phase.attempts[-1].reason if phase.attempts and phase.state == "failed" else ""
        words = phase.headline or reason
        return row(width, (f"{state.sign} {state.word}", state.style), (f"  {words}", ""))
    return None


def detail_rows(view: View, width: int) -> list[Content]:
    """Return title, progress and liveness of the phase that is looked at."""
    phase = view.phase
    if phase is None:
        return [row(width, ("no phase is running", fmt.QUIET))]
    number = view.record.attempt if view.record else len(phase.attempts)
    state = look(phase)
    attempt = f"attempt {number}" if number else ""
    rows = [
        row(width, (f"{state.sign} ", state.style), (phase.title, fmt.STRONG), right=[(attempt, fmt.QUIET)])
    ]
    words = state_row(view, phase, width)
    return [*rows, *([words] if words else []), *progress_rows(view, phase, width)]


def groups(series: Sequence[str]) -> list[tuple[str, ...]]:
    """Return which metrics are drawn together: each with its held-out twin, the known ones first."""
    names = [n for n in FIRST if n in series] + sorted(
        n for n in series if n not in FIRST and n.removeprefix("eval_") not in series
    )
    return [tuple(m for m in (name, f"eval_{name}") if m in series) for name in names]


def legend(shown: Sequence[Series], width: int, place: str) -> Content:
    """Return each curve's name and last value in its colour; NaN is said with the step where it began."""
    parts: list[Part] = []
    for series, style in zip(shown, CURVES, strict=False):
        name = NAMES.get(series.name, series.name)
        if series.missing_since is not None:
            parts.append((f"{name} NaN since {fmt.steps(series.missing_since)}  ", f"{fmt.STRONG} {fmt.BAD}"))
        else:
            parts.append((f"{name} ", style))
            digits = 4 if width >= 40 else 3  # noqa: PLR2004
            parts.append((f"{fmt.number(series.last, digits)}  ", fmt.STRONG))
            if series.missing:
                parts.append((f"({series.missing} NaN)  ", fmt.BAD))
    return row(width, *parts, right=[(place, fmt.QUIET)] if place else [])


def figure_rows(view: View, choice: int, log: bool, width: int, height: int) -> list[Content]:
    """Return the chosen metric's chart; for a phase without metrics its latest sample."""
    record = view.record
    series = record.series if record else {}
    found = groups(list(series))
    if not found and record and record.samples:
        return [row(width, ("latest sample", fmt.QUIET)), *sample_rows(record.samples[-1], width)][:height]
    if not found:
        reading = "reading ..." if record and record.reading else "no metrics yet"
        return [Content(), row(width, (reading, fmt.QUIET))]
    at = choice % len(found)
    shown = [series[name] for name in found[at]]
    curves = [Curve(s.name, s.points, style) for s, style in zip(shown, CURVES, strict=False)]
    place = (
        (f"log {at + 1}/{len(found)}" if log else f"{at + 1}/{len(found)}") if len(found) > 1 or log else ""
    )
    return [legend(shown, width, place), *plot(curves, width, height - 1, log=log)]


class PhaseDetail(ViewRows):
    """Title, progress and liveness of the phase that is looked at."""

    DEFAULT_CSS = "PhaseDetail { height: 3; }"

    def draw(self, view: View, width: int, height: int) -> Sequence[Content]:
        """Return the rows."""
        return detail_rows(view, width)


class Figure(ViewRows):
    """The chart; `turn` goes to the next metric, `toggle_log` between linear and logarithmic."""

    choice = 0
    log_scale = False

    def turn(self, steps: int) -> None:
        """Show another metric."""
        self.choice += steps
        self.refresh_rows()

    def toggle_log(self) -> None:
        """Change the value axis."""
        self.log_scale = not self.log_scale
        self.refresh_rows()

    def draw(self, view: View, width: int, height: int) -> Sequence[Content]:
        """Return the chart."""
        return figure_rows(view, self.choice, self.log_scale, width, height)
