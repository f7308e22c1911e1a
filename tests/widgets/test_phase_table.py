import pytest
from msgspec.structs import replace

from app.session.snapshot import PhaseView, Range
from tests.screens import fake
from widgets.phase_table import left


def running(elapsed: float, remaining: Range) -> PhaseView:
    current = fake.running().snapshot.current
    assert current is not None
    return replace(current, elapsed=elapsed, remaining=remaining, estimate_hours=Range(0.5, 1.0))


@pytest.mark.parametrize(
    ("elapsed", "remaining", "said"),
    [
        (1800.0, Range(0.0, 0.0), "finishing"),  # its work is done, and it was quick
        (3601.0, Range(0.0, 0.0), "overdue"),
        (3601.0, Range(0.0, 60.0), "0s-1m00s"),
    ],
)
def test_what_is_left(elapsed: float, remaining: Range, said: str) -> None:
    assert left(running(elapsed, remaining)) == said
