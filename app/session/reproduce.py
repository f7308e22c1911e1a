"""The record from which a session can be started again, and what has changed since.

`environment.json` is written when a session is created: revisions of the code, versions of the packages, the
machine, the prompt format. The plan as it ran, with its seeds, lies beside it; hashes of models and of what
was read stand in the results of the attempts.
"""

import contextlib
import hashlib
import os
import platform
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from app.plan.schema import Plan
from app.session.folder import SessionFolder
from app.session.registry import CannotStart
from phases.contract import files
from phases.contract.models import PROMPT_FORMAT_ID
from phases.contract.protocol import Result, standard_json
from phases.contract.versions import installed_versions

RECORD = "environment.json"
_OWN_FOLDER = Path(__file__).parents[2]
_EMBEDDED = _OWN_FOLDER / "phases" / "embedded" / "model"


class Environment(msgspec.Struct, frozen=True):
    """What a session ran with, beside its plan.

    Attributes:
        versions: of Python and of the packages that can change a result.
        revisions: the git revision of gonogo and of the plan's folder, with `+` and a hash of changes where
            files were changed; absent where there is none.
        machine: the system, cores and GPUs.
        prompt_format: the wrapper around instructions.
    """

    versions: dict[str, str]
    revisions: dict[str, str]
    machine: dict[str, str]
    prompt_format: str


def environment(plan_folder: Path, gpus: Sequence[str]) -> Environment:
    """Return what a session that starts here and now runs with."""
    revisions = {"gonogo": _revision(_OWN_FOLDER), "plan": _revision(plan_folder)}
    revisions_known = {name: revision for name, revision in revisions.items() if revision}
    machine = {"system": platform.platform(), "cores": str(os.cpu_count()), "gpus": ", ".join(gpus) or "none"}
    return Environment(installed_versions(), revisions_known, machine, PROMPT_FORMAT_ID)


def _revision(folder: Path) -> str:
    def git(*arguments: str) -> str:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=False, timeout=60
        )
        return done.stdout.strip() if done.returncode == 0 else ""

    try:
        revision = git("rev-parse", "HEAD")
        changes = git("diff", "HEAD")
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return f"{revision}+{hashlib.sha256(changes.encode()).hexdigest()[:8]}" if changes else revision


def write(session: Path, found: Environment) -> None:
    """Keep what a session runs with."""
    files.write_json(session / RECORD, found)


def recorded_plan(session: Path, here: Path) -> Plan:
    """Return the plan that a session ran, to be started again.

    It starts in its own folder, or `here` where that folder is not on this machine.

    Raises:
        CannotStart: the session is no whole record.
    """
    folder = SessionFolder(session)
    try:
        plan = Plan.model_validate_json(folder.plan.read_bytes())
    except (OSError, ValueError) as error:
        raise CannotStart(f"{folder.plan}: the plan of this session cannot be read: {error}") from error
    there = plan.folder if plan.folder.is_dir() else here.resolve()
    return plan.model_copy(update={"path": session / "plan.toml", "folder": there})


def differences(session: Path, plan: Plan, now: Environment) -> list[str]:
    """Return in lines what differs from when a session ran; nothing where nothing does that is known of.

    Args:
        session: its folder.
        plan: as it would run again.
        now: what it would run with.
    """
    record = session / RECORD
    if not record.is_file():
        lines = [f"{record.name} is missing: what the session ran with is not known"]
        return [*lines, *_models(session, plan), *_inputs(session, plan)]
    try:
        then = msgspec.json.decode(record.read_bytes(), type=Environment)
    except (OSError, msgspec.DecodeError) as error:
        raise CannotStart(f"{record}: not the record of a session: {error}") from error
    return [
        *_changed("version of ", then.versions, now.versions),
        *_changed("git revision of ", then.revisions, now.revisions),
        *_changed("machine, ", then.machine, now.machine),
        *_changed("", {"prompt format": then.prompt_format}, {"prompt format": now.prompt_format}),
        *_models(session, plan),
        *_inputs(session, plan),
    ]


def _changed(what: str, then: Mapping[str, str], now: Mapping[str, str]) -> Iterator[str]:
    for name in {**then, **now}:
        before, after = then.get(name, "none"), now.get(name, "none")
        if before != after:
            yield f"{what}{name}: was {before}, is {after}"


def _models(session: Path, plan: Plan) -> Iterator[str]:
    """Say which files of the base models that the session used have changed since."""
    for model in _used(session):
        name, kind = str(model.get("name")), model.get("kind")
        if kind == "hub":
            yield f"model {name}: was revision {model.get('revision')} of the hub; the newest one is taken"
            continue
        folder = _EMBEDDED if kind == "embedded" else plan.folder / str(model.get("path"))
        if not folder.is_dir():
            yield f"model {name}: {folder} is not here"
            continue
        for file, sha in sorted(dict(model.get("files", {})).items()):
            path = folder / file
            if not path.is_file():
                yield f"model {name}: {file} is missing"
            elif (found := files.sha256(path)) != sha:
                yield f"model {name}: {file} has changed: was sha256 {sha[:12]}, is {found[:12]}"


def _inputs(session: Path, plan: Plan) -> Iterator[str]:
    """Say which files that the phases read, and that no phase of the session wrote, have changed since."""
    read = {given.path: given.sha256 for result in _results(session) for given in result.inputs}
    for name, sha in sorted(read.items()):
        path = (plan.folder / name).resolve()
        if path.is_relative_to(plan.artifacts.resolve()):
            continue
        if not path.exists():
            yield f"input {name} is missing"
        elif path.is_file() and (found := files.sha256(path)) != sha:
            yield f"input {name} has changed: was sha256 {sha[:12]}, is {found[:12]}"


def _used(session: Path) -> list[dict[str, Any]]:
    """Return the base models that the results of a session's attempts name, each once."""
    found: dict[str, dict[str, Any]] = {}
    for result in _results(session):
        model = result.provenance.get("model")
        if isinstance(model, dict):  # other programs than our phases say nothing of models
            base = model.get("base") or model
            found.setdefault(str(base.get("sha256")), base)
    return list(found.values())


def _results(session: Path) -> Iterator[Result]:
    for path in sorted((session / "attempts").glob("*/*/result.json")):
        with contextlib.suppress(OSError, ValueError):
            yield msgspec.json.decode(standard_json(path.read_bytes()), type=Result)
