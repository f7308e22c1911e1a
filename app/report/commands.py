"""What `gonogo bundle`, `verify` and `report` do and print; each returns the exit status."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TextIO

from app.monitor.sanitize import clean_line, clean_text
from app.plan.schema import Plan
from app.report import bundle as bundles
from app.report import story
from app.report import verify as verification
from app.report.story import first_line
from app.session.clock import Clock
from app.session.folder import SessionFolder
from app.session.masking import Masker
from app.session.pod import pod
from app.units import format_size
from phases.contract import files

BAD = 1
_LONGEST_DIFF = 1 << 20


class ReportError(Exception):
    """It cannot be done; the message says why and what to do."""


def masker(plan: Plan, environment: Mapping[str, str]) -> Masker:
    """Return what masks the plan's secrets: those it names, and where it sends its notifications."""
    return Masker.of(dict.fromkeys((*plan.session.secrets, *plan.notify.urls)), environment)


def outputs(session: Path) -> Path:
    """Return where a session's outputs are: beside its records, unless a later session moved them aside.

    That also holds in an unpacked bundle, where the plan's own paths mean nothing.
    """
    artifacts = session.parent.parent
    aside = artifacts / "archive" / session.name
    return aside if aside.is_dir() else artifacts


def write_bundle(
    session: Path,
    environment: Mapping[str, str],
    out: TextIO,
    *,
    clock: Clock,
    output: Path | None = None,
    list_only: bool = False,
) -> int:
    """Show what is packed, pack it with the report as it now is, and say how to fetch and check it.

    Args:
        session: the session's folder.
        environment: holds the secrets to be masked, and on a pod its address.
        out: where to write.
        clock: the present, for the report.
        output: the bundle, by default `bundles/<session>.tar` beside the session's outputs.
        list_only: show what would be packed, and write nothing.

    Raises:
        ReportError: there is no such session, a pattern leaves the folder, or there is not enough space.
    """
    try:
        plan = _plan(session)
        masking = masker(plan, environment)
        if not list_only:
            _write_report(session, outputs(session), masking, environment, clock)
        found = bundles.contents(outputs(session), plan.bundle.include, session)
        _show(found, out)
        if list_only:
            return 0
        target = output or session.parent.parent / bundles.FOLDER / f"{session.name}.tar"
        done = bundles.pack(found, target, masking, _Percent(out))
    except (bundles.BundleError, story.NoStory, OSError) as error:
        raise ReportError(str(error)) from error
    for notice in (*masking.notices, *done.notices):
        out.write(f"note: {notice}\n")
    for name in done.masked:
        out.write(f"note: {name}: a secret in it was masked\n")
    if done.resumed_bytes:
        out.write(f"went on after {format_size(done.resumed_bytes)} that were packed before\n")
    rsync, scp = bundles.transfer_commands(done.path, environment)
    out.write(f"{done.path}: {done.files} files, {format_size(done.bytes)}\n\n")
    out.write(f"At home, fetch it with one of\n  {rsync}\n  {scp}\n")
    out.write(f"and before the pod is terminated check every byte of it:\n  gonogo verify {done.path.name}\n")
    return 0


def _show(found: bundles.Contents, out: TextIO) -> None:
    groups = found.groups
    width = max((len(name) for name in groups), default=0)
    for name, (count, total) in groups.items():
        out.write(f"{name:<{width}}  {count:>6,} files  {format_size(total):>8}\n")
    out.write(f"{'together':<{width}}  {len(found.items):>6,} files  {format_size(found.bytes):>8}\n")
    for notice in found.notices:
        out.write(f"note: {notice}\n")


class _Percent:
    """Prints each tenth that is done."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._next = 10

    def __call__(self, done: int, total: int) -> None:
        """Take the bytes done and their total."""
        while self._next <= 100 * done // max(1, total) and self._next <= 100:  # noqa: PLR2004 - percent
            self._out.write(f"packed {self._next} %\n")
            self._out.flush()
            self._next += 10


def write_report(
    session: Path, environment: Mapping[str, str], out: TextIO, *, clock: Clock, output: Path | None = None
) -> int:
    """Write the report of a session, as it stands, into a folder: by default beside its outputs.

    Raises:
        ReportError: there is no such session, or the files cannot be written.
    """
    try:
        masking = masker(_plan(session), environment)
        for path in _write_report(session, output or outputs(session), masking, environment, clock):
            out.write(f"{path}\n")
    except (story.NoStory, OSError) as error:
        raise ReportError(str(error)) from error
    for notice in masking.notices:
        out.write(f"note: {notice}\n")
    return 0


def _write_report(
    session: Path, place: Path, masking: Masker, environment: Mapping[str, str], clock: Clock
) -> tuple[Path, Path]:
    from app.report import report as pages

    told = story.read(session, outputs(session), clock, pod.incarnation(environment)[0], masking)
    page, text = place / pages.HTML, place / pages.MARKDOWN
    files.write_whole(page, pages.html(told, masking))
    files.write_whole(text, pages.markdown(told, masking))
    return page, text


def finish_session(
    session: Path,
    environment: Mapping[str, str],
    out: TextIO,
    *,
    clock: Clock,
    repository: Path,
    plan: Plan | None,
    confirm: Callable[[], bool],
) -> int:
    """Show what a session changes in the operator's repository, and make the changes if that is confirm to.

    Args:
        session: the session's folder.
        environment: holds the secrets to be masked.
        out: where to write.
        clock: the present.
        repository: a folder in the repository.
        plan: whose [finish] says what is to be done; the session's own, if None.
        confirm: asks the operator.

    Raises:
        ReportError: the plan asks for nothing, or something is in the way; nothing was written.
    """
    from app.report import finish as finishing

    try:
        own = _plan(session)
        wanted = (plan or own).finish
        if wanted == type(wanted)():
            raise ReportError("the plan has no [finish] table that says what to do: see docs/plan.md")
        masking = masker(own, environment)
        told = story.read(session, outputs(session), clock, pod.incarnation(environment)[0], masking)
        place = finishing.Repository(repository)
        found = finishing.changes(wanted, told, place, masking)
        for edit in found.edits:
            out.write(clean_text(edit.diff(), _LONGEST_DIFF) + "\n")
        for line in (*found.moves, *(f"note: {note}" for note in found.notes)):
            out.write(f"{clean_line(str(line))}\n")
        if not found.edits and not found.moves:
            out.write("nothing to do: all of it is there already\n")
            return 0
        if not confirm():
            out.write("nothing was written\n")
            return 0
        finishing.apply(found, place)
    except (finishing.CannotFinish, story.NoStory, OSError) as error:
        raise ReportError(str(error)) from error
    out.write(f"written into {place.root}; nothing is committed: git status and git diff show it\n")
    return 0


def verify_bundle(path: Path, out: TextIO, *, unpack: Path | None = None) -> int:
    """Check a bundle, or the folder of an unpacked one, and unpack it if that is asked and it is whole.

    Raises:
        ReportError: it cannot be read, or not be unpacked.
    """
    try:
        found = verification.unpack(path, unpack) if unpack else verification.verify(path)
    except OSError as error:
        raise ReportError(f"{error.filename or path}: {error.strerror}") from error
    for problem in found.problems:
        out.write(f"{problem}\n")
    if found.problems:
        out.write(
            f"{path}: NOT as it was packed: {len(found.problems)} problems. Keep the pod; fetch it again\n"
        )
        return BAD
    out.write(f"{path}: {found.files} files, {format_size(found.bytes)}: every byte is as it was packed\n")
    if unpack:
        out.write(f"unpacked below {unpack}\n")
    return 0


def _plan(session: Path) -> Plan:
    """Return the plan that a session runs.

    Raises:
        NoStory: it cannot be read.
    """
    try:
        return Plan.model_validate_json(SessionFolder(session).plan.read_bytes())
    except (OSError, ValueError) as error:
        raise story.NoStory(f"{session}: expected the folder of a session: {first_line(error)}") from None
