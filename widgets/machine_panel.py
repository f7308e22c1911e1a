"""GPUs and host: memory and its peaks, utilisation, power, temperature, and processes on the GPU."""

from collections import Counter
from collections.abc import Sequence

from textual.content import Content

from app.monitor.machine_sample import GpuSample, MachineSample
from app.session.snapshot import OVER
from app.units import format_gib, format_size
from widgets import styles
from widgets.chart import plot
from widgets.curve import LINE_STYLES, Curve, LineStyle
from widgets.frame import Frame, MachineUse
from widgets.header import render_bar
from widgets.panel import REDRAW_SECONDS, Panel, choose_time_unit, name_panel
from widgets.rows import Part, row
from widgets.text import fit

COMPACT_GPU_WIDTH = 17
MIN_CHART_ROWS = 7
NAME_WIDTH, MAX_PEAK_WIDTH = 26, 8
CURVE_COLOURS = (styles.INFO, styles.GOOD, styles.WARN, styles.BAD)
MEMORY_ALARM, MEMORY_WARNING = 0.97, 0.9
NO_MEMORY = "does not report its memory"


def find_peaks(frame: Frame) -> dict[int, float]:
    """Return the peak memory of each GPU during the selected attempt."""
    output = frame.output
    attempts = [
        use
        for use in frame.machine_use
        if output and (use.phase, use.attempt) == (output.phase, output.attempt)
    ]
    return {gpu: peak for use in attempts for gpu in use.gpus if (peak := use.peak(gpu)) is not None}


def name_gpus(gpus: Sequence[GpuSample]) -> str:
    """Return the names of GPUs, each once, with the number of those that share it."""
    counts = Counter(gpu.name for gpu in gpus)
    return ", ".join(f"{count} x {name}" if count > 1 else name for name, count in counts.items())


def _compute_share(used: float | None, total: float | None) -> float:
    return (used or 0.0) / total if total else 0.0


def _select_memory_style(used: float | None, total: float | None) -> str:
    fraction = _compute_share(used, total)
    if fraction > MEMORY_ALARM:
        return styles.BAD
    return styles.WARN if fraction > MEMORY_WARNING else styles.GOOD


def _format_percent(percent: float | None) -> str:
    return "  -%" if percent is None else f"{percent:3.0f}%"


def _format_memory(used: float | None, total: float | None) -> str:
    return "-/-" if used is None or total is None else f"{format_gib(used)}/{format_gib(total)}"


def render_gauge_row(width: int, name: str, used: float | None, total: float | None) -> Content:
    """Return a row with a name, a bar and `used/total GiB`; a GPU may not report its memory."""
    if used is None or total is None:
        return row(width, (f"{name} {NO_MEMORY}", styles.QUIET))
    figures = f" {_format_memory(used, total)} GiB"
    room = width - len(name) - 1 - len(figures)
    style = _select_memory_style(used, total)
    gauge = render_bar(max(3, room), _compute_share(used, total), style=style)
    return row(width, (f"{name} ", styles.QUIET), *gauge, (figures, ""))


def render_gpu_rows(
    gpu: GpuSample, peak: float | None, width: int, *, details: bool = False
) -> list[Content]:
    """Return two rows for one GPU; `details` adds its name and the memory that the driver reserves."""
    facts = []
    if gpu.utilisation is not None:
        facts.append(f"{gpu.utilisation:.0f}%")
    if gpu.power_watts is not None:
        facts.append(f"{gpu.power_watts:.0f} W")
    if gpu.temperature is not None:
        facts.append(f"{gpu.temperature:.0f} C")
    if peak is not None:
        facts.append(f"peak {format_gib(max(peak, gpu.memory_used or 0))}")
    if details and gpu.memory_reserved is not None:
        facts.append(f"driver {format_gib(gpu.memory_reserved)}")
    if details:
        facts.append(gpu.name)
    return [
        render_gauge_row(width, f"GPU{gpu.index}", gpu.memory_used, gpu.memory_total),
        row(width, (" " * 5 + "  ".join(facts), styles.QUIET)),
    ]


def render_gpu_cell(gpu: GpuSample) -> list[Part]:
    """Return one GPU in a few characters: `3 44.1/80.0 98%`."""
    memory = _format_memory(gpu.memory_used, gpu.memory_total)
    return [
        (f"{gpu.index} ", styles.QUIET),
        (f"{memory:<10}", _select_memory_style(gpu.memory_used, gpu.memory_total)),
        (f"{_format_percent(gpu.utilisation)}", styles.QUIET),
    ]


def render_gpu_line(gpu: GpuSample, width: int) -> Content:
    """Return one GPU in one row with a bar."""
    memory = _format_memory(gpu.memory_used, gpu.memory_total)
    load = "" if gpu.utilisation is None else f" {_format_percent(gpu.utilisation)}"
    if gpu.memory_used is None or gpu.memory_total is None:
        return row(width, (f"GPU{gpu.index} {NO_MEMORY}{load}", styles.QUIET))
    figures = f" {memory}{load}"
    if gpu.temperature is not None:
        figures += f" {gpu.temperature:.0f}C"
    style = _select_memory_style(gpu.memory_used, gpu.memory_total)
    share = _compute_share(gpu.memory_used, gpu.memory_total)
    gauge = render_bar(width - len(figures) - 5, share, style=style)
    return row(width, (f"GPU{gpu.index} ", styles.QUIET), *gauge, (figures, ""))


def render_host_rows(sample: MachineSample, width: int) -> list[Content]:
    """Return CPU and RAM."""
    cores = f" {sample.cpu:.0f}% of {sample.cores} core{'s' if sample.cores != 1 else ''}"
    room = max(3, width - 5 - len(cores))
    return [
        row(width, ("CPU  ", styles.QUIET), *render_bar(room, sample.cpu / 100), (cores, "")),
        render_gauge_row(width, "RAM ", sample.memory_used, sample.memory_total),
    ]


def render_machine_rows(frame: Frame, width: int, height: int) -> list[Content]:
    """Return GPUs and host in as much detail as the height allows."""
    sample = frame.snapshot.machine
    if sample is None:
        return [row(width, (_describe_past_use(frame), styles.QUIET))]
    if not sample.gpus:
        rows = render_host_rows(sample, width)
        phase = f"phase {format_gib(sample.phase_memory)} GiB  " if sample.phase_memory is not None else ""
        disk = f"disk free {format_size(sample.disk_free)}"
        return [*rows, row(width, (phase + disk, styles.QUIET))][:height]
    if 2 * len(sample.gpus) <= height:
        peaks = find_peaks(frame)
        rows = [r for gpu in sample.gpus for r in render_gpu_rows(gpu, peaks.get(gpu.index), width)]
    elif len(sample.gpus) <= height:
        rows = [render_gpu_line(gpu, width) for gpu in sample.gpus]
    else:
        rows = _render_compact_gpus(sample.gpus, width)
    if len(rows) < height:
        ram = f"{_format_memory(sample.memory_used, sample.memory_total)} GiB"
        rows.append(row(width, (f"CPU {sample.cpu:.0f}%  RAM {ram}", styles.QUIET)))
    return rows[:height]


def _describe_past_use(frame: Frame) -> str:
    """Return the session's peaks if it is over and nothing is sampled any more."""
    if frame.snapshot.state not in OVER:
        return "no machine data yet"
    peaks = {
        "GPU memory": [use.peak(gpu) for use in frame.machine_use for gpu in use.gpus],
        "RAM": [use.peak() for use in frame.machine_use],
    }
    known = {name: [peak for peak in values if peak is not None] for name, values in peaks.items()}
    facts = [f"{name} {format_gib(max(values))} GiB" for name, values in known.items() if values]
    return f"peak {', '.join(facts)}" if facts else "no machine data"


def _render_compact_gpus(gpus: Sequence[GpuSample], width: int) -> list[Content]:
    per_row = max(1, (width + 1) // COMPACT_GPU_WIDTH)
    rows = []
    for start in range(0, len(gpus), per_row):
        parts: list[Part] = []
        for gpu in gpus[start : start + per_row]:
            parts += [*render_gpu_cell(gpu), (" ", "")]
        rows.append(row(width, *parts[:-1]))
    return rows


def render_holder_rows(sample: MachineSample, width: int, asked_pid: int | None) -> list[Content]:
    """Return the processes that use the GPUs; those of neither the phase nor the questions stand out."""
    if not sample.gpus:
        return []
    label = ("used by  ", styles.QUIET)
    if not sample.holders:
        return [row(width, label, ("no process that is visible here", styles.QUIET))]
    parts: list[Part] = [label]
    for holder in sorted(sample.holders, key=lambda holder: (holder.ours, holder.pid)):
        if holder.ours:
            parts.append((f"{holder.name} {holder.pid} (the phase)  ", ""))
        elif holder.pid == asked_pid:
            parts.append((f"{holder.name} {holder.pid} (questions)  ", ""))
        else:
            parts.append((f"! {holder.name} {holder.pid} (not the phase)  ", styles.WARN))
    return [row(width, *parts)]


def _select_curve_style(number: int) -> tuple[str, LineStyle]:
    """Return color and line of a curve; the colors shift each time the lines repeat."""
    shift = number // len(LINE_STYLES)
    return CURVE_COLOURS[(number + shift) % len(CURVE_COLOURS)], LINE_STYLES[number % len(LINE_STYLES)]


def _has_several_gpus(uses: Sequence[MachineUse]) -> bool:
    """Return whether curves differ by GPU instead of by attempt."""
    return any(len(use.gpus) > 1 for use in uses)


def build_memory_curves(uses: Sequence[MachineUse], started: float, unit: float) -> list[Curve]:
    """Return memory in GiB over time for each attempt: of each GPU, or of RAM without one.

    Args:
        uses: the attempts in the order in which they started.
        started: start of the time axis, seconds since the epoch.
        unit: seconds per unit of the time axis.
    """
    curves = []
    by_gpu = _has_several_gpus(uses)
    for attempt, use in enumerate(uses):
        for gpu, series in (use.gpus or {0: use.ram}).items():
            color, line = _select_curve_style(gpu if by_gpu else attempt)
            points = [
                point._replace(step=(point.step - started) / unit, mean=point.mean / 2**30)
                for point in series.points
            ]
            curves.append(Curve(series.name, points, color, line=line))
    return curves


def render_peak_rows(frame: Frame, width: int) -> list[Content]:
    """Return the peak of each attempt in the order in which they started, with the legend of the curves."""
    gpus = sorted({gpu for use in frame.machine_use for gpu in use.gpus})
    by_gpu = _has_several_gpus(frame.machine_use)
    column = max(1, min(MAX_PEAK_WIDTH, (width - NAME_WIDTH) // (len(gpus) + 1)))
    headings: list[Part] = []
    for gpu in gpus:
        color, line = _select_curve_style(gpu)
        if by_gpu:
            headings.append((f"{line.symbol}GPU{gpu}".rjust(column), color))
        else:
            headings.append((f"GPU{gpu}".rjust(column), styles.QUIET))
    headings.append(("RAM".rjust(column), styles.QUIET))
    rows = [row(width, (fit("PEAK, GiB", NAME_WIDTH), styles.HEADING), *headings)]
    titles = {phase.id: phase.title for phase in frame.snapshot.phases}
    for attempt, use in enumerate(frame.machine_use):
        color, line = _select_curve_style(attempt)
        symbol = "" if by_gpu else f"{line.symbol} "
        number = f" {use.attempt}" if use.attempt > 1 else ""
        name = fit(titles.get(use.phase, use.phase) + number, NAME_WIDTH - len(symbol))
        peaks = [use.peak(gpu) for gpu in (*gpus, None)]
        values = "".join(("-" if peak is None else format_gib(peak)).rjust(column) for peak in peaks)
        rows.append(row(width, (symbol, color), (name, ""), (values, "")))
    return rows


def render_memory_rows(frame: Frame, width: int, height: int) -> list[Content]:
    """Return GPUs and their processes, memory over time, and the peak of each attempt."""
    sample = frame.snapshot.machine
    rows = _render_current(frame, sample, width, height) if sample else []
    peak_heading, *peaks = render_peak_rows(frame, width)
    room = height - len(rows)
    peaks = peaks[-max(1, room - MIN_CHART_ROWS - 1) :]
    started = frame.snapshot.started
    unit, unit_name = choose_time_unit(frame.now - started)
    chart = plot(
        build_memory_curves(frame.machine_use, started, unit),
        width,
        room - len(peaks) - 2,
        unit=unit_name,
        empty="no samples yet",
    )
    title = "MEMORY OF EACH GPU, GiB" if sample and sample.gpus else "RAM, GiB"
    heading = row(width, (f"{title}, over {unit_name}", styles.HEADING))
    return [*rows, heading, *chart, peak_heading, *peaks][:height]


def _render_current(frame: Frame, sample: MachineSample, width: int, height: int) -> list[Content]:
    asking = frame.snapshot.asking
    holders = render_holder_rows(sample, width, asking.pid if asking else None)
    if 2 * len(sample.gpus) > height // 3:
        return [*render_machine_rows(frame, width, max(3, height // 3)), *holders]
    peaks = find_peaks(frame)
    gpus = [r for gpu in sample.gpus for r in render_gpu_rows(gpu, peaks.get(gpu.index), width, details=True)]
    return [*gpus, *holders, *render_host_rows(sample, width)]


class MachinePanel(Panel):
    """GPUs and host now, redrawn every few seconds because the values change all the time."""

    drawn_at = 0.0

    def make_title(self, frame: Frame) -> Sequence[Part]:
        """Return the name of the GPUs."""
        sample = frame.snapshot.machine
        gpus = sample.gpus if sample else ()
        return name_panel("GPU", (f" {name_gpus(gpus)}", "")) if gpus else name_panel("MACHINE")

    def show(self, frame: Frame) -> None:
        """Draw a new frame if the last one was drawn long enough ago or has another subject."""
        previous = self.frame
        same_subject = (
            previous is not None and previous.phase == frame.phase and previous.snapshot.machine is not None
        )
        if not same_subject or frame.now - self.drawn_at >= REDRAW_SECONDS:
            self.drawn_at = frame.now
            super().show(frame)

    def draw(self, frame: Frame, width: int, height: int) -> Sequence[Content]:
        """Return the rows for GPUs or host."""
        return render_machine_rows(frame, width, height)


class MemoryPanel(MachinePanel):
    """GPUs and host with memory over time."""

    def draw(self, frame: Frame, width: int, height: int) -> Sequence[Content]:
        """Return the rows."""
        return render_memory_rows(frame, width, height)
