"""Creating, finding and rejoining sessions, and starting their conductors."""

import contextlib
import fcntl
import hashlib
import os
import shlex
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from app.monitor.gpu import GpuReader
from app.plan.schema import Plan
from app.session import registry, reproduce
from app.session.attempt import process, spec
from app.session.client import SessionClient
from app.session.folder import About, SessionFolder, Settings, launch_command
from app.session.journal import journal
from app.session.money import deadlines
from app.session.pod import pod
from phases.contract import files

SESSIONS = "sessions"
ARCHIVE = "archive"
_START_WITHIN = 30.0
_START_AGAIN = 5.0
_LOG_TAIL = 2_000


def plan_digest(plan: Plan) -> str:
    """Return the SHA-256 of a plan as it would run, which is what an operator approves."""
    return hashlib.sha256(plan.model_dump_json(exclude={"path"}).encode()).hexdigest()


def digest_of(folder: Path) -> str:
    """Return the digest of the plan that a session was started with."""
    return SessionFolder(folder).read_about().plan_sha256


def with_seed(plan: Plan, seed: int) -> Plan:
    """Return the plan with another seed, in the session and in every phase that was given the session's."""
    phases = tuple(
        phase.model_copy(update={"params": {**phase.params, "seed": seed}})
        if phase.params.get("seed") == plan.session.seed
        else phase
        for phase in plan.phases
    )
    session = plan.session.model_copy(update={"seed": seed})
    return plan.model_copy(update={"session": session, "phases": phases})


def with_model(plan: Plan, model: str) -> Plan:
    """Return the plan with another model, in the session and in every phase that was given the session's."""
    phases = tuple(
        phase.model_copy(
            update={"params": {k: model if v == plan.session.model else v for k, v in phase.params.items()}}
        )
        for phase in plan.phases
    )
    session = plan.session.model_copy(update={"model": model})
    return plan.model_copy(update={"session": session, "phases": phases})


def executes(plan: Plan, environment: Mapping[str, str]) -> list[str]:
    """Return in lines what a plan executes: commands, folder, names of variables, digest.

    Whoever approves it sees every character: what a terminal would obey is escaped.
    """
    lines = [f"{plan.path} executes, in {plan.folder}:", ""]
    lines += [f"  {phase.id}: {shlex.join(phase.argv(phase.params))}" for phase in plan.phases]
    for what, command in (
        ("to stop the pod", plan.pod.stop_command),
        *(("or else", fallback) for fallback in plan.pod.stop_fallbacks),
        ("to see that it is stopped", plan.pod.stopped_command),
        ("to ask what it has cost", plan.pod.spent_command),
    ):
        if command:
            lines.append(f"  {what}: {shlex.join(command)}")
    names = ", ".join(sorted(spec.select_variables(plan, environment)))
    lines += ["", f"with these variables of yours: {names}", f"sha256 {plan_digest(plan)}", ""]
    return ["".join(c if c.isprintable() else repr(c)[1:-1] for c in line) for line in lines]


def unfinished(plan: Plan) -> Path | None:
    """Return the folder of the artifact folder's unfinished session, if it has one."""
    last = latest(plan.artifacts / SESSIONS)
    return last if last is not None and not registry.is_over(last) else None


def open_session(
    plan: Plan, *, approved: str, settings: Settings | None = None, remembered: bool = True
) -> Path:
    """Return the folder of the artifact folder's unfinished session, or else of a new one.

    One that is not to be `remembered` is found by its folder alone. The outputs of a session that is over are
    moved to `archive/<its id>` before a new one starts.
    """
    sessions = plan.artifacts / SESSIONS
    sessions.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _locked(sessions / ".lock"):
        if (open_one := unfinished(plan)) is not None:
            return open_one
        if (last := latest(sessions)) is not None:
            archive_outputs(plan.artifacts, last.name)
        folder = _create(plan, sessions, approved, settings or Settings())
        if remembered:
            registry.remember(folder)
        return folder


def latest(sessions: Path) -> Path | None:
    """Return the folder of the newest session below a folder of sessions."""
    found = [f.parent for f in sessions.glob("*/session.json")]
    return max(found, key=lambda folder: folder.name, default=None)


def archive_outputs(artifacts: Path, session: str) -> None:
    """Move what a session wrote aside, but not what belongs to another profile's sessions."""
    archive = artifacts / ARCHIVE / session
    for entry in sorted(artifacts.iterdir()):
        kept = entry.name in (SESSIONS, ARCHIVE, "bundles", "README.md") or entry.name.startswith(".")
        if kept or (entry / SESSIONS).is_dir():
            continue
        archive.mkdir(parents=True, exist_ok=True)
        entry.rename(archive / entry.name)


def _create(plan: Plan, sessions: Path, approved: str, settings: Settings) -> Path:
    stamp = time.strftime("%Y%m%d-%H%M%S")
    names = (stamp, *(f"{stamp}-{n}" for n in range(2, 100)))
    session = next(name for name in names if not (sessions / name).exists())
    folder = SessionFolder(sessions / session)
    folder.path.mkdir(mode=0o700)
    resolved = plan.model_dump_json(indent=2)
    digest = plan_digest(plan)
    files.write_whole(folder.path / "plan.toml", plan.path.read_bytes())
    files.write_whole(
        folder.path / "plan.sha256", f"{files.sha256(plan.path)}  plan.toml\n{digest}  resolved\n"
    )
    files.write_whole(folder.plan, resolved)
    gpus = GpuReader().read_names()
    reproduce.write(folder.path, reproduce.environment(plan.folder, gpus))
    about = About(
        id=session,
        plan_path=str(plan.path),
        plan_folder=str(plan.folder),
        plan_sha256=digest,
        profile=plan.profile or "",
        approved=approved,
        settings=settings,
    )
    files.write_json(folder.about, about)  # last: it makes the folder a session
    return folder.path


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def needs_nobody(folder: Path, environment: Mapping[str, str] = os.environ) -> bool:
    """Say whether a session is over and its pod not to be stopped: kept, another by now, or none at all."""
    state = registry.read_state(folder)
    if state.ended is None:
        return False
    session = SessionFolder(folder)
    plan = Plan.model_validate_json(session.plan.read_bytes())
    due = deadlines.find_pod_stop(plan, state, state.time.elapsed, process.seconds_since_boot())
    here = state.machine == pod.identify_incarnation(environment)[0]
    return due is None or not here or not session.read_about().settings.guard


def ensure_conductor(folder: Path, environment: Mapping[str, str] = os.environ) -> None:
    """See that a session that is not over, or whose pod is still to be stopped, has a conductor that answers.

    Raises:
        known.CannotStart: it does not come up; the message has the end of its log.
    """
    client = SessionClient(folder)
    if client.has_conductor() or needs_nobody(folder, environment):
        return
    session = SessionFolder(folder.absolute())
    deadline = time.monotonic() + _START_WITHIN
    start = 0.0
    while (now := time.monotonic()) < deadline:
        if now >= start:  # again and again: one that found another at work has left, and the other may die
            _start_conductor(session, environment)
            start = now + _START_AGAIN
        if client.has_conductor() or needs_nobody(folder, environment):
            return
        if replay_damage := journal.read_journal(session.journal).damage if session.journal.exists() else "":
            raise registry.CannotStart(
                f"{replay_damage}. The session is read-only: `gonogo attach --read-only`"
            )
        time.sleep(0.05)
    if shutil.disk_usage(folder).free == 0:
        raise registry.CannotStart(f"the disk of {folder} is full: make room, then try again")
    log_end = session.conductor_log.read_bytes()[-_LOG_TAIL:].decode(errors="replace")
    raise registry.CannotStart(
        f"the session's conductor did not start within {_START_WITHIN:.0f} s.\n{log_end}"
    )


def _start_conductor(session: SessionFolder, environment: Mapping[str, str]) -> None:
    with os.fdopen(
        os.open(session.conductor_log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab"
    ) as log:
        subprocess.run(
            launch_command(session.path),
            env=dict(environment),
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            check=False,
        )
