"""The measurements of a training."""

from phases.training.history import average_tenths


def test_ends_are_means_of_tenths() -> None:
    assert average_tenths([float(n) for n in range(20)]) == (0.5, 18.5)
    assert average_tenths([3.0]) == (3.0, 3.0)
