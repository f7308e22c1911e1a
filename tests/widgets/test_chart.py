"""The chart as rows of text."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from app.monitor.series import LIMIT, Point, SeriesBuilder
from app.tui.ascii_filter import to_ascii
from widgets import styles
from widgets.axis import ValueAxis, label_values, render_step_labels
from widgets.chart import plot
from widgets.curve import DASHED, DOTTED, LINE_STYLES, Curve, find_nearest, smooth

NUMBERS = st.floats(allow_nan=True, allow_infinity=True, width=32)


def curve(*values: float, start: int = 0) -> Curve:
    builder = SeriesBuilder("loss")
    for step, value in enumerate(values, start):
        builder.add(step, value)
    return Curve("loss", builder.series().points, "red")


def text(*curves: Curve, width: int = 24, height: int = 8, log: bool = False) -> list[str]:
    return [row.plain.rstrip() for row in plot(curves, width, height, log=log)]


def test_a_line_that_falls() -> None:
    assert text(curve(4, 3, 2, 1, 0)) == [
        "   4┤⠢⢄⡀",
        "    │  ⠈⠑⠢⣀",
        "    │      ⠑⠢⣀",
        "   2┤         ⠉⠢⠤⡀",
        "    │            ⠈⠉⠢⢄⡀",
        "   0┤                ⠈⠑⠢",
        "    └┬────────┬────────┬",
        "     0        2     step",
    ]


@pytest.mark.parametrize("unit", ["step", "seconds", "minutes"])
@pytest.mark.parametrize("width", range(16, 90))
def test_the_unit_of_the_steps_is_on_every_axis_with_labels(width: int, unit: str) -> None:
    for last in (4, 23, 45, 300, 2_500):
        [*_, labels] = plot([curve(1.0, *[0.5] * last)], width, 8, unit=unit)
        assert labels.plain.rstrip().endswith(f" {unit}"), labels.plain
        assert labels.plain.split()[0] == "0"


def test_a_single_label_without_room_next_to_the_unit_replaces_it() -> None:
    assert render_step_labels({6: "1,000"}, 0, 12, "minutes") == "    1,000   "


@pytest.mark.parametrize(("low", "high"), [(5.536, 5.556), (12_345.1, 12_346.9), (0.99991, 0.99999)])
def test_close_values_have_different_labels(low: float, high: float) -> None:
    axis = ValueAxis(low, high, 14)
    labels = list(label_values(axis).values())
    assert len(set(labels)) == len(labels) > 1


def test_curves_differ_without_color() -> None:
    low, high = curve(*[1.0] * 30), curve(*[2.0] * 30)
    rows = text(low, replace(high, line=DASHED), width=24, height=6)
    assert [row[5:].replace("\u2800", " ") for row in rows[:-2]] == [
        "⠒⠒  ⠒⠒  ⠒⠒  ⠒⠒  ⠒⠒",
        "",
        "",
        "⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤",
    ]


def test_curves_differ_to_ascii(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(styles.terminal, "ascii", True)
    levels = [replace(curve(*[float(level)] * 40), line=line) for level, line in enumerate(LINE_STYLES)]
    rows = [row[5:] for row in text(*levels, width=30, height=6)[:-2]]
    assert [set(row) - {" "} for row in rows] == [{"+"}, {"%"}, {"o"}, {"."}]
    assert len({line.symbol for line in LINE_STYLES}) == len(LINE_STYLES)


def test_a_spike_is_seen_whatever_the_line() -> None:
    for line in LINE_STYLES:
        for at in range(60):
            values = [0.0] * 60
            values[at] = 1.0
            rows = text(replace(curve(*values), line=line), width=36, height=10)
            assert any(0x2800 < ord(c) < 0x2900 for row in rows[1:6] for c in row), (line, at)


def test_a_single_value_between_gaps_is_seen_whatever_the_line() -> None:
    for start in range(8):
        values = [math.nan] * start + [1.0, math.nan]
        rows = plot([replace(curve(*values), line=DOTTED)], 24, 6, window=(0, 37))
        assert any(0x2800 < ord(c) < 0x2900 for row in rows for c in row.plain)


def test_a_gap_is_left_where_values_are_missing_and_marked_below() -> None:
    values = [1.0] * 20 + [math.nan, math.inf, -math.inf] * 7 + [1.0] * 20
    rows = text(curve(*values), width=40, height=6)
    line = next(row for row in rows if "⠤" in row or "⠒" in row or "⠉" in row or "⣀" in row)
    drawn = line.split("│")[-1].split("┤")[-1]
    gap = drawn.strip().replace("⠀", " ")
    assert " " * 8 in gap, "the points beside a gap are not joined"
    assert rows[-2].count("×") >= 8


def test_only_missing_values() -> None:
    rows = text(curve(math.nan, math.nan))
    assert any("every value is NaN" in row for row in rows)
    assert "×" * 10 in rows[-2]


def test_nothing_yet() -> None:
    assert any("no values yet" in row for row in text())


def test_one_value() -> None:
    rows = text(curve(0.5))
    assert sum(any(0x2800 < ord(c) < 0x2900 for c in row) for row in rows) == 1


def test_a_logarithmic_axis_is_straight_for_a_power() -> None:
    rows = text(curve(*(10.0**-i for i in range(5))), log=True, height=12, width=30)
    assert [row.split("┤")[0].strip() for row in rows if "┤" in row] == [
        "1",
        "0.01",
        "0.0001",
    ]
    dots = [row for row in rows[:-2] if any(0x2800 < ord(c) < 0x2900 for c in row)]
    assert len(dots) == 10, "each power of ten takes the same height"


def test_a_logarithmic_axis_leaves_out_what_is_not_positive() -> None:
    assert "×" in text(curve(1, 0, -1, 10, 100), log=True)[-2]


def test_the_first_curve_is_on_top() -> None:
    same = [curve(1, 2, 3), Curve("other", curve(1, 2, 3).points, "blue")]
    rows = plot(same, 24, 8)
    assert not any(span.style == "blue" for row in rows for span in row.spans)


def test_a_window_shows_its_steps_alone_and_the_cursor_marks_one() -> None:
    rows = [row.plain for row in plot([curve(*range(100))], 30, 8, window=(40, 60), cursor=50)]
    assert rows[-1].split() == ["40", "50", "60", "step"] or rows[-1].split()[0] == "40"
    assert rows[-2].index("▲") == rows[0].rindex("│")
    assert [row.split("┤")[0].strip() for row in rows if "┤" in row] == ["60", "50", "40"]


def test_the_background_does_not_stretch_the_axis() -> None:
    behind = Curve("loss", curve(*range(0, 5000, 50)).points, "$line", background=True)
    alone, both = text(curve(*range(100))), text(curve(*range(100)), behind)
    labels = [[row.split("┤")[0] for row in rows if "┤" in row] for rows in (alone, both)]
    assert labels[0] == labels[1]
    assert alone != both
    assert text(behind) == text(replace(behind, background=False)), "alone it makes the axis"


def test_smoothing_keeps_a_constant_and_gaps_and_weighs_points_by_their_values() -> None:
    assert [p.mean for p in smooth(curve(2, 2, 2).points, 0.9)] == pytest.approx([2, 2, 2])
    rough = smooth(curve(0, math.nan, 1, 1).points, 0.5)
    assert not rough[1].finite
    assert [p.mean for p in rough if p.finite] == pytest.approx([0, 2 / 3, 6 / 7])
    two = Point(1, 1.0, 1.0, 1.0, 2, 0)
    assert smooth([*curve(0).points, two], 0.5)[-1].mean == pytest.approx(6 / 7)


def test_the_nearest_point() -> None:
    points = curve(5, 6, 7).points
    assert [find_nearest(points, step) for step in (-9, 1.4, 99)] == [points[0], points[1], points[2]]
    assert find_nearest([], 0) is None


@given(
    st.lists(NUMBERS, max_size=60), st.floats(-10, 70), st.floats(0, 70), st.floats(-10, 70), st.booleans()
)
def test_any_window_and_cursor_give_rows(
    values: list[float], first: float, span: float, cursor: float, log: bool
) -> None:
    rows = plot([curve(*values)], 40, 9, log=log, window=(first, first + span), cursor=cursor)
    assert len(rows) <= 9
    assert all(row.cell_length <= 40 for row in rows)


def test_ascii(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(styles.terminal, "ascii", True)
    rows = [to_ascii(row) for row in text(curve(1, math.nan, 3))]
    assert all(row.isascii() and "?" not in row for row in rows)


@given(st.lists(NUMBERS, max_size=60), st.integers(1, 120), st.integers(1, 40), st.booleans())
def test_any_values_at_any_size_give_rows_of_that_size(
    values: list[float], width: int, height: int, log: bool
) -> None:
    rows = plot([curve(*values)], width, height, log=log)
    assert len(rows) <= max(1, height)
    assert all(row.cell_length <= width for row in rows)


def test_a_long_series_is_bounded_and_keeps_its_shape() -> None:
    builder = SeriesBuilder("loss")
    for step in range(100_000):
        builder.add(step, math.nan if 50_000 <= step < 60_000 else step / 1000)
    series = builder.series()
    assert len(series.points) <= LIMIT
    assert (series.total, series.missing) == (100_000, 10_000)
    assert series.points[-1].step == 99_999
    assert all(p.low <= p.mean <= p.high for p in series.points if p.finite)
    assert "×" in text(Curve("loss", series.points, ""), width=60)[-2]


def value_labels(*values: float, log: bool = False) -> list[str]:
    rows = text(curve(*values), width=60, height=14, log=log)
    return [row.split("┤")[0].strip() for row in rows if "┤" in row]


def test_labels_of_the_value_axis_have_the_same_digits() -> None:
    labels = value_labels(0.95, 1.2, 1.55)
    assert "1.0" in labels
    assert len({len(label) for label in labels}) == 1


def test_a_logarithmic_axis_over_little_has_labels_too() -> None:
    assert len(value_labels(2.3, 2.25, 2.18, log=True)) > 1
