"""The specification of an attempt: the program that its shim runs, and the environment it runs in."""

import math
from collections.abc import Mapping
from pathlib import Path

import msgspec

from app.plan.schema import Plan
from app.session.attempt import process
from app.session.attempt.variables import select_variables
from app.session.folder import move_away
from app.session.journal.events import AttemptStarted
from phases.contract import files

_MOST_BYTES = 16 << 20


def build_environment(
    plan: Plan,
    attempt: AttemptStarted,
    *,
    session: Path,
    folder: Path,
    environment: Mapping[str, str],
    grace: float,
) -> dict[str, str]:
    """Return the environment of an attempt: the selected variables of `environment` and gonogo's own."""
    gonogo_variables = {
        "GONOGO_PROGRESS": str(folder / "progress.jsonl"),
        "GONOGO_RESULT": str(folder / "result.json"),
        "GONOGO_SESSION": str(session),
        process.COOKIE: attempt.cookie,
        "PYTHONUNBUFFERED": "1",
        "TOKENIZERS_PARALLELISM": "false",
        # torch's launcher would kill its processes 30 s after a TERM, possibly before they saved.
        "TORCH_ELASTIC_SHUTDOWN_TIMEOUT": str(math.ceil(grace)),
    }
    if plan.find_phase(attempt.phase).run:
        # A module in the plan's folder must not replace a built-in phase.
        gonogo_variables["PYTHONSAFEPATH"] = "1"
    return {**select_variables(plan, environment), **gonogo_variables}


def _is_spec_of(attempt: AttemptStarted, path: Path) -> bool:
    try:
        spec = msgspec.json.decode(files.read_regular_file(path, _MOST_BYTES))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(spec, dict) and spec.get("cookie") == attempt.cookie


def write_spec(
    plan: Plan, attempt: AttemptStarted, *, folder: Path, environment: Mapping[str, str], grace: float
) -> Path:
    """Write `spec.json` for the shim and return its path; it holds no values of the environment."""
    for private in (folder.parent.parent, folder.parent, folder):
        if not private.is_dir():
            move_away(private)
            private.mkdir(mode=0o700)
    path = folder / "spec.json"
    if _is_spec_of(attempt, path):  # A previous conductor wrote it.
        return path
    if path.is_dir():
        move_away(path)
    deadline = None
    if attempt.deadline is not None:
        deadline = {"boot_id": process.read_boot_id(), "mono": attempt.deadline}
    files.write_json(
        path,
        {
            "argv": plan.find_phase(attempt.phase).build_command(attempt.parameters),
            "cwd": str(plan.folder),
            "environment": sorted(environment),
            "is_own_program": plan.find_phase(attempt.phase).run is not None,
            "parameters": attempt.parameters,
            "changed": attempt.changed,
            "parent": attempt.attempt - 1 or None,
            "batch": attempt.batch,
            "cookie": attempt.cookie,
            "grace": grace,
            "deadline": deadline,
        },
    )
    return path
