"""Settings for all tests."""

import os

import pytest
from hypothesis import settings

# A busy machine must not fail a test, so an example may take any time.
settings.register_profile("gonogo", deadline=None)
settings.load_profile("gonogo")

# Parallel workers share the cores. With more threads than cores, OpenMP mostly waits in busy loops.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")

SLOWEST_FILES = (
    "tests/test_rehearsal.py",
    "tests/phases/training/test_several_processes.py",
    "tests/phases/test_same_seed.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start the slowest files first, so that no worker is left alone with one at the end."""
    order = {name: number for number, name in enumerate(SLOWEST_FILES)}
    items.sort(key=lambda item: order.get(item.nodeid.partition("::")[0], len(SLOWEST_FILES)))
