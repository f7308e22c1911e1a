"""A program in a pseudo-terminal of 80x24, and what it costs there."""

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
    """A program in a pseudo-terminal of 80x24, ended with the block."""

    def __init__(self, *argv: str) -> None:
        self.began = time.perf_counter()
        self.pid, self.master = pty.fork()
        if self.pid == 0:
            # What is installed has its bytecode beside it, whatever the shell of a checkout says.
            kept = {k: v for k, v in os.environ.items() if k not in ("TMUX", "PYTHONDONTWRITEBYTECODE")}
            os.execvpe(argv[0], argv, {**kept, "TERM": "xterm-256color"})
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self._process = psutil.Process(self.pid)
        self._sent = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        for process in self._processes():
            process.send_signal(signal.SIGTERM)
        os.close(self.master)
        os.waitpid(self.pid, 0)

    def _processes(self) -> list[psutil.Process]:
        return [self._process, *self._process.children(recursive=True)]

    def until(self, painted: bytes) -> float:
        """Wait until that has been sent; return the time since the program was started, in seconds."""
        while painted not in self._sent:
            self._sent += os.read(self.master, 65536)
        return time.perf_counter() - self.began

    def listen(self, seconds: float) -> int:
        """Return how many bytes are sent in that time."""
        count, end = 0, time.perf_counter() + seconds
        while (left := end - time.perf_counter()) > 0:
            if select.select([self.master], [], [], left)[0]:
                count += len(os.read(self.master, 65536))
        return count

    def answer(self, key: bytes, painted: bytes) -> float:
        """Press a key; return the time until that has been sent, in seconds."""
        self._sent = b""
        pressed = time.perf_counter()
        os.write(self.master, key)
        return self.until(painted) + self.began - pressed

    @property
    def cpu(self) -> float:
        """Return the CPU time that it and its children have taken, in seconds."""
        return float(sum(sum(process.cpu_times()[:2]) for process in self._processes()))

    @property
    def memory(self) -> float:
        """Return what it and its children hold in memory, in MB."""
        return float(sum(process.memory_info().rss for process in self._processes())) / 1e6


@dataclass(frozen=True)
class Idle:
    """What a program costs that is left alone: share of a core, bytes sent a minute, memory in MB."""

    cpu: float
    bytes_a_minute: float
    memory: float


def idle(terminal: Terminal, seconds: float) -> Idle:
    """Measure what a program costs that is left alone for a while."""
    terminal.listen(5.0)
    before = terminal.cpu
    sent = terminal.listen(seconds)
    return Idle((terminal.cpu - before) / seconds, sent / seconds * 60, terminal.memory)
