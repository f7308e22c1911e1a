"""Create, find and rejoin sessions, and start their conductors."""

import contextlib
import fcntl
import hashlib
import itertools
import os
import shlex
import shutil
import signal
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from app.monitor.tails import LogTail
from app.plan.schema import Plan
from app.session import approval, heartbeat, registry, reproduce
from app.session.artifact_disk import make_artifacts_folder, require_session_disk
from app.session.attempt import process, variables
from app.session.client import SessionClient
from app.session.folder import SessionFolder, SessionInfo, Settings, build_launch_command
from app.session.heartbeat import HangWatch
from app.session.journal.state import RESTART_SECONDS
from app.session.money import deadlines
from app.session.pod import pod
from app.session.pod.commands import run_command
from app.session.registry import SessionError
from app.session.rejoin import list_named_variables, require_rejoinable, require_undamaged
from app.session.stored_plan import load_stored_plan
from phases.contract import files

SESSIONS = "sessions"
ARCHIVE = "archive"
_NOT_OUTPUTS = (SESSIONS, ARCHIVE, "bundles", "README.md")
_START_TIMEOUT = 30.0
_START_RETRY = 5.0
_POLL = 0.05
_POLL_TIMEOUT = 1.0
_HANG_SECONDS = 10.0


def compute_plan_digest(plan: Plan) -> str:
    """Return the SHA-256 of a resolved plan, which is what an operator approves."""
    return hashlib.sha256(plan.model_dump_json(exclude={"path"}).encode()).hexdigest()


def read_plan_digest(folder: Path) -> str:
    """Return the digest of the plan that a session was started with."""
    return SessionFolder(folder).read_info().plan_sha256


def override_seed(plan: Plan, seed: int) -> Plan:
    """Return the plan with another seed, in the session and in each phase that uses the session's seed."""
    phases = tuple(
        phase.model_copy(update={"params": {**phase.params, "seed": seed}})
        if phase.params.get("seed") == plan.session.seed
        else phase
        for phase in plan.phases
    )
    session = plan.session.model_copy(update={"seed": seed})
    return plan.model_copy(update={"session": session, "phases": phases})


def override_model(plan: Plan, model: str) -> Plan:
    """Return the plan with another model, in the session and in each phase that uses the session's model."""
    old = plan.session.model
    phases = tuple(
        phase.model_copy(
            update={
                "params": {name: model if value == old else value for name, value in phase.params.items()}
            }
        )
        for phase in plan.phases
    )
    session = plan.session.model_copy(update={"model": model})
    return plan.model_copy(update={"session": session, "phases": phases})


def describe_commands(plan: Plan, environment: Mapping[str, str]) -> list[str]:
    """Return lines that list everything that a plan executes: commands, folder, variables and digest.

    Characters that a terminal would interpret are escaped, so that the operator approves what is visible.
    """
    pod_commands = [
        ("stop the pod", plan.pod.stop_command),
        *(("stop the pod (fallback)", command) for command in plan.pod.stop_fallbacks),
        ("check that the pod is stopped", plan.pod.stopped_command),
        ("read the pod's bill", plan.pod.spent_command),
    ]
    passed = ", ".join(sorted(variables.select_variables(plan, environment)))
    withheld = ", ".join(variables.list_withheld(plan, environment)) or "none"
    lines = [
        f"{plan.path} runs these commands in {plan.folder}:",
        "",
        *(f"  {phase.id}: {shlex.join(phase.build_command(phase.params))}" for phase in plan.phases),
        *(f"  {purpose}: {shlex.join(command)}" for purpose, command in pod_commands if command),
        "",
        f"Environment variables passed to them: {passed}",
        f"Environment variables withheld from the phases: {withheld}",
        f"sha256 {compute_plan_digest(plan)}",
        "",
    ]
    return ["".join(c if c.isprintable() else repr(c)[1:-1] for c in line) for line in lines]


def find_unfinished(plan: Plan) -> Path | None:
    """Return the session in the plan's artifact folder that has not ended, if there is one.

    A new session would move its outputs. A session that has processes comes first. Of the others, the newest
    counts, and older ones that were approved here, unless they are damaged, copied or renamed.
    """
    sessions = registry.list_sessions_in(plan.artifacts / SESSIONS)
    unfinished = [folder for folder in sessions if not registry.has_ended(folder)]
    for folder in reversed(unfinished):
        if registry.has_processes(folder) and not registry.is_copy_or_renamed(folder):
            return folder
    for folder in reversed(unfinished):
        if _can_be_rejoined(folder) or (folder == sessions[-1] and not registry.is_copy_or_renamed(folder)):
            return folder
    return None


def _can_be_rejoined(folder: Path) -> bool:
    return not (
        registry.is_copy_or_renamed(folder)
        or registry.describe_damage(SessionFolder(folder))
        or not approval.is_session_approved(folder)
    )


def open_session(
    plan: Plan, *, approved: str, settings: Settings | None = None, register: bool = True
) -> Path:
    """Return the folder of the artifact folder's unfinished session, or create a new session.

    Before a new session, the outputs of the previous one are moved to `archive/<its id>`.

    Args:
        plan: the resolved plan.
        approved: how the plan was approved.
        settings: intervals and limits of the background processes.
        register: whether a new session can be found by its id from any folder.

    Raises:
        UserError: the artifact folder cannot hold a session.
    """
    sessions = plan.artifacts / SESSIONS
    make_artifacts_folder(plan.artifacts)
    require_session_disk(plan.artifacts)
    sessions.mkdir(exist_ok=True, mode=0o700)
    with _hold_lock(sessions / ".lock"):
        if (unfinished := find_unfinished(plan)) is not None:
            return unfinished
        if earlier := registry.list_sessions_in(sessions):
            archive_outputs(plan.artifacts, earlier[-1].name)
        folder = _choose_folder(sessions, register=register)
        _create_session(plan, SessionFolder(folder), approved, settings or Settings())
        return folder


def archive_outputs(artifacts: Path, session: str) -> None:
    """Move a session's outputs to the archive; other profiles' artifact folders stay."""
    archive = artifacts / ARCHIVE / session
    for entry in sorted(artifacts.iterdir()):
        if entry.name in _NOT_OUTPUTS or entry.name.startswith(".") or (entry / SESSIONS).is_dir():
            continue
        archive.mkdir(parents=True, exist_ok=True)
        entry.rename(archive / entry.name)


def _create_session(plan: Plan, folder: SessionFolder, approved: str, settings: Settings) -> None:
    folder.path.mkdir(mode=0o700)
    digest = compute_plan_digest(plan)
    files.write_atomically(folder.path / "plan.toml", plan.path.read_bytes())
    files.write_atomically(
        folder.path / "plan.sha256", f"{files.hash_path(plan.path)}  plan.toml\n{digest}  resolved\n"
    )
    files.write_atomically(folder.plan, plan.model_dump_json(indent=2))
    environment = reproduce.collect_environment(plan.folder, reproduce.describe_gpus())
    reproduce.write_environment(folder.path, environment)
    info = SessionInfo(
        id=folder.path.name,
        plan_path=str(plan.path),
        plan_folder=str(plan.folder),
        plan_sha256=digest,
        profile=plan.profile or "",
        approved=approved,
        settings=settings,
        variables=[name for name in list_named_variables(plan) if name in os.environ],
        created=time.time(),
    )
    approval.approve_session(folder.path, approved)
    # This file makes the folder a session, so it is written last.
    files.write_json(folder.info, info)


def _choose_folder(sessions: Path, *, register: bool) -> Path:
    """Return a folder named after the time that no other session has, here or on this machine."""
    stamp = time.strftime("%Y%m%d-%H%M%S")
    for number in itertools.count(1):
        folder = sessions / (stamp if number == 1 else f"{stamp}-{number}")
        if not os.path.lexists(folder) and (not register or registry.register_session(folder)):
            return folder
    raise AssertionError


@contextlib.contextmanager
def _hold_lock(path: Path) -> Iterator[None]:
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def needs_conductor(folder: Path, environment: Mapping[str, str] = os.environ) -> bool:
    """Return whether a session has not ended, or its pod, which is this one, is still to be stopped."""
    state = registry.read_state(folder)
    if state.ended is None:
        return True
    session = SessionFolder(folder)
    plan = load_stored_plan(folder)
    pod_stop = deadlines.find_pod_stop(plan, state, state.time.elapsed, process.read_seconds_since_boot())
    is_same_pod = state.machine == pod.identify_incarnation(environment)[0] or _has_just_run_here(
        session, environment
    )
    return pod_stop is not None and is_same_pod and bool(session.read_info().settings.guard)


def _has_just_run_here(session: SessionFolder, environment: Mapping[str, str]) -> bool:
    """Return whether the session's processes ran on this pod until moments ago: its container restarted."""
    last = heartbeat.read_heartbeat(session.path / heartbeat.CONDUCTOR_HEARTBEAT)
    if last is None or last.pod_id != environment.get(pod.POD_ID, ""):
        return False
    return 0 <= time.time() - last.wall < RESTART_SECONDS


def ensure_conductor(folder: Path, environment: Mapping[str, str] = os.environ) -> None:
    """Start the session's conductor if it needs one and none responds, and wait until it responds.

    Raises:
        SessionError: the conductor does not start; the message has the end of its log.
    """
    client = SessionClient(folder)
    if client.has_conductor():
        return
    session = SessionFolder(folder.absolute())
    require_undamaged(session)
    if not needs_conductor(folder, environment):
        return
    require_rejoinable(folder.absolute(), environment)
    client = SessionClient(folder, timeout=_POLL_TIMEOUT)
    hang = HangWatch(session.path / heartbeat.CONDUCTOR_HEARTBEAT, _HANG_SECONDS, time.monotonic)
    deadline = time.monotonic() + _START_TIMEOUT
    next_start = 0.0
    while (now := time.monotonic()) < deadline:
        # A conductor that finds another one leaves, and the other one may die: start again at intervals.
        if now >= next_start:
            require_undamaged(session)
            _start_conductor(session, environment)
            next_start = now + _START_RETRY
        if client.has_conductor() or not needs_conductor(folder, environment):
            return
        conductor = process.read_identity(session.conductor)
        if conductor is not None and process.is_alive(conductor) and hang.is_hanging(conductor):
            process.signal_identity(conductor, signal.SIGKILL)  # No guard has replaced it.
        time.sleep(_POLL)
    if shutil.disk_usage(folder).free == 0:
        raise SessionError(f"the disk of {folder} is full; free some space and try again")
    log = session.conductor_log
    raise SessionError(
        f"the conductor did not start within {_START_TIMEOUT:.0f} s: {_read_last_line(log)} (see {log})"
    )


def _read_last_line(log: Path) -> str:
    """Return the last line of a log, which names the error."""
    tail = LogTail(log, 1)
    while tail.poll():
        pass
    return next((line for line in reversed((*tail.lines, tail.partial)) if line.strip()), "its log is empty")


def _start_conductor(session: SessionFolder, environment: Mapping[str, str]) -> None:
    command = build_launch_command(session.path)
    run_command(command, environment, timeout=_START_TIMEOUT, log=session.conductor_log)
