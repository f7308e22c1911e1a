"""Memory over time, and whose curve is which."""

from msgspec.structs import replace

from app.monitor.machine_sample import GpuSample
from tests.tui import fake
from widgets.curve import CHAIN, DASHED, DOTTED, SOLID
from widgets.frame import Frame
from widgets.machine_panel import (
    build_memory_curves,
    name_gpus,
    render_gpu_cell,
    render_gpu_line,
    render_gpu_rows,
    render_machine_rows,
    render_memory_rows,
    render_peak_rows,
)


def test_one_gpu_has_a_line_for_each_phase() -> None:
    frame = fake.running()
    curves = build_memory_curves(frame.machine_use, frame.snapshot.started, 3600.0)
    assert [curve.line for curve in curves] == [SOLID, DASHED, CHAIN, DOTTED]
    assert [row.plain.rstrip() for row in render_peak_rows(frame, 80)] == [
        "PEAK, GiB                     GPU0     RAM",
        "─ Verification                18.0     3.0",
        "╌ Baseline evaluation         28.9     4.0",
        "╸ SFT data                    40.0     5.0",
        "· SFT training                51.0     6.0",
    ]


def test_each_of_eight_gpus_has_its_line_and_its_peak_at_80_columns() -> None:
    frame = fake.eight_gpus()
    curves = build_memory_curves(frame.machine_use, frame.snapshot.started, 3600.0)
    assert len({(curve.style, curve.line) for curve in curves}) == 8
    assert len({curve.line for curve in curves[:4]}) == 4
    heading, first, *_ = (row.plain for row in render_peak_rows(frame, 80))
    assert heading == "PEAK, GiB                  ─GPU0 ╌GPU1 ╸GPU2 ·GPU3 ─GPU4 ╌GPU5 ╸GPU6 ·GPU7   RAM"
    assert first == "Verification                18.0  18.0  18.0  18.0  18.0  18.0  18.0  18.0   3.0"


def test_the_first_minutes_are_counted_in_seconds() -> None:
    frame = fake.running()
    for now, unit in ((90, "seconds"), (600, "minutes"), (9000, "hours")):
        young = replace(frame, now=frame.snapshot.started + now)
        assert any(f"over {unit}" in row.plain for row in render_memory_rows(young, 80, 21))


def test_a_gpu_without_memory_information_is_shown_at_every_size() -> None:
    gpu = GpuSample(index=0, name="NVIDIA GB10", utilisation=42.0)
    gauge, facts = render_gpu_rows(gpu, None, 60, details=True)
    assert gauge.plain.rstrip() == "GPU0 does not report its memory"
    assert facts.plain.rstrip() == "     42%  NVIDIA GB10"
    assert render_gpu_line(gpu, 40).plain.rstrip() == "GPU0 does not report its memory  42%"
    unknown = GpuSample(index=1, name="NVIDIA GB10")
    rows = [row.plain.strip() for row in render_gpu_rows(unknown, None, 60)]
    assert rows == ["GPU1 does not report its memory", ""]
    assert "".join(text for text, _ in render_gpu_cell(gpu)) == "0 -/-        42%"


def test_the_title_names_each_kind_of_gpu_once() -> None:
    a100, part = "NVIDIA A100-SXM4-80GB", "NVIDIA A100-SXM4-80GB MIG 3g.40gb"
    names = [GpuSample(index=n, name=name) for n, name in enumerate((a100, a100, part))]
    assert name_gpus(names[:1]) == a100
    assert name_gpus(names) == f"2 x {a100}, {part}"


def test_a_session_that_is_over_has_its_peaks() -> None:
    def render_first_row(frame: Frame) -> str:
        frame = replace(frame, snapshot=replace(frame.snapshot, machine=None))
        return render_machine_rows(frame, 60, 3)[0].plain.rstrip()

    over = replace(fake.finished(), machine_use=fake.running().machine_use)
    assert render_first_row(over) == "peak GPU memory 51.0 GiB, RAM 6.0 GiB"
    assert render_first_row(replace(over, machine_use=())) == "no machine data"
    assert render_first_row(fake.running()) == "no machine data yet"
