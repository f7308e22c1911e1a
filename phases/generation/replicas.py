"""Replicas of an inference engine, each in its own process with its own GPUs, behind one interface."""

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any, Final, Protocol

_JOIN_TIMEOUT: Final = 60.0
"""Seconds that a replica's process gets to exit before it is killed."""


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
        context = multiprocessing.get_context("spawn")
        self._pipes: list[Connection] = []
        self._processes = []
        self._pending: list[set[str]] = [set() for _ in factories]
        for factory, devices in factories:
            parent_end, child_end = context.Pipe()
            process = context.Process(target=_run_replica, args=(factory, devices, child_end))
            process.start()
            child_end.close()
            self._pipes.append(parent_end)
            self._processes.append(process)
        try:
            for pipe in self._pipes:
                _receive(pipe)
        except RuntimeError:
            self.close()
            raise

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
            requests = [request for request in _receive(pipe) if request.name in pending]
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
        for pipe in self._pipes:
            pipe.close()
        for process in self._processes:
            process.join(_JOIN_TIMEOUT)
            if process.is_alive():
                process.kill()
                process.join()


def _receive(pipe: Connection) -> list[FinishedRequest]:
    """Return the finished requests of a replica's next message; a text message is an error."""
    try:
        message = pipe.recv()
    except (EOFError, ConnectionResetError) as error:
        raise RuntimeError("an engine's process has ended") from error
    if isinstance(message, str):
        raise RuntimeError(message)
    finished: list[FinishedRequest] = message
    return finished


def _run_replica(factory: Callable[[], InferenceEngine], devices: str, pipe: Connection) -> None:
    """Run an engine until the parent closes the pipe or exits."""
    # The parent handles signals and closes the pipe when it stops.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    os.environ["CUDA_VISIBLE_DEVICES"] = devices
    with suppress(EOFError, ConnectionError):
        try:
            engine = factory()
        except Exception as error:
            pipe.send(str(error) or repr(error))
            raise
        try:
            _serve(engine, pipe)
        finally:
            engine.close()


def _serve(engine: InferenceEngine, pipe: Connection) -> None:
    """Execute commands from the pipe and send the finished requests of each step, or an error as text."""
    pending: set[str] = set()
    pipe.send([])
    while True:
        while not pending or pipe.poll():
            command, arguments, options = pipe.recv()
            getattr(engine, command)(*arguments, **options)
            if command == "add":
                pending.add(arguments[0])
            else:
                pending -= set(arguments[0])
        try:
            finished = engine.step()
        except Exception as error:
            pipe.send(str(error) or repr(error))
            raise
        pending -= {request.name for request in finished}
        pipe.send(finished)
