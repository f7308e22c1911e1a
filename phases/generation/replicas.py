"""The part of an inference engine that is used, and several of them as one, each on GPUs of its own."""

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any, Final, Protocol

PATIENCE: Final = 60.0
"""Seconds that an engine gets to end by itself."""


def sharing(gpus: int, heads: int) -> list[int]:
    """Return how many of some GPUs may share the weights of a model: its attention heads are divided."""
    return [count for count in (1, 2, 4, 8) if count <= gpus and heads % count == 0]


@dataclass(frozen=True)
class Finished:
    """A request that is done: its new ids, and log-probabilities of the tokens that were asked for."""

    name: str
    ids: list[int]
    log_probabilities: dict[int, float]


class Core(Protocol):
    """The part of an engine that is used."""

    def add(self, name: str, ids: list[int], sampling: Mapping[str, Any], *, adapted: bool) -> None:
        """Begin a request."""

    def step(self) -> list[Finished]:
        """Compute on, and return what is done."""

    def cancel(self, names: Iterable[str]) -> None:
        """Forget requests."""

    def close(self) -> None:
        """End its process and give the GPU back."""


class Several:
    """Several engines, each in a process of its own: a request goes to the one that has fewest.

    What each says depends on its own requests alone, so rows differ from those of one engine no further than
    by the rounding of other batches.
    """

    def __init__(self, makers: Sequence[tuple[Callable[[], Core], str]]) -> None:
        """Start them all at once and wait until each is ready.

        Args:
            makers: makes each of them, in its process; with the value of `CUDA_VISIBLE_DEVICES` there.

        Raises:
            RuntimeError: one of them does not start.
        """
        context = multiprocessing.get_context("spawn")
        self._pipes: list[Connection] = []
        self._processes = []
        self._open: list[set[str]] = [set() for _ in makers]
        for make, devices in makers:
            ours, theirs = context.Pipe()
            process = context.Process(target=_serve, args=(make, devices, theirs))
            process.start()
            theirs.close()
            self._pipes.append(ours)
            self._processes.append(process)
        try:
            for pipe in self._pipes:
                _received(pipe)
        except RuntimeError:
            self.close()
            raise

    def add(self, name: str, ids: list[int], sampling: Mapping[str, Any], *, adapted: bool) -> None:
        """Begin a request where there are fewest."""
        place = min(range(len(self._open)), key=lambda n: len(self._open[n]))
        self._open[place].add(name)
        self._pipes[place].send(("add", (name, ids, dict(sampling)), {"adapted": adapted}))

    def step(self) -> list[Finished]:
        """Wait for a step of any of them, and return what is done.

        Raises:
            RuntimeError: one of them has failed.
        """
        ready = wait(self._pipes)
        found = []
        for pipe, waiting in zip(self._pipes, self._open, strict=True):
            # A request may be done at the moment in which it is cancelled.
            done = [one for one in _received(pipe) if one.name in waiting] if pipe in ready else []
            waiting.difference_update(one.name for one in done)
            found += done
        return found

    def cancel(self, names: Iterable[str]) -> None:
        """Forget requests."""
        forgotten = set(names)
        for pipe, waiting in zip(self._pipes, self._open, strict=True):
            if here := waiting & forgotten:
                waiting.difference_update(here)
                pipe.send(("cancel", (sorted(here),), {}))

    def close(self) -> None:
        """End all processes."""
        for pipe in self._pipes:
            pipe.close()
        for process in self._processes:
            process.join(PATIENCE)
            if process.is_alive():
                process.kill()
                process.join()


def _received(pipe: Connection) -> list[Finished]:
    try:
        message = pipe.recv()
    except (EOFError, ConnectionResetError) as error:
        raise RuntimeError("an engine's process has ended") from error
    if isinstance(message, str):
        raise RuntimeError(message)
    done: list[Finished] = message
    return done


def _serve(make: Callable[[], Core], devices: str, pipe: Connection) -> None:
    """Run an engine until whoever started it closes the pipe, or is gone."""
    # Whoever is asked to stop decides when, and closes the pipe.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    os.environ["CUDA_VISIBLE_DEVICES"] = devices
    with suppress(EOFError, ConnectionError):
        try:
            core = make()
        except Exception as error:
            pipe.send(str(error) or repr(error))
            raise
        try:
            _answer(core, pipe)
        finally:
            core.close()


def _answer(core: Core, pipe: Connection) -> None:
    """Take orders, and tell of each step what it has finished; a failure is told in words."""
    waiting: set[str] = set()
    pipe.send([])
    while True:
        while not waiting or pipe.poll():
            order, arguments, named = pipe.recv()
            getattr(core, order)(*arguments, **named)
            if order == "add":
                waiting.add(arguments[0])
            else:
                waiting -= set(arguments[0])
        try:
            done = core.step()
        except Exception as error:
            pipe.send(str(error) or repr(error))
            raise
        waiting -= {finished.name for finished in done}
        pipe.send(done)
