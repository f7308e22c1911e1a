"""The rows above every screen, where they are narrow."""

import pytest

from tests.screens import fake
from widgets.header import money_row
from widgets.view import View


@pytest.mark.parametrize("width", [20, 30, 40, 50, 60, 80, 120])
@pytest.mark.parametrize("view", [fake.running(), fake.over_budget(), fake.pod_waits()])
def test_the_money_row_leaves_out_what_has_no_room(view: View, width: int) -> None:
    said = money_row(view, width).plain
    assert len(said) <= width
    assert said.startswith(" $")
    assert "…" not in said or width < 30
