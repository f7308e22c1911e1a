"""GPU memory over the session with capacity, prediction and peaks; utilization and power."""

from msgspec.structs import replace

from app.monitor.machine_sample import GpuSample
from tests.tui import fake
from widgets.frame import Frame
from widgets.machine_charts import (
    MemoryChart,
    PowerChart,
    UtilizationChart,
    list_loads,
    render_memory_chart,
)


def chart(frame: Frame, width: int = 84, height: int = 12) -> str:
    return "\n".join(row.plain for row in render_memory_chart(frame, width, height))


def title(panel: MemoryChart | UtilizationChart | PowerChart, frame: Frame) -> str:
    return "".join(text for text, _ in panel.make_title(frame))


def test_each_attempt_has_its_peak_and_the_current_phase_its_prediction() -> None:
    text = chart(fake.running())
    for note in ("18.0", "28.9", "40.0", "51.0", "capacity 80.0", "predicted 53.2"):
        assert text.count(note) == 1, note


def test_without_a_prediction_none_is_drawn() -> None:
    frame = fake.running()
    unknown = fake.with_phase(frame.snapshot, "sft_training", predicted_memory=None)
    assert "predicted" not in chart(replace(frame, snapshot=unknown))


def test_a_prediction_is_not_drawn_over_the_memory_of_a_host() -> None:
    frame = fake.no_gpu()
    predicted = fake.with_phase(frame.snapshot, "sft_training", predicted_memory=1.0 * fake.GIB)
    assert "predicted" not in chart(replace(frame, snapshot=predicted))
    assert title(MemoryChart(), frame) == "RAM, GiB now 3.1"


def test_titles_have_the_values_now() -> None:
    one, eight = fake.running(), fake.eight_gpus()
    assert title(MemoryChart(), one) == "GPU MEMORY, GiB now 44.1 · NVIDIA A100-SXM4-80GB · 61 C"
    assert title(MemoryChart(), eight) == "GPU MEMORY, GiB now 70.0 · 8 x NVIDIA A100-SXM4-80GB · 61 C"
    assert title(UtilizationChart(), one) == "UTILIZATION 98 %"
    assert title(UtilizationChart(), eight) == "UTILIZATION 56-98 %"
    assert title(UtilizationChart(), fake.no_gpu()) == "CPU 37 %"
    assert title(PowerChart(), one) == "POWER 412 W"


def test_each_of_a_few_gpus_is_named_with_the_line_of_its_curve() -> None:
    assert title(MemoryChart(), fake.two_gpus()) == "GPU MEMORY, GiB  ─ GPU0 44.1  · GPU1 78.6 · 61 C"
    silent = fake.two_gpus(GpuSample(index=1, name="NVIDIA GB10"))
    assert title(MemoryChart(), silent) == "GPU MEMORY, GiB  ─ GPU0 44.1  · GPU1 - · 61 C"


def test_loads_of_a_few_gpus_become_a_range_if_they_do_not_fit() -> None:
    machine = fake.two_gpus().snapshot.machine
    assert machine is not None

    def text(values: list[float | None], room: int) -> str:
        return "".join(part for part, _ in list_loads(machine.gpus, values, "%", room))

    assert text([98.0, 71.0], 10) == " ─98 ·71 %"
    assert text([98.0, 71.0], 9) == " 71-98 %"
    assert text([98.0, None], 20) == " ─98 ·- %"
    assert text([None, None], 0) == ""


def test_a_gpu_that_reports_nothing_has_a_title_and_a_chart() -> None:
    frame = fake.running()
    machine = frame.snapshot.machine
    assert machine is not None
    names = ("memory_used", "memory_total", "utilisation", "power_watts", "temperature")
    silent = tuple(replace(gpu, **dict.fromkeys(names)) for gpu in machine.gpus)
    snapshot = replace(frame.snapshot, machine=replace(machine, gpus=silent))
    frame = replace(frame, snapshot=snapshot, machine_use=())
    assert title(MemoryChart(), frame) == "GPU MEMORY, GiB · NVIDIA A100-SXM4-80GB"
    assert title(UtilizationChart(), frame) == "UTILIZATION"
    assert "no samples yet" in chart(frame)


def test_rows_are_kept_until_time_has_moved_by_a_dot() -> None:
    panel, frame = MemoryChart(), fake.running()
    first = panel.draw(frame, 80, 12)
    assert panel.draw(replace(frame, now=frame.now + 1), 80, 12) is first
    assert panel.draw(replace(frame, now=frame.now + 300), 80, 12) is not first
    again = panel.draw(frame, 80, 12)
    assert panel.draw(replace(frame, machine_use=frame.machine_use[:2]), 80, 12) is not again


def test_charts_of_the_machine_span_the_session_although_nothing_is_sampled_at_a_gate() -> None:
    frame = fake.running()
    hours = (frame.now - frame.snapshot.started) / 3600
    later = frame.snapshot.now + 4 * 3600
    over = replace(frame, snapshot=replace(frame.snapshot, now=later, machine=None))
    for chart in (MemoryChart(), UtilizationChart()):
        labels = [row.plain for row in chart.draw_rows(over, 100, 10)][-1].split()
        assert float(labels[-2]) > hours + 3, labels


def test_the_charts_of_a_young_session_follow_its_axis() -> None:
    panel, frame = MemoryChart(), fake.running()
    started, drawn, rows = frame.snapshot.started, 0, None
    for second in range(1, 31):
        now = replace(frame, now=started + second, snapshot=replace(frame.snapshot, now=started + second))
        drawn += panel.draw(now, 80, 12) is not rows
        rows = panel.draw(now, 80, 12)
    assert drawn == 4  # At 1, 2, 8 and 30 s.
