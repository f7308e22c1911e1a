"""The commands `gonogo report`, `bundle`, `verify` and `finish`; each returns the exit status."""

import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TextIO

from app.errors import UserError, take_first_line
from app.monitor.sanitize import clean_line, clean_text
from app.plan.schema import Finish, Plan
from app.report.bundle_check import check_bundle, unpack_bundle
from app.report.bundle_contents import (
    ARCHIVE_FOLDER,
    BUNDLES_FOLDER,
    BundleContents,
    BundleError,
    collect_contents,
)
from app.report.bundle_writer import pack_bundle
from app.report.finish import prepare_changes
from app.report.history import HistoryError, SessionHistory, load_history
from app.report.render import HTML_NAME, MARKDOWN_NAME, render_html, render_markdown
from app.report.repository import Repository, RepositoryError
from app.session.clock import Clock
from app.session.fingerprints import read_fingerprints
from app.session.folder import SessionFolder
from app.session.masking import Masker
from app.session.pod import pod
from app.units import format_size
from phases.contract import files

VERIFICATION_FAILED = 1
_MAX_DIFF = 1 << 20


class ReportError(UserError):
    """The command cannot be carried out; the message says why and what to do."""


def write_report(
    session: Path, environment: Mapping[str, str], out: TextIO, *, clock: Clock, output: Path | None = None
) -> int:
    """Write the report of a session into a folder, by default next to its outputs.

    Raises:
        ReportError: the session cannot be read, or the files cannot be written.
    """
    try:
        masker = _build_masker(session, _load_plan(session), environment)
        for path in _write_report_files(
            session, output or _find_outputs(session), masker, environment, clock
        ):
            out.write(f"{path}\n")
    except (HistoryError, OSError) as error:
        raise ReportError(str(error)) from error
    for notice in masker.notices:
        out.write(f"note: {notice}\n")
    return 0


def write_bundle(
    session: Path,
    environment: Mapping[str, str],
    out: TextIO,
    *,
    clock: Clock,
    output: Path | None = None,
    list_only: bool = False,
) -> int:
    """Update the report, pack the bundle, and print how to fetch and verify it.

    Args:
        session: the session's folder.
        environment: the environment with the secrets to mask and, on a pod, its address.
        out: the stream to print to.
        clock: the current time, for the report.
        output: the bundle, by default `bundles/<session>.tar` next to the session's outputs.
        list_only: print what would be packed, and write nothing.

    Raises:
        ReportError: the session cannot be read, a pattern leaves the folder, or the disk is too small.
    """
    try:
        plan = _load_plan(session)
        masker = _build_masker(session, plan, environment)
        outputs = _find_outputs(session)
        if not list_only:
            _write_report_files(session, outputs, masker, environment, clock)
        contents = collect_contents(outputs, plan.bundle.include, session)
        _print_contents(contents, out)
        if list_only:
            return 0
        target = output or session.parent.parent / BUNDLES_FOLDER / f"{session.name}.tar"
        summary = pack_bundle(contents, target, masker, _ProgressPrinter(out))
    except (BundleError, HistoryError, OSError) as error:
        raise ReportError(str(error)) from error
    for notice in (*masker.notices, *summary.notices):
        out.write(f"note: {notice}\n")
    for name in summary.masked:
        out.write(f"note: {name}: masked a secret\n")
    if summary.resumed_bytes:
        out.write(f"resumed after {format_size(summary.resumed_bytes)} that were packed before\n")
    rsync, scp = build_transfer_commands(summary.path, environment)
    out.write(f"{summary.path}: {summary.files} files, {format_size(summary.bytes)}\n\n")
    out.write(f"On your own machine, fetch it with one of\n  {rsync}\n  {scp}\n")
    out.write(f"and verify it before you terminate the pod:\n  gonogo verify {summary.path.name}\n")
    return 0


def verify_bundle(path: Path, out: TextIO, *, unpack: Path | None = None) -> int:
    """Check a bundle, or the folder of an unpacked one; with `unpack`, also unpack it if it is intact.

    Raises:
        ReportError: it cannot be read or unpacked.
    """
    try:
        check = unpack_bundle(path, unpack) if unpack else check_bundle(path)
    except OSError as error:
        raise ReportError(f"{error.filename or path}: {error.strerror}") from error
    for problem in check.problems:
        out.write(f"{problem}\n")
    if check.problems:
        out.write(
            f"{path}: DAMAGED: {len(check.problems)} problems. Keep the pod and fetch the bundle again\n"
        )
        return VERIFICATION_FAILED
    out.write(f"{path}: intact: {check.files} files, {format_size(check.bytes)}, every byte verified\n")
    if unpack:
        out.write(f"unpacked below {unpack}\n")
    return 0


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
    """Show the changes that a session makes in the operator's repository, and make them once confirmed.

    Args:
        session: the session's folder.
        environment: the environment with the secrets to mask.
        out: the stream to print to.
        clock: the current time.
        repository: a folder in the repository.
        plan: the plan with the [finish] table; None for the session's own.
        confirm: asks the operator.

    Raises:
        ReportError: the table is empty, or something prevents a change; nothing was written.
    """
    try:
        session_plan = _load_plan(session)
        finish = (plan or session_plan).finish
        if finish == Finish():
            raise ReportError("the plan has no [finish] table that says what to do: see docs/plan.md")
        masker = _build_masker(session, session_plan, environment)
        history = _load_history(session, masker, environment, clock)
        target = Repository(repository)
        changes = prepare_changes(finish, history, target, masker)
        for edit in changes.edits:
            out.write(clean_text(edit.diff(), _MAX_DIFF) + "\n")
        for move in changes.moves:
            out.write(f"{clean_line(str(move))}\n")
        for note in changes.notes:
            out.write(f"note: {clean_line(note)}\n")
        if not changes.edits and not changes.moves:
            out.write("nothing to do: the repository is up to date\n")
            return 0
        if not confirm():
            out.write("nothing was written\n")
            return 0
        target.apply(changes)
    except (RepositoryError, HistoryError, OSError) as error:
        raise ReportError(str(error)) from error
    out.write(f"changed {target.root}; nothing is committed: review with git status and git diff\n")
    return 0


def build_transfer_commands(bundle: Path, environment: Mapping[str, str]) -> tuple[str, str]:
    """Return the rsync and the scp command that fetch a bundle from this machine.

    A RunPod pod knows its public address; elsewhere HOST and PORT are placeholders.
    """
    host = environment.get("RUNPOD_PUBLIC_IP", "HOST")
    port = environment.get("RUNPOD_TCP_PORT_22", "PORT")
    source = shlex.quote(f"root@{host}:{bundle.absolute()}")
    shell = shlex.quote(f"ssh -p {port}")
    return (
        f"rsync --partial --append-verify --progress -e {shell} {source} .",
        f"scp -P {port} {source} .",
    )


def _load_plan(session: Path) -> Plan:
    try:
        return Plan.model_validate_json(SessionFolder(session).read_plan())
    except (OSError, ValueError) as error:
        raise HistoryError(f"{session}: expected the folder of a session: {take_first_line(error)}") from None


def _build_masker(session: Path, plan: Plan, environment: Mapping[str, str]) -> Masker:
    """Return a masker for the plan's secrets and the addresses of its notifications."""
    names = dict.fromkeys((*plan.session.secrets, *plan.notify.urls))
    return Masker.from_environment(names, environment, read_fingerprints(session))


def _find_outputs(session: Path) -> Path:
    """Return the folder of a session's outputs: its artifact folder, or the archive once another session ran.

    The path is derived from the session's folder, so it also holds in an unpacked bundle.
    """
    artifacts = session.parent.parent
    archived = artifacts / ARCHIVE_FOLDER / session.name
    return archived if archived.is_dir() else artifacts


def _load_history(
    session: Path, masker: Masker, environment: Mapping[str, str], clock: Clock
) -> SessionHistory:
    machine, _ = pod.identify_incarnation(environment)
    return load_history(session, _find_outputs(session), clock, machine, masker)


def _write_report_files(
    session: Path, folder: Path, masker: Masker, environment: Mapping[str, str], clock: Clock
) -> tuple[Path, Path]:
    history = _load_history(session, masker, environment, clock)
    html, markdown = folder / HTML_NAME, folder / MARKDOWN_NAME
    files.write_atomically(html, render_html(history, masker))
    files.write_atomically(markdown, render_markdown(history, masker))
    return html, markdown


def _print_contents(contents: BundleContents, out: TextIO) -> None:
    groups = contents.groups
    width = max(len(pattern) for pattern in (*groups, "total"))
    for pattern, (count, size) in groups.items():
        out.write(f"{pattern:<{width}}  {count:>6,} files  {format_size(size):>8}\n")
    out.write(f"{'total':<{width}}  {len(contents.files):>6,} files  {format_size(contents.bytes):>8}\n")
    for notice in contents.notices:
        out.write(f"note: {notice}\n")


class _ProgressPrinter:
    """Prints a line for each ten percent."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._next_percent = 10

    def __call__(self, done: int, total: int) -> None:
        percent = 100 * done // max(1, total)
        while self._next_percent <= min(percent, 100):
            self._out.write(f"packed {self._next_percent} %\n")
            self._out.flush()
            self._next_percent += 10
