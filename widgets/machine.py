"""GPUs, or without one the CPU and RAM: memory and its peak against capacity, load, power, temperature."""

from collections.abc import Sequence

from textual.content import Content

from app.session.snapshot import GpuSample, MachineSample
from widgets import format as fmt
from widgets.header import bar
from widgets.rows import Part, ViewRows, row
from widgets.view import View

NARROW_CELL = 17
REDRAW_SECONDS = 2.5


def peaks(view: View) -> dict[int, int]:
    """Return the most memory that each GPU has used during the attempt that is shown."""
    most: dict[int, int] = {}
    for sample in view.record.machine if view.record else ():
        for gpu in sample.gpus:
            most[gpu.index] = max(most.get(gpu.index, 0), gpu.memory_used)
    return most


def _memory_style(used: float, total: float) -> str:
    share = used / total if total else 0.0
    return fmt.BAD if share > 0.97 else fmt.WARN if share > 0.9 else fmt.GOOD  # noqa: PLR2004


def _percent(share: float | None) -> str:
    return "  -%" if share is None else f"{share:3.0f}%"


def gauge_row(width: int, name: str, used: float, total: float) -> Content:
    """Return a row with a name, a bar and `used/total GiB`."""
    figures = f" {fmt.gib(used)}/{fmt.gib(total)} GiB"
    room = width - len(name) - 1 - len(figures)
    parts = bar(max(3, room), used / total if total else 0.0, style=_memory_style(used, total))
    return row(width, (f"{name} ", fmt.QUIET), *parts, (figures, ""))


def gpu_rows(gpu: GpuSample, peak: int | None, width: int) -> list[Content]:
    """Return two rows for one GPU."""
    facts = [_percent(gpu.utilisation).strip()]
    if gpu.power_watts is not None:
        facts.append(f"{gpu.power_watts:.0f} W")
    if gpu.temperature is not None:
        facts.append(f"{gpu.temperature:.0f} C")
    if peak is not None:
        facts.append(f"peak {fmt.gib(max(peak, gpu.memory_used))}")
    return [
        gauge_row(width, f"GPU{gpu.index}", gpu.memory_used, gpu.memory_total),
        row(width, (" " * 5 + "  ".join(facts), fmt.QUIET)),
    ]


def gpu_cell(gpu: GpuSample) -> list[Part]:
    """Return one GPU in a few characters: `3 44.1/80.0 98%`."""
    style = _memory_style(gpu.memory_used, gpu.memory_total)
    figures = f"{fmt.gib(gpu.memory_used)}/{fmt.gib(gpu.memory_total)}"
    return [
        (f"{gpu.index} ", fmt.QUIET),
        (f"{figures:<10}", style),
        (f"{_percent(gpu.utilisation)}", fmt.QUIET),
    ]


def gpu_line(gpu: GpuSample, width: int) -> Content:
    """Return one GPU in one row with a bar."""
    figures = f" {fmt.gib(gpu.memory_used)}/{fmt.gib(gpu.memory_total)} {_percent(gpu.utilisation)}"
    if gpu.temperature is not None:
        figures += f" {gpu.temperature:.0f}C"
    style = _memory_style(gpu.memory_used, gpu.memory_total)
    gauge = bar(width - len(figures) - 5, gpu.memory_used / (gpu.memory_total or 1), style=style)
    return row(width, (f"GPU{gpu.index} ", fmt.QUIET), *gauge, (figures, ""))


def host_rows(sample: MachineSample, width: int) -> list[Content]:
    """Return CPU and RAM."""
    cores = f" {sample.cpu:.0f}% of {sample.cores} core{'s' if sample.cores != 1 else ''}"
    room = max(3, width - 5 - len(cores))
    return [
        row(width, ("CPU  ", fmt.QUIET), *bar(room, sample.cpu / 100), (cores, "")),
        gauge_row(width, "RAM ", sample.memory_used, sample.memory_total),
    ]


def machine_rows(view: View, width: int, height: int) -> list[Content]:
    """Return as much about the machine as the height allows."""
    sample = view.snapshot.machine
    if sample is None:
        return [Content.styled("no machine figures yet", fmt.QUIET)]
    gpus = sample.gpus
    if not gpus:
        rows = host_rows(sample, width)
        phase = f"phase {fmt.gib(sample.phase_memory)} GiB  " if sample.phase_memory is not None else ""
        return [*rows, row(width, (f"{phase}disk free {fmt.size(sample.disk_free)}", fmt.QUIET))][:height]
    if 2 * len(gpus) <= height:
        most = peaks(view)
        rows = [r for gpu in gpus for r in gpu_rows(gpu, most.get(gpu.index), width)]
    elif len(gpus) <= height:
        rows = [gpu_line(gpu, width) for gpu in gpus]
    else:
        across = max(1, (width + 1) // NARROW_CELL)
        rows = []
        for start in range(0, len(gpus), across):
            parts = [part for gpu in gpus[start : start + across] for part in (*gpu_cell(gpu), (" ", ""))]
            rows.append(row(width, *parts[:-1]))
    if len(rows) < height:
        host = f"CPU {sample.cpu:.0f}%  RAM {fmt.gib(sample.memory_used)}/{fmt.gib(sample.memory_total)} GiB"
        rows.append(row(width, (host, fmt.QUIET)))
    return rows[:height]


class MachinePanel(ViewRows):
    """What the session does to the machine; drawn every few seconds, for its figures never stand still."""

    drawn = 0.0

    def show(self, view: View) -> None:
        """Draw a new view, if the last was drawn long enough ago or shows something else."""
        before = self.view
        same = before is not None and before.phase == view.phase and before.snapshot.machine is not None
        if not same or view.now - self.drawn >= REDRAW_SECONDS:
            self.drawn = view.now
            super().show(view)

    def draw(self, view: View, width: int, height: int) -> Sequence[Content]:
        """Return the rows for GPUs or host."""
        return machine_rows(view, width, height)
