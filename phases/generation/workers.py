"""Processes that each use their own GPUs and talk to this process over a pipe."""

import multiprocessing
import os
import signal
from collections.abc import Callable, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any, Final

_JOIN_TIMEOUT: Final = 60.0
"""Seconds that a worker gets to exit before it is killed."""

Serve = Callable[[Connection], None]
"""The function that a worker runs: it sends [] once ready, then answers commands until EOFError."""


class Workers:
    """Worker processes, one for each group of GPUs.

    Attributes:
        pipes: the connection to each worker.
    """

    def __init__(self, workers: Sequence[tuple[Serve, str]]) -> None:
        """Start all workers in parallel and wait until they are ready.

        Args:
            workers: for each worker its function, which must be picklable, and the value of
                `CUDA_VISIBLE_DEVICES` in its process.

        Raises:
            RuntimeError: a worker failed to start.
        """
        context = multiprocessing.get_context("spawn")
        self.pipes: list[Connection] = []
        self._processes = []
        for serve, devices in workers:
            parent_end, child_end = context.Pipe()
            process = context.Process(target=_run_worker, args=(serve, devices, child_end))
            process.start()
            child_end.close()
            self.pipes.append(parent_end)
            self._processes.append(process)
        try:
            for pipe in self.pipes:
                receive(pipe)
        except RuntimeError:
            self.close()
            raise

    def close(self) -> None:
        """Stop all workers."""
        for pipe in self.pipes:
            pipe.close()
        for process in self._processes:
            process.join(_JOIN_TIMEOUT)
            if process.is_alive():
                process.kill()
                process.join()


def receive(pipe: Connection) -> Any:
    """Return a worker's next message.

    Raises:
        RuntimeError: the message is a text, which is an error, or the worker has ended.
    """
    try:
        message = pipe.recv()
    except (EOFError, ConnectionResetError) as error:
        raise RuntimeError("an engine's process has ended") from error
    if isinstance(message, str):
        raise RuntimeError(message)
    return message


def _run_worker(serve: Serve, devices: str, pipe: Connection) -> None:
    """Serve until the parent closes the pipe or exits."""
    # The parent handles signals and closes the pipe when it stops.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    os.environ["CUDA_VISIBLE_DEVICES"] = devices
    with suppress(EOFError, ConnectionError):
        try:
            serve(pipe)
        except (EOFError, ConnectionError):
            raise
        except Exception as error:
            pipe.send(str(error) or repr(error))
            raise
