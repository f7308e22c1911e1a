"""When a run gives up."""

import pytest

from phases.datagen.run import should_give_up


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        ([], False),
        ([(0, 10), (0, 10)], False),
        ([(0, 10), (0, 10), (0, 10)], True),
        ([(9, 10), (0, 100), (1, 100), (0, 100)], True),
        ([(0, 100), (0, 100), (30, 100), (0, 100)], False),
        ([(0, 0), (0, 0), (0, 0)], True),
    ],
)
def test_a_run_gives_up_if_the_last_rounds_accept_too_little(
    outcomes: list[tuple[int, int]], expected: bool
) -> None:
    assert should_give_up(outcomes, minimum=0.02) is expected
