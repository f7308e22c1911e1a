"""The phase that is looked at, where little is known of it."""

from dataclasses import replace

import pytest
from textual.content import Content

from app.session.snapshot import ProgressView
from tests.tui import fake
from widgets import detail, styles
from widgets.chart import DASHED, DOTTED, SOLID
from widgets.detail import Chart, curves, detail_rows, figure_rows, has_figure, shown_series
from widgets.view import View


def test_without_a_conductor_progress_is_not_said_to_be_none() -> None:
    view = fake.starting()
    assert "no progress yet" in detail_rows(view, 34)[1].plain
    assert "progress not known" in detail_rows(replace(view, lost="no conductor"), 40)[1].plain


def test_a_chart_without_room_leaves_its_values() -> None:
    rows = figure_rows(fake.running(), Chart(), 60, 3)
    assert len(rows) == 1
    assert "loss 0.80" in rows[0].plain


@pytest.mark.parametrize(
    ("ascii_only", "said"),
    [(False, "─ loss 0.804 ╌ held-out 0.803 1/4"), (True, ": loss 0.804 o held-out 0.803 1/4")],
)
def test_the_legend_says_which_line_is_whose(
    monkeypatch: pytest.MonkeyPatch, ascii_only: bool, said: str
) -> None:
    monkeypatch.setattr(styles.terminal, "ascii", ascii_only)
    assert figure_rows(fake.running(), Chart(), 33, 9)[0].plain == said


def test_what_lies_behind_has_a_line_of_its_own() -> None:
    view = fake.retried()
    assert view.record is not None
    [loss, held_out] = shown_series(view.record, 0)[0]
    lines = [curve.line for curve in curves(view.record, [loss, held_out], 0.9)]
    assert lines == [SOLID, DASHED, DOTTED, DOTTED]
    assert figure_rows(view, Chart(), 60, 9)[1].plain == "· attempt 1"


def test_there_is_a_figure_where_there_is_something_to_draw() -> None:
    assert has_figure(fake.running().record)
    assert has_figure(fake.record("sft_data", samples=fake.samples(1)))
    assert has_figure(fake.record("sft_data", reading=True))
    assert not has_figure(fake.record("sft_data"))
    assert not has_figure(None)


def test_a_chart_is_made_again_only_where_it_shows_something_new(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[View] = []

    def rows(view: View, chart: Chart, width: int, height: int) -> list[Content]:
        made.append(view)
        return figure_rows(view, chart, width, height)

    monkeypatch.setattr(detail, "figure_rows", rows)
    figure, view = detail.Figure(), fake.running()
    assert view.record is not None
    first = figure.draw(view, 40, 10)
    longer = replace(view, now=view.now + 1, record=replace(view.record, log=fake.training_log(1300)))
    assert figure.draw(longer, 40, 10) == first
    assert len(made) == 1
    onward = replace(view, record=replace(view.record, series=fake.training_series(1300)))
    assert figure.draw(onward, 40, 10) != first
    figure.draw(onward, 41, 10)
    assert len(made) == 3


@pytest.mark.parametrize(
    ("done", "total", "unit", "rate"),
    [
        (37_600_000, 100_000_000, "bytes", 9_179_492.0),
        (1e300, 1e301, "examples", 2e9),
        (184, 2500, "steps", 3),
    ],
)
def test_large_counts_keep_their_unit(done: float, total: float, unit: str, rate: float) -> None:
    view = fake.running()
    progress = ProgressView(done=done, total=total, unit=unit, at=view.now, rate=rate)
    rows = detail_rows(View(fake.with_phase(view.snapshot, "sft_training", progress=progress), view.now), 34)
    assert rows[1].plain.endswith(f" {unit}")
    assert rows[1].plain.count("░") > 3
    assert rows[2].plain.endswith(f" {unit}/s")


def test_a_phase_that_stalls_has_no_pace() -> None:
    view = fake.stalled()
    progress = ProgressView(done=9, total=100, unit="steps", at=view.now - 15, rate=3.32)
    rows = detail_rows(View(fake.with_phase(view.snapshot, "sft_training", progress=progress), view.now), 34)
    assert rows[2].plain == "STALLED  last progress 15 s ago"
