"""Output without control characters, so that no text of a plan, file or phase controls the terminal."""

import contextlib
import io
import sys
from collections.abc import Iterator
from typing import Any, TextIO

from app.monitor.sanitize import remove_controls


class PlainOutput(io.TextIOBase):
    """Writes text to a stream without escape codes and control characters, except line ends and tabs."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, text: str, /) -> int:
        """Write a text without its control characters."""
        self.stream.write(remove_controls(text))
        return len(text)

    def flush(self) -> None:
        """Flush the stream."""
        self.stream.flush()

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """The encoding of the stream."""
        return self.stream.encoding

    def isatty(self) -> bool:
        """Return whether the stream is a terminal."""
        return self.stream.isatty()

    def fileno(self) -> int:
        """Return the descriptor of the stream."""
        return self.stream.fileno()

    def writable(self) -> bool:
        """Return True."""
        return True

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


@contextlib.contextmanager
def remove_controls_from_output() -> Iterator[None]:
    """Remove control characters from everything that a command prints."""
    stdout, stderr = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = PlainOutput(stdout), PlainOutput(stderr)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = stdout, stderr


def find_terminal(stream: TextIO) -> TextIO:
    """Return the stream below the plain one, for a screen that controls the terminal itself."""
    return stream.stream if isinstance(stream, PlainOutput) else stream
