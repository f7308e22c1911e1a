"""Filters in several processes: the same results in the same order, and no process is left behind."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from phases.datagen.filter_processes import FilterProcesses
from phases.datagen.harm_filter import asks_for_harm
from phases.scoring.overlap import SuiteOverlap

OVERLAP = SuiteOverlap({"k": "What is the longest river in Africa?"})
TEXTS = [f"Name {n} rivers." for n in range(100)] + ["What is the longest river in Africa?"] + ["Go."] * 20


def list_processes() -> list[psutil.Process]:
    """Return the filter processes of this process, without the one in which Python tracks resources."""
    return [process for process in psutil.Process().children() if "spawn_main" in " ".join(process.cmdline())]


@pytest.fixture(scope="module")
def filters() -> Iterator[FilterProcesses]:
    filters = FilterProcesses(OVERLAP, 2)
    yield filters
    filters.close()
    assert not list_processes()


def test_a_process_imports_no_large_library() -> None:
    """Sixteen processes that each import one take most of a minute to start."""
    modules = "filter_processes, harm_filter, instruction_filters, preferences, response_filters"
    code = f"""
import sys
import phases.sft_data.row_filters
from phases.datagen import {modules}
print(*sys.modules)
"""
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "phases.datagen.preferences" in output.split()
    assert not {"torch", "transformers", "scipy", "nltk", "sklearn", "pandas"} & set(output.split())


def test_results_are_those_of_one_process_in_order(filters: FilterProcesses) -> None:
    alone = FilterProcesses(OVERLAP)
    assert filters.map(divmod, range(100), [7] * 100) == [divmod(n, 7) for n in range(100)]
    assert filters.map(asks_for_harm, TEXTS) == alone.map(asks_for_harm, TEXTS)
    matches = filters.map_with_overlap(SuiteOverlap.find_contamination, TEXTS)
    assert matches == alone.map_with_overlap(SuiteOverlap.find_contamination, TEXTS)
    assert [n for n, match in enumerate(matches) if match] == [100]
    assert len(list_processes()) == 2


def test_an_error_in_a_filter_is_raised_here(filters: FilterProcesses) -> None:
    with pytest.raises(ZeroDivisionError):
        filters.map(divmod, range(100), [0] * 100)


def test_columns_of_different_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="zip"):
        FilterProcesses(OVERLAP).map(divmod, [1, 2], [1])


PHASE = """
import time
import psutil
from phases.datagen.filter_processes import FilterProcesses
from phases.scoring.overlap import SuiteOverlap
if __name__ == "__main__":
    FilterProcesses(SuiteOverlap({}), 2).map(divmod, range(100), [7] * 100)
    print(*[process.pid for process in psutil.Process().children()], flush=True)
    time.sleep(600)
"""


def test_the_processes_end_with_a_killed_phase(tmp_path: Path) -> None:
    script = tmp_path / "phase.py"
    script.write_text(PHASE)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    with subprocess.Popen(
        [sys.executable, script], stdout=subprocess.PIPE, text=True, env=environment
    ) as phase:
        assert phase.stdout is not None
        processes = [psutil.Process(int(pid)) for pid in phase.stdout.readline().split()]
        phase.kill()
    assert len(processes) >= 2
    _, alive = psutil.wait_procs(processes, timeout=60)
    assert not alive
