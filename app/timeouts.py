"""Calls that can hang, such as drivers and file systems, made in a thread that nothing waits for."""

import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class HangingError(Exception):
    """A call did not return in time; the message says what was called and how long it took."""


def call_within(seconds: float, name: str, function: Callable[[], T]) -> T:
    """Return what a function returns; its exceptions are raised.

    A thread that hangs cannot be ended. It is left behind, and not joined when the process exits.

    Args:
        seconds: how long to wait.
        name: what the function calls, for the message.
        function: the call.

    Raises:
        HangingError: it does not return in time.
    """
    results: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(function())
        except BaseException as error:  # It is raised where the result is awaited.
            errors.append(error)

    thread = threading.Thread(target=run, name=name, daemon=True)
    thread.start()
    thread.join(seconds)
    if errors:
        raise errors[0]
    if not results:
        raise HangingError(f"{name} did not respond within {seconds:.0f} s")
    return results[0]
