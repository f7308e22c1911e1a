"""Pools of replicas in real processes, with an engine that finishes requests at once."""

import contextlib
import os
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Any

import psutil
import pytest

from phases.generation.replicas import FinishedRequest, ReplicaPool


class EchoEngine:
    """Finishes one request per step; the ids are those of the prompt, the GPU, and whether it was adapted."""

    def __init__(self, failure: str = "") -> None:
        if failure == "start":
            raise ValueError("no such weights")
        self._fails = failure
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
def pool() -> Iterator[ReplicaPool]:
    pool = ReplicaPool([(EchoEngine, "0"), (EchoEngine, "1")])
    yield pool
    pool.close()


def collect(pool: ReplicaPool, count: int) -> dict[str, list[int]]:
    ids_of: dict[str, list[int]] = {}
    while len(ids_of) < count:
        ids_of |= {request.name: request.ids for request in pool.step()}
    return ids_of


def test_requests_are_distributed_and_all_finish(pool: ReplicaPool) -> None:
    for n in range(10):
        pool.add(str(n), [n], {"max_tokens": 3}, adapted=n > 4)
    ids_of = collect(pool, 10)
    assert {name: (ids[0], ids[2]) for name, ids in ids_of.items()} == {
        str(n): (n, int(n > 4)) for n in range(10)
    }
    assert {ids[1] for ids in ids_of.values()} == {0, 1}


def test_cancelled_requests_never_finish(pool: ReplicaPool) -> None:
    for n in range(8):
        pool.add(str(n), [n], {}, adapted=False)
    pool.cancel([str(n) for n in range(8)])
    pool.add("last", [9], {}, adapted=False)
    assert set(collect(pool, 1)) == {"last"}


def list_replica_processes() -> list[psutil.Process]:
    """Return the spawned children of this process; a child of another test may be a zombie."""
    spawned = []
    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if "spawn_main" in " ".join(child.cmdline()):
                spawned.append(child)
    return spawned


def test_no_process_survives_close(pool: ReplicaPool) -> None:
    assert len(list_replica_processes()) >= 2
    pool.close()
    assert not [process for process in pool._workers._processes if process.is_alive()]


def test_close_with_unread_results_is_not_a_failure(pool: ReplicaPool) -> None:
    for n in range(2):
        pool.add(str(n), [n], {}, adapted=False)
    while not all(pipe.poll() for pipe in pool._pipes):
        pass
    pool.close()
    assert [process.exitcode for process in pool._workers._processes] == [0, 0]


@pytest.mark.parametrize(
    ("failure", "message"), [("step", "illegal memory access"), ("die", "an engine's process has ended")]
)
def test_a_failed_replica_raises_its_error(failure: str, message: str) -> None:
    pool = ReplicaPool([(EchoEngine, "0"), (partial(EchoEngine, failure), "1")])
    try:
        pool.add("0", [0], {}, adapted=False)
        pool.add("1", [1], {}, adapted=False)
        with pytest.raises(RuntimeError, match=message):
            collect(pool, 2)
    finally:
        pool.close()


def test_all_replicas_stop_if_one_does_not_start() -> None:
    before = set(list_replica_processes())
    with pytest.raises(RuntimeError, match="no such weights"):
        ReplicaPool([(EchoEngine, "0"), (partial(EchoEngine, "start"), "1")])
    assert not set(list_replica_processes()) - before
