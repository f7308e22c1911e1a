"""Changes to the operator's git repository: shown as a diff, applied to the working tree, never committed."""

import difflib
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from app.units import format_size
from phases.contract import files

_MAX_PAGE_BYTES = 8 << 20
_GIT_TIMEOUT = 60.0


class RepositoryError(Exception):
    """Nothing was written; the message says what prevents it, one line each, and what to do."""


@dataclass(frozen=True)
class FileEdit:
    """A text file before (None if it is new) and after; `path` is relative to the repository."""

    path: str
    before: str | None
    after: str

    def diff(self) -> str:
        """Return the change as a unified diff."""
        old = [] if self.before is None else self.before.splitlines(keepends=True)
        new = self.after.splitlines(keepends=True)
        source = "/dev/null" if self.before is None else f"a/{self.path}"
        lines = difflib.unified_diff(old, new, source, f"b/{self.path}")
        return "".join(
            line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines
        )


@dataclass(frozen=True)
class FileMove:
    """A file or folder that moves; both paths are relative to the repository."""

    source: str
    target: str
    files: int
    bytes: int

    def __str__(self) -> str:
        """Return the move as one line."""
        return f"move {self.source} to {self.target} ({self.files} files, {format_size(self.bytes)})"


@dataclass
class RepositoryChanges:
    """The edits and moves to make, and notes about what the operator still has to do."""

    edits: list[FileEdit] = field(default_factory=list)
    moves: list[FileMove] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add_edit(self, path: str, before: str | None, after: str) -> None:
        """Add an edit unless it changes nothing."""
        if after != before:
            self.edits.append(FileEdit(path, before, after))


class Repository:
    """The operator's git repository; paths are relative to its root and never lead out of it."""

    def __init__(self, folder: Path) -> None:
        """Find the repository that contains a folder.

        Raises:
            RepositoryError: the folder is not in a git repository.
        """
        root = _run_git(folder, "rev-parse", "--show-toplevel")
        if root is None:
            raise RepositoryError(
                f"{folder} is not in a git repository: change to yours, or name it with --repository"
            )
        self.root = Path(root.rstrip("\n")).resolve()

    def resolve(self, name: str) -> Path:
        """Return the absolute path of a relative one.

        Raises:
            RepositoryError: it is absolute, leads out of the repository or into git's own folder.
        """
        relative = PurePosixPath(name)
        path = (self.root / name).resolve()
        is_inside = path.is_relative_to(self.root) and path != self.root
        if relative.is_absolute() or ".." in relative.parts or not is_inside:
            raise RepositoryError(f"{name}: expected a path inside {self.root}")
        if ".git" in path.relative_to(self.root).parts:
            raise RepositoryError(f"{name}: git's own folder is never changed")
        return path

    def read_text(self, name: str) -> str | None:
        """Return the text of a file, or None if it does not exist.

        Raises:
            RepositoryError: it is not a UTF-8 text file of reasonable size.
        """
        path = self.resolve(name)
        if not path.exists():
            return None
        if not path.is_file() or path.stat().st_size > _MAX_PAGE_BYTES:
            raise RepositoryError(f"{name}: expected a text file of at most {_MAX_PAGE_BYTES >> 20} MB")
        try:
            return path.read_bytes().decode()
        except UnicodeDecodeError:
            raise RepositoryError(f"{name}: expected UTF-8") from None

    def find_uncommitted(self, edits: list[FileEdit]) -> list[str]:
        """Return the existing files among the edits that have uncommitted changes."""
        paths = dict.fromkeys(self.resolve(edit.path) for edit in edits if edit.before is not None)
        return [str(path.relative_to(self.root)) for path in paths if not self._is_committed(path)]

    def _is_committed(self, path: Path) -> bool:
        name = str(path.relative_to(self.root))
        is_tracked = _run_git(self.root, "ls-files", "--error-unmatch", "--", name) is not None
        return is_tracked and _run_git(self.root, "status", "--porcelain", "--", name) == ""

    def apply(self, changes: RepositoryChanges) -> None:
        """Make the changes in the working tree.

        Raises:
            RepositoryError: a file changed after the edits were prepared.
            OSError: a file cannot be written.
        """
        for edit in changes.edits:
            if self.read_text(edit.path) != edit.before:
                raise RepositoryError(
                    f"{edit.path} changed after the diff was shown: run gonogo finish again"
                )
        for move in changes.moves:
            target = self.resolve(move.target)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(self.resolve(move.source), target)
        for edit in changes.edits:
            path = self.resolve(edit.path)
            mode = path.stat().st_mode & 0o777 if path.exists() else 0o644
            files.write_atomically(path, edit.after)
            path.chmod(mode)


def _run_git(folder: Path, *arguments: str) -> str | None:
    """Return the output of a git command, or None if git reports failure."""
    try:
        process = subprocess.run(
            ["git", "--literal-pathspecs", "-C", str(folder), *arguments],
            capture_output=True,
            text=True,
            check=False,
            timeout=_GIT_TIMEOUT,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise RepositoryError(f"git cannot be run: {error}") from None
    return process.stdout if process.returncode == 0 else None
