"""The list of the attempts whose shim was started, which is kept outside of their folders.

An attempt's claim is in its own folder. Without this list, an attempt whose folder was deleted would look as
if it had never started, and would run again.
"""

import os
from pathlib import Path

from phases.contract import files

_MAX_BYTES = 16 << 20


class LaunchList:
    """The cookies of attempts whose shim was started, one a line."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._cookies: set[str] = set()
        if path.exists():
            self._cookies = set(files.read_regular_file(path, _MAX_BYTES).decode(errors="replace").split())

    def __contains__(self, cookie: str) -> bool:
        """Return whether the attempt with this cookie was started."""
        return cookie in self._cookies

    def add(self, cookie: str) -> None:
        """Add an attempt; when this returns, the line is on disk."""
        if cookie in self._cookies:
            return
        handle = files.open_for_appending(self._path)
        try:
            os.write(handle, f"{cookie}\n".encode())
            os.fdatasync(handle)
        finally:
            os.close(handle)
        self._cookies.add(cookie)
