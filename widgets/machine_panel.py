"""GPUs, or without one the CPU and RAM: memory and its peak against capacity, load, power, temperature."""

from collections.abc import Sequence

from textual.content import Content

from app.monitor.machine_sample import GpuSample, MachineSample
from app.monitor.series import Point
from app.units import format_gib, format_size
from widgets import styles
from widgets.chart import LINES, Curve, Line, plot
from widgets.frame import Frame, MemoryUse
from widgets.header import bar
from widgets.rows import FrameWidget, Part, row
from widgets.text import fit

NARROW_CELL = 17
REDRAW_SECONDS = 2.5
LEAST_CHART = 7
NAMES, WIDEST_PEAK = 26, 8
TIME_UNITS = ((3600.0, "hours"), (60.0, "minutes"), (1.0, "seconds"))
COLOURS = (styles.INFO, styles.GOOD, styles.WARN, styles.BAD)


def find_peaks(frame: Frame) -> dict[int, float]:
    """Return the most memory that each GPU has used during the attempt that is shown."""
    output = frame.output
    shown = [m for m in frame.memory if output and (m.phase, m.attempt) == (output.phase, output.attempt)]
    return {gpu: most for use in shown for gpu in use.gpus if (most := use.peak(gpu)) is not None}


def _memory_style(used: float, total: float) -> str:
    share = used / total if total else 0.0
    return styles.BAD if share > 0.97 else styles.WARN if share > 0.9 else styles.GOOD  # noqa: PLR2004


def _percent(share: float | None) -> str:
    return "  -%" if share is None else f"{share:3.0f}%"


def render_gauge_row(width: int, name: str, used: float, total: float) -> Content:
    """Return a row with a name, a bar and `used/total GiB`."""
    figures = f" {format_gib(used)}/{format_gib(total)} GiB"
    room = width - len(name) - 1 - len(figures)
    parts = bar(max(3, room), used / total if total else 0.0, style=_memory_style(used, total))
    return row(width, (f"{name} ", styles.QUIET), *parts, (figures, ""))


def render_gpu_rows(gpu: GpuSample, peak: float | None, width: int, *, full: bool = False) -> list[Content]:
    """Return two rows for one GPU; the `full` ones say its name and what the driver keeps for itself."""
    facts = [_percent(gpu.utilisation).strip()]
    if gpu.power_watts is not None:
        facts.append(f"{gpu.power_watts:.0f} W")
    if gpu.temperature is not None:
        facts.append(f"{gpu.temperature:.0f} C")
    if peak is not None:
        facts.append(f"peak {format_gib(max(peak, gpu.memory_used))}")
    if full and gpu.memory_reserved is not None:
        facts.append(f"driver keeps {format_gib(gpu.memory_reserved)}")
    if full:
        facts.append(gpu.name)
    return [
        render_gauge_row(width, f"GPU{gpu.index}", gpu.memory_used, gpu.memory_total),
        row(width, (" " * 5 + "  ".join(facts), styles.QUIET)),
    ]


def render_gpu_cell(gpu: GpuSample) -> list[Part]:
    """Return one GPU in a few characters: `3 44.1/80.0 98%`."""
    style = _memory_style(gpu.memory_used, gpu.memory_total)
    figures = f"{format_gib(gpu.memory_used)}/{format_gib(gpu.memory_total)}"
    return [
        (f"{gpu.index} ", styles.QUIET),
        (f"{figures:<10}", style),
        (f"{_percent(gpu.utilisation)}", styles.QUIET),
    ]


def render_gpu_line(gpu: GpuSample, width: int) -> Content:
    """Return one GPU in one row with a bar."""
    figures = f" {format_gib(gpu.memory_used)}/{format_gib(gpu.memory_total)} {_percent(gpu.utilisation)}"
    if gpu.temperature is not None:
        figures += f" {gpu.temperature:.0f}C"
    style = _memory_style(gpu.memory_used, gpu.memory_total)
    gauge = bar(width - len(figures) - 5, gpu.memory_used / (gpu.memory_total or 1), style=style)
    return row(width, (f"GPU{gpu.index} ", styles.QUIET), *gauge, (figures, ""))


def render_host_rows(sample: MachineSample, width: int) -> list[Content]:
    """Return CPU and RAM."""
    cores = f" {sample.cpu:.0f}% of {sample.cores} core{'s' if sample.cores != 1 else ''}"
    room = max(3, width - 5 - len(cores))
    return [
        row(width, ("CPU  ", styles.QUIET), *bar(room, sample.cpu / 100), (cores, "")),
        render_gauge_row(width, "RAM ", sample.memory_used, sample.memory_total),
    ]


def render_machine_rows(frame: Frame, width: int, height: int) -> list[Content]:
    """Return as much about the machine as the height allows."""
    sample = frame.snapshot.machine
    if sample is None:
        return [Content.styled("no machine figures yet", styles.QUIET)]
    gpus = sample.gpus
    if not gpus:
        rows = render_host_rows(sample, width)
        phase = f"phase {format_gib(sample.phase_memory)} GiB  " if sample.phase_memory is not None else ""
        return [*rows, row(width, (f"{phase}disk free {format_size(sample.disk_free)}", styles.QUIET))][
            :height
        ]
    if 2 * len(gpus) <= height:
        most = find_peaks(frame)
        rows = [r for gpu in gpus for r in render_gpu_rows(gpu, most.get(gpu.index), width)]
    elif len(gpus) <= height:
        rows = [render_gpu_line(gpu, width) for gpu in gpus]
    else:
        across = max(1, (width + 1) // NARROW_CELL)
        rows = []
        for start in range(0, len(gpus), across):
            parts = [
                part for gpu in gpus[start : start + across] for part in (*render_gpu_cell(gpu), (" ", ""))
            ]
            rows.append(row(width, *parts[:-1]))
    if len(rows) < height:
        ram = f"{format_gib(sample.memory_used)}/{format_gib(sample.memory_total)} GiB"
        rows.append(row(width, (f"CPU {sample.cpu:.0f}%  RAM {ram}", styles.QUIET)))
    return rows[:height]


def render_holder_rows(sample: MachineSample, width: int) -> list[Content]:
    """Return who holds the GPUs; a process that is not the phase's stands out."""
    if not sample.gpus:
        return []
    if not sample.holders:
        return [row(width, ("held by  ", styles.QUIET), ("nobody that may be seen from here", styles.QUIET))]
    parts: list[Part] = [("held by  ", styles.QUIET)]
    for holder in sorted(sample.holders, key=lambda h: (h.ours, h.pid)):
        if holder.ours:
            parts.append((f"{holder.name} {holder.pid} (the phase)  ", ""))
        else:
            parts.append((f"! {holder.name} {holder.pid} (not the phase)  ", styles.WARN))
    return [row(width, *parts)]


def _look(number: int) -> tuple[str, Line]:
    """Return colour and line of one curve of many: four lines, and a colour that they repeat in later."""
    return COLOURS[(number + number // len(LINES)) % len(COLOURS)], LINES[number % len(LINES)]


def _several(uses: Sequence[MemoryUse]) -> bool:
    """Return whether there are several GPUs, which are then what the curves differ by, not the attempts."""
    return any(len(use.gpus) > 1 for use in uses)


def build_memory_curves(uses: Sequence[MemoryUse], started: float, unit: float) -> list[Curve]:
    """Return memory in GiB over time, a curve for each attempt: of each GPU, or of RAM without one."""

    def scaled(points: Sequence[Point]) -> list[Point]:
        return [p._replace(step=(p.step - started) / unit, mean=p.mean / 2**30) for p in points]

    found = []
    for i, use in enumerate(uses):
        for index, series in (use.gpus or {0: use.ram}).items():
            colour, line = _look(index if _several(uses) else i)
            found.append(Curve(series.name, scaled(series.points), colour, line=line))
    return found


def render_peak_rows(frame: Frame, width: int) -> list[Content]:
    """Return the peak of each attempt, in the order in which they ran, and which curve is whose."""
    gpus = sorted({gpu for use in frame.memory for gpu in use.gpus})
    several = _several(frame.memory)
    column = max(1, min(WIDEST_PEAK, (width - NAMES) // (len(gpus) + 1)))
    heads: list[Part] = []
    for gpu in gpus:
        colour, line = _look(gpu) if several else (styles.QUIET, None)
        heads.append((f"{line.sign if line else ''}GPU{gpu}".rjust(column), colour))
    heads.append(("RAM".rjust(column), styles.QUIET))
    rows = [row(width, (fit("PEAK, GiB", NAMES), styles.HEADING), *heads)]
    titles = {phase.id: phase.title for phase in frame.snapshot.phases}
    columns: list[int | None] = [*gpus, None]
    for i, use in enumerate(frame.memory):
        colour, line = _look(i)
        again = f" {use.attempt}" if use.attempt > 1 else ""
        name = fit(titles.get(use.phase, use.phase) + again, NAMES - (0 if several else 2))
        most = [use.peak(gpu) for gpu in columns]
        values = "".join(("-" if peak is None else format_gib(peak)).rjust(column) for peak in most)
        rows.append(row(width, ("" if several else f"{line.sign} ", colour), (name, ""), (values, "")))
    return rows


def render_memory_rows(frame: Frame, width: int, height: int) -> list[Content]:
    """Return GPUs and who holds them, memory over time, and the peak of each attempt."""
    sample = frame.snapshot.machine
    rows: list[Content] = []
    if sample is not None:
        most = find_peaks(frame)
        few = 2 * len(sample.gpus) <= height // 3
        rows = [r for gpu in sample.gpus for r in render_gpu_rows(gpu, most.get(gpu.index), width, full=True)]
        rows = rows if few else render_machine_rows(frame, width, max(3, height // 3))
        if few:
            rows += [*render_holder_rows(sample, width), *render_host_rows(sample, width)]
        else:
            rows += render_holder_rows(sample, width)
    table = render_peak_rows(frame, width)
    room = height - len(rows)
    table = [table[0], *table[1:][-max(1, room - LEAST_CHART - 1) :]]
    started = frame.snapshot.started
    unit, name = next((u for u in TIME_UNITS if frame.now - started > 2 * u[0]), TIME_UNITS[-1])
    chart = plot(
        build_memory_curves(frame.memory, started, unit),
        width,
        room - len(table) - 1,
        unit=name,
        empty="no samples yet",
    )
    what = "MEMORY OF EACH GPU, GiB" if sample and sample.gpus else "RAM, GiB"
    heading = row(width, (f"{what}, over {name}", styles.HEADING))
    return [*rows, heading, *chart, *table][:height]


class MachinePanel(FrameWidget):
    """What the session does to the machine; drawn every few seconds, for its figures never stand still."""

    drawn = 0.0

    def show(self, frame: Frame) -> None:
        """Draw a new view, if the last was drawn long enough ago or shows something else."""
        before = self.frame
        same = before is not None and before.phase == frame.phase and before.snapshot.machine is not None
        if not same or frame.now - self.drawn >= REDRAW_SECONDS:
            self.drawn = frame.now
            super().show(frame)

    def draw(self, frame: Frame, width: int, height: int) -> Sequence[Content]:
        """Return the rows for GPUs or host."""
        return render_machine_rows(frame, width, height)


class MemoryPanel(MachinePanel):
    """The machine on a screen of its own, with memory over time."""

    def draw(self, frame: Frame, width: int, height: int) -> Sequence[Content]:
        """Return the rows."""
        return render_memory_rows(frame, width, height)
