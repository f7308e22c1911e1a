"""Money over time: exact amounts at every attempt, idle time, forecast and budget."""

from itertools import pairwise

import pytest
from msgspec.structs import replace

from app.plan.values import Range
from tests.tui import fake
from widgets.frame import Frame
from widgets.money_panel import (
    IDLE_SHADE,
    build_forecast,
    list_gates,
    list_spans,
    render_money_chart,
    render_money_legend,
)


def chart(frame: Frame, width: int = 66, height: int = 12) -> list[str]:
    return [row.plain for row in render_money_chart(frame, width, height)]


def test_spans_cover_the_session_and_end_at_what_was_spent() -> None:
    snapshot = fake.running().snapshot
    spans = list_spans(snapshot)
    assert [span.is_idle for span in spans] == [False, True, False, False, True, False]
    assert spans[0].start == snapshot.started
    assert all(a.end == b.start for a, b in pairwise(spans))
    assert spans[-1].end_usd == pytest.approx(snapshot.money.spent_usd)
    idle = sum(span.end_usd - span.start_usd for span in spans if span.is_idle)
    assert idle == pytest.approx(snapshot.money.idle_usd, abs=0.01)


def test_a_pod_that_was_up_before_the_session_has_already_cost_money() -> None:
    snapshot = fake.running().snapshot
    first = replace(snapshot.phases[0].attempts[0], elapsed_at_start=1800.0)
    early = fake.with_phase(snapshot, "verification", attempts=(first,))
    assert list_spans(early)[0].start_usd == pytest.approx(0.5 * snapshot.money.usd_per_hour)


def test_time_in_which_the_pod_was_stopped_costs_nothing() -> None:
    """A day passes by the wall clock between two attempts, and two billed minutes."""
    snapshot = fake.running().snapshot
    before, after = snapshot.phases[0], snapshot.phases[1]
    assert before.attempts[0].ended is not None
    billed = before.attempts[0].elapsed_at_start + before.elapsed + 120
    late = replace(
        after.attempts[0],
        started=before.attempts[0].ended + 86_400,
        ended=before.attempts[0].ended + 86_400 + 60,
        elapsed_at_start=billed,
    )
    phases = (before, replace(after, attempts=(late,)))
    span = list_spans(replace(snapshot, phases=phases))[1]
    assert span.is_idle
    assert span.end - span.start == 86_400
    assert span.end_usd - span.start_usd == pytest.approx(120 / 3600 * snapshot.money.usd_per_hour)


def test_before_the_first_attempt_everything_is_idle() -> None:
    snapshot = fake.running().snapshot
    ready = replace(snapshot, phases=tuple(replace(phase, attempts=()) for phase in snapshot.phases))
    assert [span.is_idle for span in list_spans(ready)] == [True]


def test_the_forecast_is_a_band_until_the_latest_end() -> None:
    snapshot = fake.running().snapshot
    band = build_forecast(snapshot)
    assert band is not None
    assert band.low[0] == band.high[0]
    assert band.low[0].mean == snapshot.money.spent_usd
    assert (band.low[-1].mean, band.high[-1].mean) == (11.2, 13.9)
    assert band.low[-1].step == band.high[-1].step == snapshot.money.ends_at.high


def test_no_forecast_is_drawn_once_nothing_can_be_forecast() -> None:
    for frame in (fake.finished(), fake.stalled()):
        assert build_forecast(frame.snapshot) is None
        assert not any("forecast" in row for row in chart(frame))


def test_gates_are_marked_where_they_were_decided_and_where_one_is_open() -> None:
    snapshot = fake.gate_passes().snapshot
    assert snapshot.gate is not None
    assert list_gates(snapshot) == [*(d.at for d in snapshot.decisions), snapshot.gate.opened]
    assert chart(fake.gate_passes())[-2].count("◆") == 3


def test_idle_time_differs_from_running_time_without_color() -> None:
    text = "".join(chart(fake.running()))
    assert IDLE_SHADE in text
    assert "█" in text
    assert render_money_legend(fake.running(), 66).plain.startswith("█ phases $5.34  ░ idle $1.10  ◆ gate")


def test_the_budget_is_a_line_unless_it_would_flatten_the_curve() -> None:
    frame = fake.running()
    assert any("budget $25" in row for row in chart(frame))
    rich = replace(frame.snapshot.money, budget_usd=5000.0)
    rows = chart(replace(frame, snapshot=replace(frame.snapshot, money=rich)))
    assert not any("budget" in row for row in rows)


@pytest.mark.parametrize("budget", [0.0, -1.0, float("inf"), float("nan")])
def test_any_budget_can_be_drawn(budget: float) -> None:
    frame = fake.running()
    money = replace(frame.snapshot.money, budget_usd=budget, forecast_usd=Range(0.0, 0.0))
    assert chart(replace(frame, snapshot=replace(frame.snapshot, money=money)))


def test_a_free_machine_has_a_chart() -> None:
    frame = fake.running()
    free = fake.money(0.0, usd_per_hour=0.0, idle_usd=0.0, forecast_usd=Range(0.0, 0.0))
    assert len(chart(replace(frame, snapshot=replace(frame.snapshot, money=free)))) == 12
