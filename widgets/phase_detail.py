"""The selected phase: how far it is, how fast it runs, and when it last reported progress."""

from collections.abc import Sequence

from rich.cells import cell_len
from textual.containers import Vertical
from textual.content import Content

from app.monitor.pace import ProgressView
from app.session.snapshot import ENDED_PHASES, PhaseView
from app.units import format_age, format_duration, format_hours, format_usd_range
from widgets import styles
from widgets.format import format_count
from widgets.frame import Frame
from widgets.header import render_bar
from widgets.phase_table import describe_result, select_phase_badge
from widgets.rows import FrameWidget, Part, row
from widgets.text import replace_controls, wrap


def name_attempt(frame: Frame) -> str:
    """Return the number of the selected attempt; empty if its phase has not started."""
    phase = frame.phase
    number = len(phase.attempts) if phase else 0
    if frame.output:
        number = frame.output.attempt
    return f"attempt {number}" if number else ""


def render_detail_rows(frame: Frame, width: int, *, with_title: bool = True) -> list[Content]:
    """Return title, state and progress of the selected phase."""
    phase = frame.phase
    if phase is None:
        return [row(width, ("no phase is running", styles.QUIET))]
    badge = select_phase_badge(phase)
    title = row(
        width,
        (f"{badge.symbol} ", badge.style),
        (phase.title, styles.STRONG),
        right=[(name_attempt(frame), styles.QUIET)],
    )
    rows = [*_render_state_rows(frame, phase, width), *_render_progress_rows(frame, phase, width)]
    return [title, *rows] if with_title else rows


def _render_state_rows(frame: Frame, phase: PhaseView, width: int) -> list[Content]:
    """Return what the state of a phase that is not running means for the operator."""
    badge = select_phase_badge(phase)
    gate = frame.snapshot.gate
    if gate is not None and gate.phase == phase.id:
        verdict = styles.VERDICT_BADGES[gate.verdict]
        style = f"{styles.STRONG} {verdict.style}"
        return [row(width, (verdict.label, style), ("  press g to decide", styles.WARN))]
    if phase.state == "waiting":
        estimate = f"{format_hours(phase.estimate_hours)}, {format_usd_range(phase.estimate_usd)}"
        return [row(width, (f"{badge.word}: ", badge.style), (estimate, styles.QUIET))]
    if phase.state in ENDED_PHASES:
        label = f"{badge.label}  "
        first, *others = wrap(describe_result(phase), width - cell_len(label))
        rows = [row(width, (label, badge.style), (first, ""))]
        return rows + [row(width, (" " * cell_len(label), ""), (line, "")) for line in others[:1]]
    return []


def _render_progress_rows(frame: Frame, phase: PhaseView, width: int) -> list[Content]:
    """Return the progress of a running phase and the age of its last report, which shows that it is alive."""
    if phase.state not in ("running", "stopping"):
        return []
    progress = phase.progress
    if progress is None:
        started = phase.attempts[-1].started if phase.attempts else frame.now
        known = _explain_no_progress(frame)
        return [row(width, (f"started {format_duration(frame.now - started)} ago, {known}", styles.QUIET))]
    unit = f" {progress.unit}" if progress.unit else ""
    age = format_age(frame.now - progress.at)
    if phase.stalled:
        report: list[Part] = [(f"STALLED  last progress {age}", styles.ALARM)]
    else:
        report = [(f"progress {age}", styles.QUIET)]
        if progress.rate:
            report.append((f"  {format_count(progress.rate, 3)}{unit or ' units'}/s", ""))
    return [_render_done_row(progress, unit, width), row(width, *report)]


def _explain_no_progress(frame: Frame) -> str:
    """Return why the progress is not known: a log may have metrics, but no number of steps."""
    if frame.disconnected:
        return "progress unknown"
    return "steps unknown" if frame.output and frame.output.series else "no progress yet"


def _render_done_row(progress: ProgressView, unit: str, width: int) -> Content:
    if not progress.total:
        return row(width, (f"{format_count(progress.done)}{unit}", ""))
    count = f" {format_count(progress.done)}/{format_count(progress.total)}{unit}"
    fraction = progress.done / progress.total
    percent = f"{min(100, int(fraction * 100)):3}% "
    gauge = render_bar(max(3, width - len(count) - len(percent)), fraction)
    return row(width, (percent, styles.STRONG), *gauge, (count, ""))


class PhaseDetail(FrameWidget):
    """Title, state and progress of the selected phase."""

    DEFAULT_CSS = "PhaseDetail { height: 3; }"

    def draw(self, frame: Frame, width: int, height: int) -> Sequence[Content]:
        """Return the rows; the border of a panel has the title."""
        parent = self.parent
        has_border = isinstance(parent, PhasePanel) and parent.has_border
        return render_detail_rows(frame, width, with_title=not has_border)


class PhasePanel(Vertical):
    """The container of the selected phase, with its title in the border."""

    _title = ""

    @property
    def has_border(self) -> bool:
        """Whether the border, and with it the title, is visible."""
        return bool(self.styles.border_top[0])

    def show(self, frame: Frame) -> None:
        """Set the title if it has changed."""
        phase = frame.phase
        title = " · ".join(filter(None, (phase.title if phase else "PHASE", name_attempt(frame))))
        if self.has_border and title != self._title:
            self._title = title
            self.border_title = Content.styled(replace_controls(title), styles.HEADING)
