"""`gonogo finish`: what is left to do after a session, as changes to the operator's own repository.

What would change is gathered first, and shown; only then is it written. Nothing outside the repository is
touched, nothing that has uncommitted changes is overwritten, and nothing is committed.
"""

import difflib
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from app.plan.schema import Finish, Superseded
from app.report import report
from app.report.story import PhaseStory, Story
from app.session.masking import Masker
from app.units import format_size
from phases.contract import files

_ITEM = re.compile(r"^(\s*(?:[-*+]|\d+[.)])\s+)\[( |x|X)\](\s+.*)$")
_LARGEST_PAGE = 8 << 20
_GIT_WITHIN = 60.0


class CannotFinish(Exception):  # noqa: N818 - it is said to the operator
    """Nothing was written; the message says what is in the way, a line each, and what to do."""


@dataclass(frozen=True)
class Edit:
    """A page as it is (None if it is new) and as it shall be; `path` is relative to the repository."""

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
class Move:
    """Data that is moved into the archive, both relative to the repository."""

    source: str
    target: str
    files: int
    bytes: int

    def __str__(self) -> str:
        """Return the move in one line."""
        return f"move {self.source} to {self.target} ({self.files} files, {format_size(self.bytes)})"


@dataclass
class Changes:
    """All that is to be done, and what the operator should know of it."""

    edits: list[Edit] = field(default_factory=list)
    moves: list[Move] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


class Repository:
    """The operator's git repository; paths are given relative to its root, and never lead out of it."""

    def __init__(self, folder: Path) -> None:
        """Find the repository that a folder is in.

        Raises:
            CannotFinish: it is in none.
        """
        found = _git(folder, "rev-parse", "--show-toplevel")
        if found is None:
            raise CannotFinish(f"{folder} is in no git repository: go there, or give --repository")
        self.root = Path(found.rstrip("\n")).resolve()

    def path(self, name: str) -> Path:
        """Return where a path of the plan is.

        Raises:
            CannotFinish: it is absolute, or leads out of the repository or into git's own folder.
        """
        given = PurePosixPath(name)
        place = (self.root / name).resolve()
        inside = place.is_relative_to(self.root) and place != self.root
        if given.is_absolute() or ".." in given.parts or not inside:
            raise CannotFinish(f"{name}: expected a path inside {self.root}")
        if ".git" in place.relative_to(self.root).parts:
            raise CannotFinish(f"{name}: git's own folder is not touched")
        return place

    def is_clean(self, place: Path) -> bool:
        """Say whether a file that is there is as it was committed."""
        name = str(place.relative_to(self.root))
        tracked = _git(self.root, "ls-files", "--error-unmatch", "--", name) is not None
        return tracked and _git(self.root, "status", "--porcelain", "--", name) == ""


def _git(folder: Path, *arguments: str) -> str | None:
    """Return what git prints, or None where it fails."""
    try:
        done = subprocess.run(
            ["git", "--literal-pathspecs", "-C", str(folder), *arguments],
            capture_output=True,
            text=True,
            check=False,
            timeout=_GIT_WITHIN,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CannotFinish(f"git cannot be run: {error}") from None
    return done.stdout if done.returncode == 0 else None


def changes(finish: Finish, story: Story, repository: Repository, masker: Masker) -> Changes:
    """Return what a session changes in the repository.

    Raises:
        CannotFinish: something is in the way; all of it is said.
    """
    found, problems = Changes(), []
    if story.state.ended is None:
        found.notes.append(f"session {story.session.id} is not over: this is how it stands")
    for step in (_roadmap, _pages, _record, _archive):
        try:
            step(finish, story, repository, masker, found)
        except CannotFinish as problem:
            problems.append(str(problem))
    if not problems:
        places = [repository.path(edit.path) for edit in found.edits if edit.before is not None]
        problems = [
            f"{place.relative_to(repository.root)} has changes that are not committed: commit them first"
            for place in dict.fromkeys(places)
            if not repository.is_clean(place)
        ]
    if problems:
        raise CannotFinish("\n".join(problems))
    return found


def apply(found: Changes, repository: Repository) -> None:
    """Make the changes in the working tree.

    Raises:
        CannotFinish: a file is not as it was when the changes were gathered.
        OSError: it cannot be written.
    """
    for edit in found.edits:
        if _text(repository, edit.path) != edit.before:
            raise CannotFinish(f"{edit.path} has just been changed by somebody else: run finish again")
    for move in found.moves:
        target = repository.path(move.target)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(repository.path(move.source), target)
    for edit in found.edits:
        place = repository.path(edit.path)
        mode = place.stat().st_mode & 0o777 if place.exists() else 0o644
        files.write_whole(place, edit.after)
        place.chmod(mode)


def _text(repository: Repository, name: str) -> str | None:
    """Return a page's text, or None if there is none."""
    place = repository.path(name)
    if not place.exists():
        return None
    if not place.is_file() or place.stat().st_size > _LARGEST_PAGE:
        raise CannotFinish(f"{name}: expected a text file of at most {_LARGEST_PAGE >> 20} MB")
    try:
        return place.read_bytes().decode()
    except UnicodeDecodeError:
        raise CannotFinish(f"{name}: expected UTF-8") from None


def _add(found: Changes, name: str, before: str | None, after: str) -> None:
    if after != before:
        found.edits.append(Edit(name, before, after))


# The roadmap


def _roadmap(finish: Finish, story: Story, repository: Repository, masker: Masker, found: Changes) -> None:
    if finish.roadmap is None:
        return
    before = _text(repository, finish.roadmap)
    if before is None:
        raise CannotFinish(f"{finish.roadmap} is not there (finish.roadmap)")
    lines = before.splitlines(keepends=True)
    for phase in story.phases:
        if phase.view.state == "done":
            mark = finish.marks.get(phase.view.id, phase.view.title)
            note = _tick(lines, mark, _result(phase, story, masker))
            found.notes += [f"{finish.roadmap}: {note}"] if note else []
    _add(found, finish.roadmap, before, "".join(lines))


def _tick(lines: list[str], mark: str, result: str) -> str:
    """Tick the one open item that has a text in it; return why that could not be done, or ""."""
    items = [(n, match) for n, line in enumerate(lines) if (match := _ITEM.match(line.rstrip("\r\n")))]
    matching = [(n, match) for n, match in items if mark.lower() in match[3].lower()]
    still_open = [(n, match) for n, match in matching if match[2] == " "]
    if len(still_open) > 1:
        numbers = ", ".join(str(n + 1) for n, _ in still_open)
        return f"{mark!r} is in several open items (lines {numbers}): name one in finish.marks"
    if not matching:
        return f"no item has {mark!r} in it: name its text in finish.marks"
    for n, match in still_open:
        end = lines[n][len(lines[n].rstrip("\r\n")) :]
        lines[n] = f"{match[1]}[x]{match[3].rstrip()} ({result}){end}"
    return ""


def _result(phase: PhaseStory, story: Story, masker: Masker) -> str:
    """Return what a phase found, for a roadmap: day, headline, and a verdict that was not go."""
    verdict = f"verdict {phase.view.verdict}" if phase.view.verdict not in (None, "go") else ""
    parts = [p for p in (phase.view.headline, verdict) if p]
    said = f"{report.day(story.session.now)}{': ' if parts else ''}{'; '.join(parts)}"
    return report.as_markdown(masker.text(said))


# Status pages and the registry


def _pages(finish: Finish, story: Story, repository: Repository, masker: Masker, found: Changes) -> None:
    pages = [(name, "results", "status.md.j2") for name in finish.status]
    pages += [(finish.registry, "programs", "registry.md.j2")] if finish.registry else []
    after: dict[str, str] = {}  # one page may have both sections
    before = {name: _text(repository, name) for name, _, _ in pages}
    for name, section, template in pages:
        text = report.page(template, story, masker).strip("\n")
        after[name] = _with_section(name, after.get(name, before[name] or ""), section, text)
    for name, text in after.items():
        _add(found, name, before[name], text)


def _with_section(name: str, page: str, section: str, text: str) -> str:
    """Return a page with a section between two comments: in the place of the one before, or at its end.

    Raises:
        CannotFinish: one of the comments is missing, or there are several.
    """
    end_of_line = "\r\n" if "\r\n" in page else "\n"
    first, last = f"<!-- gonogo {section}: begin -->", f"<!-- gonogo {section}: end -->"
    whole = f"{first}\n{text}\n{last}".replace("\n", end_of_line)
    counts = page.count(first), page.count(last)
    if counts == (0, 0):
        gap = "" if not page else end_of_line if page.endswith("\n") else end_of_line * 2
        return f"{page}{gap}{whole}{end_of_line}"
    start, stop = page.find(first), page.find(last)
    if counts != (1, 1) or stop < start:
        raise CannotFinish(f"{name}: expected {first} and {last} once, in this order: mend or remove them")
    return page[:start] + whole + page[stop + len(last) :]


# The decision record


def _record(finish: Finish, story: Story, repository: Repository, masker: Masker, found: Changes) -> None:
    if finish.decisions is None:
        return
    slug = re.sub(r"[^a-z0-9]+", "-", story.session.name.lower()).strip("-")
    name = f"{finish.decisions.rstrip('/')}/{story.session.id}{'-' if slug else ''}{slug[:60]}.md"
    text = report.page("decision.md.j2", story, masker).strip("\n") + "\n"
    _add(found, name, _text(repository, name), text)


# Superseded data


def _archive(finish: Finish, story: Story, repository: Repository, masker: Masker, found: Changes) -> None:
    for old in finish.superseded:
        source = repository.path(old.path)
        if (repository.root / old.path).is_symlink():
            raise CannotFinish(f"{old.path} is a link: name what it leads to (finish.superseded)")
        target_name = f"{finish.archive.rstrip('/')}/{source.name}"
        target = repository.path(target_name)
        if not source.exists():
            if not target.exists():
                found.notes.append(f"{old.path} is not there (finish.superseded)")
            continue
        if target.exists():
            raise CannotFinish(f"{target_name} is there already: move {old.path} by hand")
        if target.is_relative_to(source):
            raise CannotFinish(f"{target_name} is inside {old.path}: choose another finish.archive")
        inner = [source] if source.is_file() else [p for p in source.rglob("*") if p.is_file()]
        sizes = sum(p.lstat().st_size for p in inner)
        found.moves.append(Move(old.path, target_name, len(inner), sizes))
        note_name = f"{target_name}.superseded.md"
        _add(
            found,
            note_name,
            _text(repository, note_name),
            masker.text("".join(_note(old, story, len(inner)))),
        )


def _note(old: Superseded, story: Story, count: int) -> Iterator[str]:
    session = story.session
    yield f"# Superseded: {report.as_markdown(old.path)}\n\n"
    yield f"{report.as_markdown(old.note)}\n\n"
    yield f"Moved here ({count} files) on {report.day(session.now)}; superseded by session {session.id} "
    yield f"({report.as_markdown(session.name)}).\n"
