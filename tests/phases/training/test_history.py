"""The measurements of a training."""

from phases.training.history import mean_of_tenths


def test_ends_are_means_of_tenths() -> None:
    assert mean_of_tenths([float(n) for n in range(20)]) == (0.5, 18.5)
    assert mean_of_tenths([3.0]) == (3.0, 3.0)
