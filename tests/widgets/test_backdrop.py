"""Areas, bands, notes and marks behind the curves of a chart."""

from app.monitor.series import make_point
from widgets.backdrop import Area, Backdrop, Band, Note, interpolate
from widgets.chart import plot

RAMP = [make_point(0.0, 0.0), make_point(10.0, 10.0)]


def text(backdrop: Backdrop, width: int = 26, height: int = 8) -> list[str]:
    return [row.plain.rstrip() for row in plot([], width, height, backdrop=backdrop)]


def test_values_between_points_lie_on_a_line_and_there_are_none_outside() -> None:
    assert interpolate(RAMP, 2.5) == 2.5
    assert interpolate(RAMP, 10.0) == 10.0
    assert interpolate(RAMP, -0.1) is None
    assert interpolate(RAMP, 10.1) is None
    assert interpolate([], 1.0) is None
    assert interpolate([make_point(0.0, None), make_point(1.0, 1.0)], 0.5) is None


def test_two_points_at_one_step_are_a_jump() -> None:
    jump = [make_point(1.0, 1.0), make_point(1.0, 5.0)]
    assert interpolate(jump, 1.0) == 5.0


def test_an_area_is_filled_down_to_the_axis() -> None:
    rows = text(Backdrop([Area(RAMP, "blue")], from_zero=True))
    assert rows[5].endswith("█")
    full = [row.count("█") for row in rows[:6]]
    assert full == sorted(full), "it is wider the lower it is"
    assert rows[5].startswith("   0┤")


def test_a_shade_tells_areas_apart_without_color() -> None:
    level = [make_point(0.0, 8.0), make_point(5.0, 8.0)]
    other = [make_point(5.0, 8.0), make_point(10.0, 8.0)]
    rows = text(Backdrop([Area(level, "blue"), Area(other, "blue", "░")], from_zero=True))
    drawn = rows[4].split("│")[-1].split("┤")[-1]
    assert set(drawn[:10]) == {"█"}
    assert set(drawn[11:]) == {"░"}


def test_a_band_lies_between_its_curves() -> None:
    low = [make_point(0.0, 2.0), make_point(10.0, 2.0)]
    high = [make_point(0.0, 8.0), make_point(10.0, 8.0)]
    rows = text(Backdrop(bands=[Band(low, high, "blue")], from_zero=True), height=12)
    assert ["▒" in row for row in rows[:10]] == [True] * 8 + [False] * 2, "the axis ends at 8.4"


def test_a_note_ends_at_its_step_and_stays_inside() -> None:
    rows = text(Backdrop([Area(RAMP, "blue")], notes=[Note(0.0, 9.0, "budget", "red")], from_zero=True))
    assert any(row[5:].startswith("budget") for row in rows)
    rows = text(Backdrop([Area(RAMP, "blue")], notes=[Note(99.0, 9.0, "x" * 80, "red")]))
    assert not any("x" in row for row in rows), "a note that is wider than the chart is left out"


def test_notes_do_not_cover_each_other() -> None:
    notes = [Note(10.0, 5.0, "first", "red"), Note(10.0, 5.0, "second", "red")]
    rows = text(Backdrop([Area(RAMP, "blue")], notes=notes))
    assert sum("first" in row for row in rows) == sum("second" in row for row in rows) == 1
    crowd = [Note(10.0, 5.0, f"note {i}", "red") for i in range(9)]
    rows = text(Backdrop([Area(RAMP, "blue")], notes=crowd))
    assert [any(f"note {i}" in row for row in rows) for i in range(9)] == [True] * 4 + [False] * 5


def test_marks_are_on_the_step_axis() -> None:
    rows = text(Backdrop([Area(RAMP, "blue")], marks={5.0: ("◆", "red"), 50.0: ("!", "red")}))
    assert rows[-2].index("◆") in (14, 15, 16)
    assert "!" not in rows[-2], "it is outside the chart"
