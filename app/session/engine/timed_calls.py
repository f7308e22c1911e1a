"""Calls that can hang, such as drivers, networks and file systems: run in threads that nothing waits for."""

import asyncio
import contextlib
import threading
import traceback
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from app.timeouts import HangingError

T = TypeVar("T")


class TimedCalls:
    """Runs calls of one kind in daemon threads, and gives up waiting after a timeout.

    A thread that hangs cannot be ended. It is left behind, and not joined when the process exits. While
    `most_hanging` calls hang, further ones fail at once.
    """

    def __init__(self, name: str, timeout: float, most_hanging: int = 1) -> None:
        self.name = name
        self._timeout = timeout
        self._most_hanging = most_hanging
        self._running = 0
        self._lock = threading.Lock()

    async def call(self, function: Callable[..., T], *arguments: Any) -> T:
        """Return what a function returns; its exceptions are raised.

        Raises:
            HangingError: it does not return in time, or too many earlier calls have not returned.
            RuntimeError: there is no memory for another thread.
        """
        loop = asyncio.get_running_loop()
        result: asyncio.Future[T] = loop.create_future()
        with self._lock:
            if self._running >= self._most_hanging:
                raise HangingError(f"{self.name} does not respond")
            self._running += 1

        def run() -> None:
            try:
                value, error = function(*arguments), None
            except BaseException as caught:  # It is raised where the result is awaited.
                value, error = None, caught
            with self._lock:
                self._running -= 1
            with contextlib.suppress(RuntimeError):  # The loop was closed.
                loop.call_soon_threadsafe(_resolve, result, value, error)

        try:
            threading.Thread(target=run, name=self.name, daemon=True).start()
        except BaseException:
            with self._lock:
                self._running -= 1
            raise
        # Unlike `asyncio.wait_for`, this never loses a cancellation that comes with the result.
        await asyncio.wait({result}, timeout=self._timeout)
        if result.done():
            return result.result()
        result.cancel()
        raise HangingError(f"{self.name} did not respond within {self._timeout:.0f} s")


async def repeat(work: Callable[[], Awaitable[None]], seconds: float) -> None:
    """Do some work at intervals, after the first of them. A failure is printed, and ends nothing."""
    while True:
        await asyncio.sleep(seconds)
        try:
            await work()
        except Exception:
            with contextlib.suppress(OSError):  # The disk may be full.
                traceback.print_exc()


async def wait_for_event(event: asyncio.Event, seconds: float) -> None:
    """Wait until an event is set, but not longer than this."""
    waiting = asyncio.ensure_future(event.wait())
    try:
        await asyncio.wait({waiting}, timeout=seconds)
    finally:
        waiting.cancel()


def _resolve(result: "asyncio.Future[Any]", value: object, error: BaseException | None) -> None:
    if result.done():
        return
    if error is None:
        result.set_result(value)
    else:
        result.set_exception(error)
