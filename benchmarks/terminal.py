"""A program in a pseudo-terminal, and its cost there."""

import fcntl
import os
import pty
import select
import signal
import struct
import termios
import time
from dataclasses import dataclass
from typing import Self

import psutil


class Terminal:
    """Runs a program in a pseudo-terminal of `columns` and `rows`, and terminates it on exit."""

    def __init__(self, *argv: str, columns: int = 80, rows: int = 24) -> None:
        self.started = time.perf_counter()
        self.pid, self.master = pty.fork()
        if self.pid == 0:
            # An installed program has bytecode, so ignore a developer's setting that disables it.
            environment = {
                name: value
                for name, value in os.environ.items()
                if name not in ("TMUX", "PYTHONDONTWRITEBYTECODE")
            }
            os.execvpe(argv[0], argv, {**environment, "TERM": "xterm-256color"})
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self._process = psutil.Process(self.pid)
        self._output = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        for process in self._list_processes():
            process.send_signal(signal.SIGTERM)
        os.close(self.master)
        os.waitpid(self.pid, 0)

    def _list_processes(self) -> list[psutil.Process]:
        return [self._process, *self._process.children(recursive=True)]

    def wait_for(self, output: bytes) -> float:
        """Wait until the program has written `output`; return the seconds since it started."""
        while output not in self._output:
            self._output += os.read(self.master, 65536)
        return time.perf_counter() - self.started

    def drain(self, seconds: float) -> int:
        """Read output for a while; return the number of bytes."""
        count, end = 0, time.perf_counter() + seconds
        while (remaining := end - time.perf_counter()) > 0:
            if select.select([self.master], [], [], remaining)[0]:
                count += len(os.read(self.master, 65536))
        return count

    def press(self, key: bytes, output: bytes) -> float:
        """Press a key; return the seconds until the program has written `output`."""
        self._output = b""
        pressed = time.perf_counter()
        os.write(self.master, key)
        return self.wait_for(output) + self.started - pressed

    def read_cpu_seconds(self) -> float:
        """Return the CPU time that the program and its children have used."""
        return float(sum(sum(process.cpu_times()[:2]) for process in self._list_processes()))

    def read_memory_mb(self) -> float:
        """Return the resident memory of the program and its children."""
        return float(sum(process.memory_info().rss for process in self._list_processes())) / 1e6


@dataclass(frozen=True)
class IdleCost:
    """The cost of a program without input: share of a core, bytes written per minute, memory in MB."""

    cpu: float
    bytes_per_minute: float
    memory_mb: float


def measure_idle(terminal: Terminal, seconds: float) -> IdleCost:
    """Measure a program that gets no input."""
    terminal.drain(5.0)
    before = terminal.read_cpu_seconds()
    count = terminal.drain(seconds)
    return IdleCost(
        (terminal.read_cpu_seconds() - before) / seconds, count / seconds * 60, terminal.read_memory_mb()
    )
