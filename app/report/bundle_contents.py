"""Selection of the files that a session's bundle holds."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from app.report.bundle_format import is_safe_name
from app.session.folder import RESERVE_FILE

BUNDLES_FOLDER = "bundles"
ARCHIVE_FOLDER = "archive"
_WEIGHTS_SUFFIX = ".safetensors"
_CHECKPOINT_PATTERN = "checkpoint-*"


class BundleError(Exception):
    """A bundle cannot be written; the message says why and what to do."""


@dataclass(frozen=True)
class BundleFile:
    """A file to pack: its name in the bundle, its state when it was found, the pattern that matched it."""

    name: str
    path: Path
    size: int
    modified: int
    pattern: str

    @property
    def is_weights(self) -> bool:
        """Whether the file holds tensors only, so it cannot contain a secret as text."""
        return self.path.suffix == _WEIGHTS_SUFFIX


@dataclass(frozen=True)
class BundleContents:
    """The files of a session's bundle, weights first, and notices about files that are left out."""

    session: str
    files: tuple[BundleFile, ...]
    notices: tuple[str, ...]

    @property
    def bytes(self) -> int:
        """The total size of the files."""
        return sum(file.size for file in self.files)

    @property
    def groups(self) -> dict[str, tuple[int, int]]:
        """The number of files and bytes by pattern."""
        counts: Counter[str] = Counter()
        sizes: Counter[str] = Counter()
        for file in self.files:
            counts[file.pattern] += 1
            sizes[file.pattern] += file.size
        return {pattern: (counts[pattern], sizes[pattern]) for pattern in counts}


def collect_contents(outputs: Path, patterns: Sequence[str], session: Path) -> BundleContents:
    """Return the files below `outputs` that match the patterns, and the session's own records.

    Links, checkpoints, hidden (temporary) files, the space reserved for the journal, bundles and the outputs
    of earlier sessions are left out.

    Raises:
        BundleError: a pattern points outside the folder.
    """
    files: dict[str, BundleFile] = {}
    notices: list[str] = []
    unmatched: list[str] = []
    artifacts = session.parent.parent
    sources = [(outputs, pattern) for pattern in patterns]
    sources.append((artifacts, session.relative_to(artifacts).as_posix()))
    for base, pattern in sources:
        parts = PurePosixPath(pattern).parts
        if not parts or pattern.startswith("/") or ".." in parts:
            raise BundleError(
                f"bundle.include: expected a path or pattern below the artifact folder; found {pattern!r}"
            )
        matches = sorted(base.glob(pattern))
        if not matches:
            unmatched.append(pattern)
        for match in matches:
            for path in _iter_files(match, base, notices):
                name = path.relative_to(base).as_posix()
                if not is_safe_name(name):
                    notices.append(f"{name!r}: left out, because some systems cannot store this name")
                elif name not in files:
                    stat = path.stat()
                    files[name] = BundleFile(name, path, stat.st_size, stat.st_mtime_ns, pattern)
    if unmatched:
        notices.append(f"no file matches {', '.join(unmatched)}")
    notices += _list_left_out(outputs, files, session.parent.name)
    ordered = sorted(files.values(), key=lambda file: (not file.is_weights, file.name))
    return BundleContents(session.name, tuple(ordered), tuple(dict.fromkeys(notices)))


def _list_left_out(outputs: Path, names: Iterable[str], sessions: str) -> list[str]:
    """Return a notice for each entry of the artifact folder without a selected file.

    The folders of gonogo and artifact folders of other profiles are not outputs, and checkpoints are never
    packed. `sessions` is the name of the folder with the records of sessions.
    """
    chosen = {name.partition("/")[0] for name in names} | {ARCHIVE_FOLDER, BUNDLES_FOLDER, sessions}
    others = sorted(entry for entry in outputs.iterdir() if entry.name not in chosen)
    return [
        f"{entry.name}: left out, because bundle.include in the plan does not name it"
        for entry in others
        if not entry.name.startswith(".")
        and not entry.match(_CHECKPOINT_PATTERN)
        and not (entry / sessions).is_dir()
    ]


def _iter_files(path: Path, base: Path, notices: list[str]) -> Iterator[Path]:
    """Yield the regular files at or below a path that belong into a bundle."""
    relative = path.relative_to(base)
    ancestry = [base / part for part in reversed((relative, *relative.parents[:-1]))]
    link = next((part for part in ancestry if part.is_symlink()), None)
    if link is not None:
        notices.append(f"{link.relative_to(base)}: left out, because it is a link")
        return
    if relative.parts[0] in (ARCHIVE_FOLDER, BUNDLES_FOLDER):
        return
    if path.name == RESERVE_FILE and (path.parent / "session.json").exists():
        return
    if any(part.match(_CHECKPOINT_PATTERN) or part.name.startswith(".") for part in ancestry):
        return
    if path.is_dir():
        for child in sorted(path.iterdir()):
            yield from _iter_files(child, base, notices)
    elif path.is_file():
        yield path
