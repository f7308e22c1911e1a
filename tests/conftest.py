"""Settings for all tests."""

import gc
import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.process_group import ProcessGroup, open_process_group

# A busy machine must not fail a test, so an example may take any time.
settings.register_profile("gonogo", deadline=None)
settings.load_profile("gonogo")

# Parallel workers share the cores. With more threads than cores, OpenMP mostly waits in busy loops.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")

# The objects of the tests and of the libraries that they import are many and live until the end.
gc.disable()

SLOWEST_FILES = (
    "tests/test_rehearsal.py",
    "tests/session/pod/test_guard.py",
    "tests/tui/test_cockpit_keys.py",
    "tests/phases/training/test_several_processes.py",
    "tests/cli/test_cli.py",
    "tests/phases/sft_training/test_recipe.py",
    "tests/session/test_chaos.py",
    "tests/phases/test_same_seed.py",
    "tests/phases/scoring/test_answers.py",
    "tests/phases/dpo_training/test_recipe.py",
    "tests/phases/verification/test_recipe.py",
    "tests/docs/test_examples.py",
    "tests/session/engine/test_lost_files.py",
    "tests/session/test_registry.py",
    "tests/session/test_rejoin.py",
    "tests/phases/ask/test_worker.py",
    "tests/phases/scoring/test_suite.py",
    "tests/session/engine/test_conductor.py",
    "tests/tui/test_snapshots.py",
    "tests/tui/test_layout.py",
    "tests/tools/study/test_schedule.py",
    "tests/session/test_folder_watch.py",
    "tests/benchmarks/test_gpu.py",
    "tests/tui/test_themes.py",
    "tests/phases/generation/test_transformers_pool.py",
    "tests/session/engine/test_recovery.py",
    "tests/session/test_masking.py",
    "tests/session/test_headless.py",
    "tests/session/attempt/test_shim.py",
    "tests/tui/test_ask_screen.py",
    "tests/tui/test_later_phases.py",
    "tests/benchmarks/test_gpu_training.py",
)
"""Longest first; files that wait for processes are among those that compute, to keep the cores busy."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start the slowest files first, so that no worker is left alone with one at the end.

    The rehearsal takes longest, and one core is enough for it.
    """
    order = {name: number for number, name in enumerate(SLOWEST_FILES)}
    items.sort(key=lambda item: order.get(item.nodeid.partition("::")[0], len(SLOWEST_FILES)))


def pytest_collection_finish() -> None:
    """Collect garbage from here on, but none from before."""
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="module", autouse=True)
def restore_environment() -> Iterator[None]:
    """Undo changes of the environment: a phase that runs in the test process disables the bars of tqdm."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)  # With a value of PYTEST_CURRENT_TEST, which pytest removes.


@pytest.fixture(scope="session")
def process_group(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProcessGroup]:
    """Yield the runner of programs in two processes."""
    with open_process_group(tmp_path_factory.mktemp("process_group")) as group:
        yield group
