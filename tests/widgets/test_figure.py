"""The chart of the selected attempt."""

import pytest
from msgspec.structs import replace
from textual.content import Content

from app.monitor.series import SeriesBuilder
from tests.tui import fake
from widgets import figure as figure_module
from widgets import styles
from widgets.curve import DASHED, DOTTED, SOLID
from widgets.figure import (
    MIN_SMOOTHED_VALUES,
    ChartSettings,
    Figure,
    build_curves,
    group_metrics,
    has_figure,
    render_figure_rows,
    render_heading_rows,
    select_series,
)
from widgets.frame import Frame


def test_a_chart_without_room_leaves_its_values() -> None:
    rows = render_figure_rows(fake.running(), ChartSettings(), 60, 3)
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
    assert render_figure_rows(fake.running(), ChartSettings(), 33, 9)[0].plain == said


@pytest.mark.parametrize(
    ("names", "groups"),
    [
        (["reward", "kl", "loss"], [("loss",), ("kl",), ("reward",)]),
        (["loss", "val_loss", "ms"], [("loss", "val_loss"), ("ms",)]),
        (["reward", "eval_reward", "accuracy"], [("accuracy",), ("reward", "eval_reward")]),
        (["eval_loss", "val_bpb"], [("eval_loss",), ("val_bpb",)]),
        (["loss", "eval_loss", "val_loss"], [("loss", "eval_loss"), ("val_loss",)]),
    ],
)
def test_every_metric_is_in_one_group(names: list[str], groups: list[tuple[str, ...]]) -> None:
    assert group_metrics(names) == groups


def test_the_background_has_its_own_line_style() -> None:
    frame = fake.retried()
    assert frame.output is not None
    [loss, held_out] = select_series(frame.output, 0)[0]
    lines = [curve.line for curve in build_curves(frame.output, [loss, held_out], 0.9)]
    assert lines == [SOLID, DASHED, DOTTED, DOTTED]
    assert render_figure_rows(frame, ChartSettings(), 60, 9)[1].plain == "· attempt 1"


def test_there_is_a_figure_where_there_is_something_to_draw() -> None:
    assert has_figure(fake.running().output)
    assert has_figure(fake.attempt_output("sft_data", samples=fake.samples(1)))
    assert has_figure(fake.attempt_output("sft_data", reading=True))
    assert not has_figure(fake.attempt_output("sft_data"))
    assert not has_figure(None)


def test_a_chart_is_made_again_only_where_it_shows_something_new(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Frame] = []

    def rows(frame: Frame, settings: ChartSettings, width: int, height: int) -> list[Content]:
        made.append(frame)
        return render_figure_rows(frame, settings, width, height)

    monkeypatch.setattr(figure_module, "render_figure_rows", rows)
    figure, frame = Figure(), fake.running()
    assert frame.output is not None
    first = figure.draw(frame, 40, 10)
    longer = replace(frame, now=frame.now + 1, output=replace(frame.output, log=fake.training_log(1300)))
    assert figure.draw(longer, 40, 10) == first
    assert len(made) == 1
    onward = replace(frame, output=replace(frame.output, series=fake.training_series(1300)))
    assert figure.draw(onward, 40, 10) != first
    figure.draw(onward, 41, 10)
    assert len(made) == 3


def test_the_chart_is_drawn_again_when_a_curve_has_moved_by_a_dot_but_the_legend_always() -> None:
    def frame(steps: int) -> Frame:
        values = fake.series({"loss": [(s, 2.0 + s % 7) for s in range(steps)]})
        return replace(fake.running(), output=fake.attempt_output("sft_training", series=values))

    figure = Figure()
    first = figure.draw(frame(4096), 40, 12)
    soon, later = figure.draw(frame(4097), 40, 12), figure.draw(frame(4096 + 64), 40, 12)
    assert soon[0].plain != first[0].plain, "the legend has the last value"
    assert all(a is b for a, b in zip(soon[1:], first[1:], strict=True))
    assert not all(a is b for a, b in zip(later[1:], first[1:], strict=True))


def test_a_value_that_is_not_finite_is_marked_at_once() -> None:
    figure, values = Figure(), [(float(s), 2.0) for s in range(4096)]

    def draw(pairs: list[tuple[float, float]]) -> list[str]:
        output = fake.attempt_output("sft_training", series=fake.series({"loss": pairs}))
        return [r.plain for r in figure.draw(replace(fake.running(), output=output), 40, 12)]

    assert "×" not in "".join(draw(values)[1:])
    assert "×" in "".join(draw([*values, *[(4096.0 + i, float("nan")) for i in range(200)]])[1:])


def test_smoothing_that_has_too_few_values_says_from_how_many_it_applies() -> None:
    def render_settings(values: int) -> str:
        builder = SeriesBuilder("loss")
        for step in range(values):
            builder.add(step, 1.0)
        output = fake.attempt_output("sft_training", series={"loss": builder.series()})
        frame = replace(fake.running(), output=output)
        return render_heading_rows(frame, ChartSettings(smoothing=1), 60)[1].plain

    assert render_settings(MIN_SMOOTHED_VALUES - 1) == f"EMA 0.6 from {MIN_SMOOTHED_VALUES} values"
    assert render_settings(MIN_SMOOTHED_VALUES) == "EMA 0.6"


@pytest.mark.parametrize(
    ("width", "others"), [(40, ""), (60, "lr 0.0001053"), (80, "lr 0.0001053   grad 0.5566   tok/s 1,670")]
)
def test_the_legend_has_as_many_other_metrics_as_fit(width: int, others: str) -> None:
    legend = render_heading_rows(fake.running(), ChartSettings(), width)[0]
    assert len(legend.plain) == width
    words = legend.plain.removesuffix("1/4").split("held-out")[1].split("   ")
    assert "   ".join(word.strip() for word in words[1:] if word.strip()) == others


def test_another_metric_that_is_not_finite_stands_out_in_the_legend() -> None:
    values = fake.series({"loss": [(1, 2.0), (2, 1.9)], "grad_norm": [(1, 0.4), (2, float("nan"))]})
    frame = replace(fake.running(), output=fake.attempt_output("sft_training", series=values))
    legend = render_heading_rows(frame, ChartSettings(), 60)[0]
    assert "grad NaN" in legend.plain
    assert any(legend.plain[s.start : s.end] == "NaN" and s.style == styles.ALARM for s in legend.spans)
