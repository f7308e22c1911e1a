"""Replicas of an inference engine, each in its own process with its own GPUs, behind one interface."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection, wait
from typing import Any, Protocol

from phases.generation.workers import Workers, receive


@dataclass(frozen=True)
class FinishedRequest:
    """A finished request with its new ids and the log-probabilities of the requested tokens."""

    name: str
    ids: list[int]
    log_probabilities: dict[int, float]


class InferenceEngine(Protocol):
    """The part of vLLM's engine interface that gonogo uses."""

    def add(self, name: str, ids: list[int], sampling: Mapping[str, Any], *, adapted: bool) -> None:
        """Queue a request; `adapted` selects the adapter instead of the base model."""

    def step(self) -> list[FinishedRequest]:
        """Run one step and return the requests that it finished."""

    def cancel(self, names: Iterable[str]) -> None:
        """Drop requests."""

    def close(self) -> None:
        """Shut down and free the GPU."""


class ReplicaPool:
    """Distributes requests over replicas; each request goes to the replica with the fewest.

    A row does not depend on the other requests of its replica, so the results equal those of a single engine
    apart from rounding.
    """

    def __init__(self, factories: Sequence[tuple[Callable[[], InferenceEngine], str]]) -> None:
        """Start all replicas in parallel and wait until they are ready.

        Args:
            factories: for each replica, a function that creates the engine in the replica's process, and the
                value of `CUDA_VISIBLE_DEVICES` there.

        Raises:
            RuntimeError: a replica failed to start.
        """
        self._workers = Workers([(partial(_serve, factory), devices) for factory, devices in factories])
        self._pipes = self._workers.pipes
        self._pending: list[set[str]] = [set() for _ in factories]

    def add(self, name: str, ids: list[int], sampling: Mapping[str, Any], *, adapted: bool) -> None:
        """Queue a request at the replica with the fewest pending requests."""
        replica = min(range(len(self._pending)), key=lambda n: len(self._pending[n]))
        self._pending[replica].add(name)
        self._pipes[replica].send(("add", (name, ids, dict(sampling)), {"adapted": adapted}))

    def step(self) -> list[FinishedRequest]:
        """Wait for a step of any replica and return the requests that it finished.

        Raises:
            RuntimeError: a replica failed.
        """
        ready = wait(self._pipes)
        finished = []
        for pipe, pending in zip(self._pipes, self._pending, strict=True):
            if pipe not in ready:
                continue
            # A request may finish while its cancellation is in transit.
            requests = [request for request in receive(pipe) if request.name in pending]
            pending.difference_update(request.name for request in requests)
            finished += requests
        return finished

    def cancel(self, names: Iterable[str]) -> None:
        """Drop requests."""
        cancelled = set(names)
        for pipe, pending in zip(self._pipes, self._pending, strict=True):
            if own := pending & cancelled:
                pending.difference_update(own)
                pipe.send(("cancel", (sorted(own),), {}))

    def close(self) -> None:
        """Stop all replicas."""
        self._workers.close()


def _serve(factory: Callable[[], InferenceEngine], pipe: Connection) -> None:
    """Execute commands from the pipe and send the finished requests of each step."""
    engine = factory()
    try:
        pipe.send([])
        pending: set[str] = set()
        while True:
            while not pending or pipe.poll():
                command, arguments, options = pipe.recv()
                getattr(engine, command)(*arguments, **options)
                if command == "add":
                    pending.add(arguments[0])
                else:
                    pending -= set(arguments[0])
            finished = engine.step()
            pending -= {request.name for request in finished}
            pipe.send(finished)
    finally:
        engine.close()
