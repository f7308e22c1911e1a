"""The table of phases where room is short, and the notices below it."""

import pytest
from msgspec.structs import replace

from phases.common.protocol import Notice
from tests.screens import fake
from widgets.phase_table import notice_rows, phase_rows
from widgets.view import View


def text(rows: list[object]) -> list[str]:
    return [str(row.plain).rstrip() for row in rows]  # type: ignore[attr-defined]


@pytest.mark.parametrize("height", [4, 6, 10, 24])
@pytest.mark.parametrize("current", range(9))
def test_the_phase_that_runs_is_always_in_the_table(height: int, current: int) -> None:
    base = fake.snapshot(current, "running", "running")
    rows = text(list(phase_rows(View(base, base.now), 45, height)))
    assert len(rows) <= height
    assert rows[0].startswith("PHASES")
    assert any(row.startswith("▸") for row in rows)


def view(*notices: Notice, said: tuple[str, ...] = ()) -> View:
    base = replace(fake.running().snapshot, notices=said)
    return View(base, base.now, fake.record("sft_training", notices=notices))


def test_what_a_phase_wants_to_be_seen_is_shown_whole() -> None:
    shown = view(
        Notice(0.0, "read 200 rows"),
        Notice(0.0, "the judge is right on 12 % of the known pairs", "warning"),
        said=("spent more than the budget",),
    )
    assert text(notice_rows(shown, 30, 5)) == [
        "! GPU held by jupyter-lab 99,",
        "  not by the phase",
        "! the judge is right on 12 %",
        "  of the known pairs",
        "! spent more than the budget",
    ]


def test_the_latest_notices_that_have_room_are_shown() -> None:
    shown = view(said=("one that takes more than a row of them", "two"))
    assert text(notice_rows(shown, 30, 2)) == ["! two"]
    alone = view(said=("one that takes more than a row of them",))
    assert text(notice_rows(alone, 30, 1)) == ["! one that takes more than a"]
