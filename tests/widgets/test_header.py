"""The rows above every screen, where they are narrow."""

import pytest

from tests.tui import fake
from widgets import styles
from widgets.frame import Frame
from widgets.header import render_money_row, render_title_row


@pytest.mark.parametrize("width", [20, 30, 40, 50, 60, 80, 120])
@pytest.mark.parametrize("frame", [fake.running(), fake.over_budget(), fake.pod_waits()])
def test_the_money_row_leaves_out_what_has_no_room(frame: Frame, width: int) -> None:
    said = render_money_row(frame, width).plain
    assert len(said) <= width
    assert said.startswith(" $")
    assert "…" not in said or width < 30


def test_a_session_whose_phase_stalls_has_no_end() -> None:
    row = render_money_row(fake.stalled(), 80)
    assert "forecast from $11.20 " in row.plain
    assert row.plain.endswith(" ends ? unknown ")
    assert any(
        span.style == styles.WARN and row.plain[span.start : span.end] == "? unknown" for span in row.spans
    )
    assert row.plain.count("▒") < render_money_row(fake.running(), 80).plain.count("▒")


def test_a_plan_without_a_model_names_none() -> None:
    named, unnamed = (render_title_row(fake.running(model=model), 100).plain for model in ("a/b", "none"))
    assert " · b · A100" in named
    assert unnamed.startswith(" gonogo  Stage 1 · A100")
