"""A plan's regular expressions, searched with a limit of time, so that none can freeze a reader."""

import time
from typing import Final

import regex

_TIMEOUT: Final = 0.1
"""Seconds for one line."""
_FREE: Final = 0.001
"""Seconds of processor time per line that any pattern may take."""
_MOST_DEBT: Final = 0.15


class BoundedPattern:
    """A regular expression that is switched off once it is too slow on a log.

    Attributes:
        text: the expression.
        is_off: whether it was switched off.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.is_off = False
        self._pattern = regex.compile(text)
        self._debt = 0.0

    def search(self, line: str, start: int = 0) -> "regex.Match[str] | None":
        """Return the first match at or after `start`; None if there is none, or not in time."""
        if self.is_off:
            return None
        before = time.thread_time()
        match, timed_out = None, False
        try:
            match = self._pattern.search(line, start, timeout=_TIMEOUT)
        except TimeoutError:
            timed_out = True
        # The timer also runs while other threads do; only this thread's time counts against the pattern.
        self._debt = max(0.0, self._debt + time.thread_time() - before - _FREE)
        self.is_off = self._debt > _MOST_DEBT
        return None if timed_out else match
