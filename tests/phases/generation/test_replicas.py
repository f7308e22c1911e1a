"""Several engines as one: real processes, with an engine that answers at once."""

import os
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Any

import psutil
import pytest

from phases.generation.replicas import FinishedRequest, ReplicaPool


class Echo:
    """An engine that says which GPUs it has, and of one request a step: its ids."""

    def __init__(self, fails: str = "") -> None:
        if fails == "start":
            raise ValueError("no such weights")
        self._fails = fails
        self._waiting: dict[str, list[int]] = {}

    def add(self, name: str, ids: list[int], sampling: Mapping[str, Any], *, adapted: bool) -> None:
        self._waiting[name] = [*ids, int(os.environ["CUDA_VISIBLE_DEVICES"]), int(adapted)]

    def step(self) -> list[FinishedRequest]:
        if self._fails == "step":
            raise RuntimeError("illegal memory access")
        if self._fails == "die":
            os._exit(1)
        name = next(iter(self._waiting))
        return [FinishedRequest(name, self._waiting.pop(name), {})]

    def cancel(self, names: Iterable[str]) -> None:
        for name in names:
            self._waiting.pop(name, None)

    def close(self) -> None: ...


@pytest.fixture
def two() -> Iterator[ReplicaPool]:
    several = ReplicaPool([(Echo, "0"), (Echo, "1")])
    yield several
    several.close()


def finished(several: ReplicaPool, count: int) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    while len(found) < count:
        found |= {done.name: done.ids for done in several.step()}
    return found


def test_requests_are_shared_out_and_all_come_back(two: ReplicaPool) -> None:
    for n in range(10):
        two.add(str(n), [n], {"max_tokens": 3}, adapted=n > 4)
    found = finished(two, 10)
    assert {name: (ids[0], ids[2]) for name, ids in found.items()} == {
        str(n): (n, int(n > 4)) for n in range(10)
    }
    assert {ids[1] for ids in found.values()} == {0, 1}


def test_what_is_cancelled_never_comes_back(two: ReplicaPool) -> None:
    for n in range(8):
        two.add(str(n), [n], {}, adapted=False)
    two.cancel([str(n) for n in range(8)])
    two.add("last", [9], {}, adapted=False)
    assert set(finished(two, 1)) == {"last"}


def test_no_process_is_left(two: ReplicaPool) -> None:
    before = psutil.Process().children(recursive=True)
    assert len([child for child in before if "spawn_main" in " ".join(child.cmdline())]) >= 2
    two.close()
    assert not [process for process in two._processes if process.is_alive()]


def test_closing_while_answers_are_unread_is_no_failure(two: ReplicaPool) -> None:
    for n in range(2):
        two.add(str(n), [n], {}, adapted=False)
    while not all(pipe.poll() for pipe in two._pipes):
        pass
    two.close()
    assert [process.exitcode for process in two._processes] == [0, 0]


@pytest.mark.parametrize(
    ("fails", "said"), [("step", "illegal memory access"), ("die", "an engine's process has ended")]
)
def test_one_that_fails_is_told(fails: str, said: str) -> None:
    several = ReplicaPool([(Echo, "0"), (partial(Echo, fails), "1")])
    try:
        several.add("0", [0], {}, adapted=False)
        several.add("1", [1], {}, adapted=False)
        with pytest.raises(RuntimeError, match=said):
            finished(several, 2)
    finally:
        several.close()


def test_one_that_does_not_start_ends_them_all() -> None:
    before = set(psutil.Process().children())
    with pytest.raises(RuntimeError, match="no such weights"):
        ReplicaPool([(Echo, "0"), (partial(Echo, "start"), "1")])
    left = {child for child in psutil.Process().children() if "spawn_main" in " ".join(child.cmdline())}
    assert not left - before
