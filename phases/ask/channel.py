"""The worker's connection to its parent: requests from standard input, events to standard output."""

import ctypes
import os
import queue
import signal
import sys
import threading

import msgspec

from phases.contract.questions import Cancel, FromWorker, Question, Setup, ToWorker

_PR_SET_PDEATHSIG = 1


def end_with_parent(parent: int) -> None:
    """Have the kernel kill this process when its parent dies, whatever a library is doing then."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # The parent died before the call.
        os._exit(1)


class Channel:
    """Requests in order, without those that were cancelled; a thread reads them and ends the process at EOF.

    The output of libraries goes to standard error.
    """

    def __init__(self) -> None:
        self._events = os.fdopen(os.dup(1), "wb", buffering=0)
        os.dup2(2, 1)
        self._requests: queue.Queue[Setup | Question] = queue.Queue()
        self._cancelled: set[int] = set()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        for line in sys.stdin.buffer:
            request: ToWorker = msgspec.json.decode(line, type=ToWorker)
            if isinstance(request, Cancel):
                self._cancelled.add(request.number)
            else:
                self._requests.put(request)
        os._exit(0)

    def receive(self) -> Setup | Question:
        """Wait for the next request."""
        return self._requests.get()

    def is_cancelled(self, number: int) -> bool:
        """Return whether a question was cancelled."""
        return number in self._cancelled

    def send(self, event: FromWorker) -> None:
        """Write an event."""
        self._events.write(msgspec.json.encode(event) + b"\n")
