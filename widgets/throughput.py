"""How fast the selected attempt works: the rate that it reports, or else its units of progress."""

from collections.abc import Hashable, Sequence
from typing import Final

from textual.content import Content

from app.monitor.series import Series
from widgets import styles
from widgets.backdrop import Backdrop
from widgets.chart import plot
from widgets.curve import Curve
from widgets.format import format_count
from widgets.frame import AttemptOutput, Frame
from widgets.panel import TimePanel, choose_time_unit, name_panel
from widgets.rows import Part

RATE_SUFFIX = "_per_second"
SHORT_UNITS = {"tokens": "tok"}
MIN_PACE_POINTS: Final = 3
BACKDROP: Final = Backdrop(from_zero=True)


def find_reported_rate(frame: Frame) -> Series | None:
    """Return the metric of the attempt that is a rate, tokens first; None if it reports none."""
    series = frame.output.series if frame.output else {}
    names = sorted((name for name in series if name.endswith(RATE_SUFFIX)), key=lambda n: "token" not in n)
    return series[names[0]] if names else None


def describe_throughput(frame: Frame) -> str:
    """Return the rate now with its unit; empty if it is not known."""
    rate = find_reported_rate(frame)
    if rate is not None and rate.last is not None:
        unit = rate.name.removesuffix(RATE_SUFFIX)
        return f"{format_count(rate.last)} {SHORT_UNITS.get(unit, unit)}/s"
    progress = frame.phase.progress if frame.phase else None
    if progress is None or not progress.rate:
        return ""
    return f"{format_count(progress.rate, 3)} {progress.unit or 'units'}/s"


def has_pace(output: AttemptOutput | None) -> bool:
    """Return whether the pace of an attempt's progress is known at enough moments for a curve."""
    return output is not None and output.pace is not None and len(output.pace.points) >= MIN_PACE_POINTS


def count_doublings(series: Series | None) -> int:
    """Return how often the points of a series have doubled: how often its curve is worth drawing again."""
    return len(series.points).bit_length() if series else 0


def _explain_no_pace(frame: Frame) -> str:
    """Return why there is no curve. Progress in a log has no times, so that only its rate now is known."""
    phase, attempt = frame.phase, frame.attempt
    if attempt is not None and attempt.ended is not None:
        return "no progress"
    if phase is not None and phase.progress is not None:
        return "the log has no times"
    return "the log has no steps" if frame.output and frame.output.series else "no progress yet"


def plot_pace(frame: Frame, width: int, height: int) -> list[Content]:
    """Return the pace of the selected attempt over its time."""
    pace, attempt = frame.output.pace if frame.output else None, frame.attempt
    if pace is None or attempt is None:
        return plot([], width, height, unit="", empty=_explain_no_pace(frame))
    unit, name = choose_time_unit((attempt.ended or frame.now) - attempt.started)
    points = [point._replace(step=(point.step - attempt.started) / unit) for point in pace.points]
    return plot([Curve(pace.name, points, styles.GOOD)], width, height, unit=name, backdrop=BACKDROP)


class ThroughputPanel(TimePanel):
    """The rate over the steps of a training, or over time."""

    def make_title(self, frame: Frame) -> Sequence[Part]:
        """Return the rate now."""
        rate = describe_throughput(frame)
        return name_panel("THROUGHPUT", (f" {rate}" if rate else "", styles.STRONG))

    def find_subject(self, frame: Frame) -> Hashable:
        """Return the attempt, whether all that it has reported is read, and how often its values doubled."""
        output, rate = frame.output, find_reported_rate(frame)
        if output is None:
            return None
        doublings = count_doublings(rate or output.pace)
        return output.phase, output.attempt, output.reading, rate is not None, doublings

    def draw_rows(self, frame: Frame, width: int, height: int) -> Sequence[Content]:
        """Return the chart."""
        rate = find_reported_rate(frame)
        if rate is not None:
            return plot([Curve(rate.name, rate.points, styles.GOOD)], width, height, backdrop=BACKDROP)
        return plot_pace(frame, width, height)
