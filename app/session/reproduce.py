"""Record what a session runs with, and compare the record before the session is run again.

`environment.json` is written when a session is created: revisions of the code, versions of the packages, the
machine and the prompt format. The session's folder also holds the resolved plan with its seeds, and the
attempts' results hold the hashes of models and inputs.
"""

import contextlib
import hashlib
import json
import os
import platform
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from app.monitor.gpu import read_gpu_names
from app.plan.schema import Plan
from app.session.folder import SessionFolder
from app.session.journal.fold import recover_file
from app.session.journal.state import State
from app.session.registry import SessionError
from app.session.revised_plan import revise_plan
from app.timeouts import HangingError
from phases.contract import files
from phases.contract.models import PROMPT_FORMAT_ID
from phases.contract.protocol import Result, normalize_json
from phases.contract.versions import list_installed_versions

RECORD = "environment.json"
_MAX_RESULT_BYTES = 64 << 20
_OWN_FOLDER = Path(__file__).parents[2]
_EMBEDDED = _OWN_FOLDER / "phases" / "embedded" / "model"


class SessionEnvironment(msgspec.Struct, frozen=True):
    """The software and the machine that a session ran with.

    Attributes:
        versions: versions of Python and of the packages that can change a result.
        revisions: git revisions of gonogo and of the plan's folder; `+` and a hash are appended if there are
            uncommitted changes. A folder without git has none.
        machine: the system, cores and GPUs.
        prompt_format: id of the format that wraps instructions.
    """

    versions: dict[str, str]
    revisions: dict[str, str]
    machine: dict[str, str]
    prompt_format: str


def describe_gpus() -> list[str]:
    """Return the name of each GPU, or why they are not known."""
    try:
        return read_gpu_names()
    except HangingError as error:
        return [f"unknown: {error}"]


def collect_environment(plan_folder: Path, gpus: Sequence[str]) -> SessionEnvironment:
    """Return the environment of a session that would start now."""
    revisions = {"gonogo": _read_revision(_OWN_FOLDER), "plan": _read_revision(plan_folder)}
    known_revisions = {name: revision for name, revision in revisions.items() if revision}
    machine = {"system": platform.platform(), "cores": str(os.cpu_count()), "gpus": ", ".join(gpus) or "none"}
    return SessionEnvironment(list_installed_versions(), known_revisions, machine, PROMPT_FORMAT_ID)


def _read_revision(folder: Path) -> str:
    def run_git(*arguments: str) -> str:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=False, timeout=60
        )
        return done.stdout.strip() if done.returncode == 0 else ""

    try:
        revision = run_git("rev-parse", "HEAD")
        changes = run_git("diff", "HEAD")
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return f"{revision}+{hashlib.sha256(changes.encode()).hexdigest()[:8]}" if changes else revision


def write_environment(session: Path, environment: SessionEnvironment) -> None:
    """Write the environment to a session's folder."""
    files.write_json(session / RECORD, environment)


def load_recorded_plan(session: Path, here: Path) -> Plan:
    """Return the plan that a session ran, with the changes made at its gates.

    Its folder is the original one, or `here` if the original one does not exist on this machine.

    Raises:
        SessionError: the plan cannot be read.
    """
    folder = SessionFolder(session)
    try:
        plan = Plan.model_validate_json(folder.read_plan())
    except (OSError, ValueError) as error:
        raise SessionError(f"{folder.plan}: cannot read the plan of this session: {error}") from error
    plan_folder = plan.folder if plan.folder.is_dir() else here.resolve()
    plan = plan.model_copy(update={"path": session / "plan.toml", "folder": plan_folder})
    state = _read_state(session)
    left_out = {record.id for record in state.phases if record.status == "left_out"}
    revised = revise_plan(plan, state)
    phases = tuple(phase for phase in revised.phases if phase.id not in left_out)
    return revised.model_copy(update={"phases": phases})


def describe_plan_changes(session: Path) -> list[str]:
    """Return one line for each change that a decision at a gate of a session made to its plan."""
    state = _read_state(session)
    return [
        line
        for decision in state.decisions
        for line in (
            *(
                f"{phase}.{name} = {json.dumps(new)}, was {json.dumps(old)}"
                for phase, changed in decision.plan_changes.items()
                for name, (old, new) in changed.items()
            ),
            *(f"{phase} was left out" for phase in decision.left_out),
        )
    ]


def _read_state(session: Path) -> State:
    """Return the state of a session, up to the first damaged line of its journal; empty without a journal."""
    try:
        return recover_file(SessionFolder(session).journal)[0]
    except OSError:
        return State()


def find_differences(session: Path, plan: Plan, now: SessionEnvironment) -> list[str]:
    """Return one line for each known difference from when a session ran.

    Args:
        session: the session's folder.
        plan: the plan that would run again.
        now: the environment that it would run in.

    Raises:
        SessionError: the record of the environment cannot be read.
    """
    record = session / RECORD
    if not record.is_file():
        missing = f"{record.name} is missing, so packages, revisions and machine cannot be compared"
        return [missing, *_compare_models(session, plan), *_compare_inputs(session, plan)]
    try:
        then = files.read_json(record, SessionEnvironment)
    except (OSError, ValueError) as error:
        raise SessionError(f"{record}: not a record of a session's environment: {error}") from error
    return [
        *_compare("version of ", then.versions, now.versions),
        *_compare("git revision of ", then.revisions, now.revisions),
        *_compare("machine, ", then.machine, now.machine),
        *_compare("", {"prompt format": then.prompt_format}, {"prompt format": now.prompt_format}),
        *_compare_models(session, plan),
        *_compare_inputs(session, plan),
    ]


def _compare(prefix: str, then: Mapping[str, str], now: Mapping[str, str]) -> Iterator[str]:
    for name in {**then, **now}:
        before, after = then.get(name, "none"), now.get(name, "none")
        if before != after:
            yield f"{prefix}{name}: was {before}, is {after}"


def _compare_models(session: Path, plan: Plan) -> Iterator[str]:
    """Yield a line for each file of the session's base models that has changed."""
    for model in _find_base_models(session):
        name, kind = str(model.get("name")), model.get("kind")
        if kind == "hub":
            yield f"model {name}: was hub revision {model.get('revision')}; the newest revision will be used"
            continue
        folder = _EMBEDDED if kind == "embedded" else plan.folder / str(model.get("path"))
        if not folder.is_dir():
            yield f"model {name}: {folder} does not exist"
            continue
        for file, sha in sorted(dict(model.get("files", {})).items()):
            path = folder / file
            if not path.is_file():
                yield f"model {name}: {file} is missing"
            elif (actual := files.hash_path(path)) != sha:
                yield f"model {name}: {file} has changed: was sha256 {sha[:12]}, is {actual[:12]}"


def _compare_inputs(session: Path, plan: Plan) -> Iterator[str]:
    """Yield a line for each changed file that the phases read and that no phase of the session wrote."""
    inputs = {item.path: item.sha256 for result in _read_results(session) for item in result.inputs}
    for name, sha in sorted(inputs.items()):
        path = (plan.folder / name).resolve()
        if path.is_relative_to(plan.artifacts.resolve()):
            continue
        if not path.exists():
            yield f"input {name} is missing"
        elif path.is_file() and (actual := files.hash_path(path)) != sha:
            yield f"input {name} has changed: was sha256 {sha[:12]}, is {actual[:12]}"


def _find_base_models(session: Path) -> list[dict[str, Any]]:
    """Return the base models in the provenance of the attempts' results, each once."""
    models: dict[str, dict[str, Any]] = {}
    for result in _read_results(session):
        model = result.provenance.get("model")
        if isinstance(model, dict):  # Programs that are not built-in phases may record something else.
            base = model.get("base") or model
            models.setdefault(str(base.get("sha256")), base)
    return list(models.values())


def _read_results(session: Path) -> Iterator[Result]:
    for path in sorted((session / "attempts").glob("*/*/result.json")):
        with contextlib.suppress(OSError, ValueError):
            data = files.read_regular_file(path, _MAX_RESULT_BYTES)
            yield msgspec.json.decode(normalize_json(data), type=Result)
