"""Filters of generated texts, run in several processes; the results are in the order of the texts.

Filters are pure functions at the top level of a module. Their modules import no large library, so that a
process starts within a second and needs little memory.
"""

import math
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing.connection import wait
from typing import Any, Final, TypeVar

from phases.scoring.overlap import SuiteOverlap

_OTHER_CORES: Final = 2
"""Cores left to the phase itself and to the engine."""
_MOST_PROCESSES: Final = 16
_FEWEST_TEXTS: Final = 64
"""Fewer texts are filtered by this process before others would have received them."""
_CHUNKS_PER_PROCESS: Final = 4
"""Some chunks take longer than others, so there are more of them than processes."""

Result = TypeVar("Result")


def choose_process_count() -> int:
    """Return how many processes the machine's cores allow; 0 if more processes would not be faster."""
    count = min(_MOST_PROCESSES, len(os.sched_getaffinity(0)) - _OTHER_CORES)
    return count if count > 1 else 0


class FilterProcesses:
    """Runs filters over many texts.

    Attributes:
        overlap: the evaluation suite.
    """

    def __init__(self, overlap: SuiteOverlap, count: int = 0) -> None:
        """Prepare the processes without starting them.

        Args:
            overlap: the evaluation suite, which each process knows.
            count: number of processes; with 0, this process does the work.
        """
        self.overlap = overlap
        self._count = count
        self._pool: ProcessPoolExecutor | None = None

    def close(self) -> None:
        """End the processes."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None

    def map(self, function: Callable[..., Result], *columns: Sequence[Any]) -> list[Result]:
        """Return the result of a function for each row of the columns."""
        return self._run(function, function, columns)

    def map_with_overlap(self, function: Callable[..., Result], *columns: Sequence[Any]) -> list[Result]:
        """Return the result of a function for each row; its first argument is the evaluation suite."""
        return self._run(partial(function, self.overlap), partial(_call_with_overlap, function), columns)

    def _run(
        self, here: Callable[..., Result], there: Callable[..., Result], columns: Sequence[Sequence[Any]]
    ) -> list[Result]:
        """Return the results of `here` in this process or, for many texts, of `there` in the others."""
        if not self._count or len(columns[0]) < _FEWEST_TEXTS:
            return [here(*row) for row in zip(*columns, strict=True)]
        if self._pool is None:
            self._pool = ProcessPoolExecutor(
                self._count,
                # CUDA does not survive a fork.
                multiprocessing.get_context("spawn"),
                _prepare_process,
                (self.overlap,),
            )
        chunk = math.ceil(len(columns[0]) / (_CHUNKS_PER_PROCESS * self._count))
        return list(self._pool.map(there, *columns, chunksize=chunk))


_overlaps: list[SuiteOverlap] = []
"""In a filter process, the evaluation suite."""


def _call_with_overlap(function: Callable[..., Result], *row: Any) -> Result:
    return function(_overlaps[0], *row)


def _prepare_process(overlap: SuiteOverlap) -> None:
    _overlaps.append(overlap)
    # A signal to the phase may reach these processes too, but the phase ends them.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """End this process when the phase was killed, which leaves no one who could."""
    if parent := multiprocessing.parent_process():
        wait([parent.sentinel])
        os._exit(1)
