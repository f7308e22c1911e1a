"""The watch over the session's folder, which may be deleted or moved while the session runs."""

import contextlib
from collections.abc import Callable
from pathlib import Path

_GONE_SECONDS = 10.0


class FolderWatch:
    """Detects that a folder is gone, for longer than a network file system takes to come back."""

    def __init__(self, folder: Path, now: Callable[[], float]) -> None:
        self._folder = folder
        self._now = now
        self.gone_since: float | None = None
        """Since when the folder has been missing, or None if it is there."""

    def is_gone(self) -> bool:
        """Return whether the folder has been missing for ten seconds; other errors say nothing about it."""
        try:
            is_missing = self._is_missing()
        except OSError:
            return False
        if not is_missing:
            self.gone_since = None
            return False
        if self.gone_since is None:
            self.gone_since = self._now()
        return self._now() - self.gone_since >= _GONE_SECONDS

    def _is_missing(self) -> bool:
        """Return whether the session's records are gone; a phase may have made the folder again."""
        for name in ("session.json", "journal.jsonl"):
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                (self._folder / name).stat()
                return False
        return True
