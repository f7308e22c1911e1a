"""What holds for all tests."""

import pytest
from hypothesis import settings

# A test never fails because the machine is busy: an example may take as long as it takes.
settings.register_profile("gonogo", deadline=None)
settings.load_profile("gonogo")

LONGEST = (
    "tests/test_rehearsal.py",
    "tests/phases/training/test_several_processes.py",
    "tests/phases/test_same_seed.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let what takes minutes begin first, so that no worker is left alone with it at the end."""
    place = {name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: place.get(item.nodeid.partition("::")[0], len(LONGEST)))
