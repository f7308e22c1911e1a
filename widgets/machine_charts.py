"""The machine over the session: GPU memory with capacity, prediction and peaks; utilization; power."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Final

from rich.cells import cell_len
from textual.content import Content

from app.monitor.machine_sample import GpuSample, MachineSample
from app.monitor.series import Point, Series, make_point
from app.units import format_gib
from widgets import styles
from widgets.backdrop import Area, Backdrop, Note
from widgets.chart import plot
from widgets.curve import CHAIN, DASHED, DOTTED, SOLID, Curve, LineStyle
from widgets.frame import Frame, MachineUse
from widgets.machine_panel import name_gpus
from widgets.panel import TimePanel, choose_time_unit, name_panel
from widgets.rows import Part

GIB: Final = 2**30
GPU_STYLES: Final = (styles.INFO, styles.GOOD, styles.WARN, styles.QUIET)
GPU_LINES: Final = (SOLID, DOTTED, CHAIN, DASHED)
MAX_NAMED_GPUS: Final = len(GPU_LINES)
"""With more GPUs than line styles, titles have ranges, and another panel lists the GPUs."""
MIN_CHART_ROWS: Final = 4


def find_gpu_style(number: int) -> tuple[str, LineStyle]:
    """Return the color and the line of a GPU's curve."""
    shift = number // len(GPU_LINES)
    return GPU_STYLES[(number + shift) % len(GPU_STYLES)], GPU_LINES[number % len(GPU_LINES)]


def identify_uses(frame: Frame) -> Hashable:
    """Return the attempts and how much of the ended ones was read; the running one grows with time."""
    ended = {
        (phase.id, attempt.number): attempt.ended
        for phase in frame.snapshot.phases
        for attempt in phase.attempts
    }
    return tuple(
        (use.phase, use.attempt, len(use.ram.points) if ended.get((use.phase, use.attempt)) else 0)
        for use in frame.machine_use
    )


def find_capacity(sample: MachineSample | None) -> int | None:
    """Return the memory of the smallest GPU, or of the host if there is none; None if it is not known."""
    if sample is None:
        return None
    totals = [gpu.memory_total for gpu in sample.gpus if gpu.memory_total]
    if sample.gpus:
        return min(totals, default=None)
    return sample.memory_total


class _Timeline:
    """Maps moments to the step axis of a chart, which starts with the session."""

    def __init__(self, frame: Frame) -> None:
        self.started, self.now = frame.snapshot.started, frame.snapshot.now
        self.unit, self.unit_name = choose_time_unit(self.now - self.started)

    @property
    def window(self) -> tuple[float, float]:
        """The steps from the start of the session to now, the same in all its charts."""
        return 0.0, self.place(self.now)

    def place(self, moment: float) -> float:
        """Return the step of a moment."""
        return (moment - self.started) / self.unit

    def shift(self, points: Sequence[Point], scale: float = 1.0) -> list[Point]:
        """Return points over steps, with values divided by `scale`."""
        return [point._replace(step=self.place(point.step), mean=point.mean / scale) for point in points]

    def draw_level(self, value: float, start: float, end: float) -> list[Point]:
        """Return the points of a level line between two moments."""
        return [make_point(self.place(start), value), make_point(self.place(end), value)]


def _build_memory_layers(frame: Frame, timeline: _Timeline) -> tuple[list[Curve], list[Area], list[Note]]:
    """Return curves of several GPUs, areas of a single one or of RAM, and the peak of each attempt."""
    curves, areas, notes = [], [], []
    is_single = all(len(use.gpus) <= 1 for use in frame.machine_use)
    for use in frame.machine_use:
        memory = use.gpus or {0: use.ram}
        for gpu, series in memory.items():
            points = timeline.shift(series.points, GIB)
            color, line = find_gpu_style(gpu)
            if is_single:
                areas.append(Area(points, color))
            else:
                curves.append(Curve(series.name, points, color, line=line))
        peaks = [peak for gpu in (use.gpus or [None]) if (peak := use.peak(gpu)) is not None]
        if peaks:
            last = max(series.points[-1].step for series in memory.values())
            notes.append(Note(timeline.place(last), max(peaks) / GIB, format_gib(max(peaks)), styles.STRONG))
    return curves, areas, notes[::-1]


def _build_predictions(frame: Frame, timeline: _Timeline) -> list[Curve]:
    """Return the predicted peak of each phase that has run, as a line over its attempts."""
    if not any(use.gpus for use in frame.machine_use):
        return []
    curves = []
    for phase in frame.snapshot.phases:
        if phase.predicted_memory is not None and phase.attempts:
            end = phase.attempts[-1].ended or timeline.now
            points = timeline.draw_level(phase.predicted_memory / GIB, phase.attempts[0].started, end)
            curves.append(Curve("predicted", points, styles.WARN, line=DASHED))
    return curves


def render_memory_chart(frame: Frame, width: int, height: int) -> list[Content]:
    """Return memory over time with capacity, prediction, and the peak of each attempt."""
    timeline = _Timeline(frame)
    curves, areas, notes = _build_memory_layers(frame, timeline)
    predictions = _build_predictions(frame, timeline)
    capacity = find_capacity(frame.snapshot.machine)
    levels = []
    if capacity is not None and frame.machine_use:
        value = capacity / GIB
        points = timeline.draw_level(value, timeline.started, timeline.now)
        levels.append(Curve("capacity", points, styles.BAD, line=DASHED))
        notes.append(Note(points[0].step, value, f"capacity {format_gib(capacity)}", styles.BAD))
    phase = frame.phase
    if predictions and phase is not None and phase.predicted_memory is not None:
        text = f"predicted {format_gib(phase.predicted_memory)}"
        predicted = phase.predicted_memory / GIB
        notes.insert(0, Note(timeline.place(timeline.now), predicted, text, styles.WARN))
    return plot(
        [*predictions, *levels, *curves],
        width,
        height,
        window=timeline.window,
        unit=timeline.unit_name,
        empty="no samples yet",
        backdrop=Backdrop(areas, notes=notes, from_zero=True),
    )


def render_load_chart(
    frame: Frame, loads: Sequence[Mapping[int, Series]], width: int, height: int
) -> list[Content]:
    """Return a load of each GPU over time: one mapping from GPUs to series for each attempt."""
    timeline = _Timeline(frame)
    curves = []
    for load in loads:
        for gpu, series in load.items():
            color, line = find_gpu_style(gpu)
            curves.append(Curve(series.name, timeline.shift(series.points), color, line=line))
    backdrop = Backdrop(from_zero=True)
    return plot(
        curves,
        width,
        height,
        window=timeline.window,
        unit=timeline.unit_name,
        empty="no samples yet",
        backdrop=backdrop,
    )


def _describe_curve(gpu: GpuSample) -> Part:
    """Return the line, the name and the memory in use of a GPU, in the color of its curve."""
    color, line = find_gpu_style(gpu.index)
    used = "-" if gpu.memory_used is None else format_gib(gpu.memory_used)
    return f"  {line.symbol} GPU{gpu.index} {used}", color


def _format_range(values: Sequence[float | None], unit: str) -> str:
    """Return the range of the GPUs' values; empty if none is known."""
    known = [value for value in values if value is not None]
    if not known:
        return ""
    low, high = f"{min(known):.0f}", f"{max(known):.0f}"
    return f"{high} {unit}" if low == high else f"{low}-{high} {unit}"


def list_loads(gpus: Sequence[GpuSample], values: Sequence[float | None], unit: str, room: int) -> list[Part]:
    """Return the value of each of a few GPUs with the line of its curve if that fits, or else the range."""
    parts: list[Part] = []
    for gpu, value in zip(gpus, values, strict=True):
        color, line = find_gpu_style(gpu.index)
        parts.append((f" {line.symbol}{'-' if value is None else f'{value:.0f}'}", color))
    parts.append((f" {unit}", styles.STRONG))
    if 1 < len(gpus) <= MAX_NAMED_GPUS and sum(cell_len(text) for text, _ in parts) <= room:
        return parts
    text = _format_range(values, unit)
    return [(f" {text}" if text else "", styles.STRONG)]


class MemoryChart(TimePanel):
    """Memory of each GPU, or of the host without one, over the session."""

    def make_title(self, frame: Frame) -> Sequence[Part]:
        """Return the memory in use, and the GPU's name and temperature."""
        sample = frame.snapshot.machine
        if sample is None:
            has_gpus = any(use.gpus for use in frame.machine_use)
            return name_panel("GPU MEMORY, GiB" if has_gpus else "RAM, GiB")
        if not sample.gpus:
            return name_panel("RAM, GiB", (f" now {format_gib(sample.memory_used)}", styles.STRONG))
        gpus = sample.gpus
        heat = _format_range([gpu.temperature for gpu in gpus], "C")
        if 1 < len(gpus) <= MAX_NAMED_GPUS:
            curves = [_describe_curve(gpu) for gpu in gpus]
            return name_panel("GPU MEMORY, GiB", *curves, (f" · {heat}" if heat else "", ""))
        used = [gpu.memory_used for gpu in gpus if gpu.memory_used is not None]
        now = f" now {format_gib(max(used))}" if used else ""
        facts = " · ".join(filter(None, (name_gpus(gpus), heat)))
        return name_panel("GPU MEMORY, GiB", (now, styles.STRONG), (f" · {facts}", ""))

    def find_subject(self, frame: Frame) -> Hashable:
        """Return the attempts and the predictions."""
        predicted = tuple(phase.predicted_memory for phase in frame.snapshot.phases)
        return identify_uses(frame), predicted, frame.phase and frame.phase.id

    def draw_rows(self, frame: Frame, width: int, height: int) -> Sequence[Content]:
        """Return the chart."""
        return render_memory_chart(frame, width, height)


class UtilizationChart(TimePanel):
    """Utilization of each GPU, or of the host's cores without one, over the session."""

    def make_title(self, frame: Frame) -> Sequence[Part]:
        """Return the utilization now."""
        sample = frame.snapshot.machine
        if sample is None or not sample.gpus:
            now = f" {sample.cpu:.0f} %" if sample else ""
            return name_panel("CPU", (now, styles.STRONG))
        name, loads = "UTILIZATION", [gpu.utilisation for gpu in sample.gpus]
        return name_panel(name, *list_loads(sample.gpus, loads, "%", self.size.width - len(name)))

    def find_subject(self, frame: Frame) -> Hashable:
        """Return the attempts."""
        return identify_uses(frame)

    def draw_rows(self, frame: Frame, width: int, height: int) -> Sequence[Content]:
        """Return the chart."""
        loads = [use.utilization or _get_cpu(use) for use in frame.machine_use]
        return render_load_chart(frame, loads, width, height)


def _get_cpu(use: MachineUse) -> Mapping[int, Series]:
    return {0: use.cpu} if use.cpu is not None and not use.gpus else {}


class PowerChart(TimePanel):
    """Power of each GPU over the session."""

    def make_title(self, frame: Frame) -> Sequence[Part]:
        """Return the power now."""
        name, sample = "POWER", frame.snapshot.machine
        if sample is None:
            return name_panel(name)
        watts = [gpu.power_watts for gpu in sample.gpus]
        return name_panel(name, *list_loads(sample.gpus, watts, "W", self.size.width - len(name)))

    def find_subject(self, frame: Frame) -> Hashable:
        """Return the attempts."""
        return identify_uses(frame)

    def draw_rows(self, frame: Frame, width: int, height: int) -> Sequence[Content]:
        """Return the chart."""
        return render_load_chart(frame, [use.power for use in frame.machine_use], width, height)
