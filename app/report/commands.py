"""What `gonogo bundle`, `verify` and `report` do and print; each returns the exit status."""

from collections.abc import Mapping
from pathlib import Path
from typing import TextIO

from app.plan.schema import Plan
from app.report import bundle as bundles
from app.report import verify as verification
from app.session import pod
from app.session.clock import Clock
from app.session.folder import SessionFolder
from app.session.secrets import Masker
from phases.common import files
from widgets.format import size

BAD = 1
BAD_INPUT = 2


def masker(plan: Plan, environment: Mapping[str, str]) -> Masker:
    """Return what masks the plan's secrets: those it names, and where it sends its notifications."""
    return Masker.of(dict.fromkeys((*plan.session.secrets, *plan.notify.urls)), environment)


def outputs(plan: Plan, session: Path) -> Path:
    """Return where a session's outputs are: a later session has moved them aside."""
    aside = plan.artifacts / "archive" / session.name
    return aside if aside.is_dir() else plan.artifacts


def bundle(
    session: Path, environment: Mapping[str, str], out: TextIO, *, output: Path | None = None, only_list: bool
) -> int:
    """Show what is packed, pack it, and say how to fetch and check it."""
    plan = _plan(session)
    try:
        found = bundles.contents(outputs(plan, session), plan.bundle.include, session)
        _show(found, out)
        if only_list:
            return 0
        target = output or plan.artifacts / bundles.FOLDER / f"{session.name}.tar"
        masking = masker(plan, environment)
        done = bundles.pack(found, target, masking, _Percent(out))
    except (bundles.BundleError, OSError) as error:
        out.write(f"gonogo: {error}\n")
        return BAD_INPUT
    for notice in (*masking.notices, *done.notices):
        out.write(f"note: {notice}\n")
    for name in done.masked:
        out.write(f"note: {name}: a secret in it was masked\n")
    if done.resumed_bytes:
        out.write(f"went on after {size(done.resumed_bytes)} that were packed before\n")
    rsync, scp = bundles.transfer_commands(done.path, environment)
    out.write(f"{done.path}: {done.files} files, {size(done.bytes)}\n\n")
    out.write(f"At home, fetch it with one of\n  {rsync}\n  {scp}\n")
    out.write(f"and before the pod is terminated check every byte of it:\n  gonogo verify {done.path.name}\n")
    return 0


def _show(found: bundles.Contents, out: TextIO) -> None:
    groups = found.groups
    width = max((len(name) for name in groups), default=0)
    for name, (count, total) in groups.items():
        out.write(f"{name:<{width}}  {count:>6,} files  {size(total):>8}\n")
    out.write(f"{'together':<{width}}  {len(found.items):>6,} files  {size(found.bytes):>8}\n")
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


def report(session: Path, environment: Mapping[str, str], out: TextIO, *, clock: Clock) -> int:
    """Write the report of a session, as it stands, beside its outputs."""
    from app.report import report as pages
    from app.report import story

    try:
        plan = _plan(session)
        place = outputs(plan, session)
        told = story.read(session, place, clock, pod.incarnation(environment)[0])
        masking = masker(plan, environment)
        for name, page in ((pages.HTML, pages.html), (pages.MARKDOWN, pages.markdown)):
            files.write_whole(place / name, page(told, masking))
            out.write(f"{place / name}\n")
    except (story.NoStory, OSError) as error:
        out.write(f"gonogo: {error}\n")
        return BAD_INPUT
    return 0


def verify(path: Path, out: TextIO, *, unpack: Path | None = None) -> int:
    """Check a bundle, or the folder of an unpacked one, and unpack it if that is asked and it is whole."""
    try:
        found = verification.unpack(path, unpack) if unpack else verification.verify(path)
    except OSError as error:
        out.write(f"gonogo: {error.filename or path}: {error.strerror}\n")
        return BAD_INPUT
    for problem in found.problems:
        out.write(f"{problem}\n")
    if found.problems:
        out.write(
            f"{path}: NOT as it was packed: {len(found.problems)} problems. Keep the pod; fetch it again\n"
        )
        return BAD
    out.write(f"{path}: {found.files} files, {size(found.bytes)}: every byte is as it was packed\n")
    return 0


def _plan(session: Path) -> Plan:
    """Return the plan that a session runs."""
    return Plan.model_validate_json(SessionFolder(session).plan.read_bytes())
