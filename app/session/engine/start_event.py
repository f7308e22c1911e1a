"""The start of a session and of each of its conductors, with the time that was observed before it."""

import os
from collections.abc import Callable, Mapping

from msgspec.structs import replace

from app.plan.schema import Plan
from app.session import heartbeat
from app.session.attempt import process
from app.session.clock import Clock
from app.session.engine.machine_sampler import SAMPLES_FILE
from app.session.folder import SessionFolder, SessionInfo
from app.session.journal.events import ConductorStarted, SessionStarted
from app.session.journal.state import State
from app.session.money import deadlines, takeover
from app.session.pod import pod


def build_session_start(info: SessionInfo, plan: Plan) -> SessionStarted:
    """Return the first event of a session."""
    return SessionStarted(
        id=info.id,
        plan_sha256=info.plan_sha256,
        profile=info.profile,
        seed=plan.session.seed,
        phases=[phase.id for phase in plan.phases],
        approved=info.approved,
        usd_per_hour=plan.pod.usd_per_hour,
        budget_usd=plan.session.budget_usd,
    )


def build_conductor_start(
    plan: Plan,
    folder: SessionFolder,
    clock: Clock,
    environment: Mapping[str, str],
    before: State,
    *,
    by_guard: bool,
    apply: Callable[[ConductorStarted], State],
) -> ConductorStarted:
    """Return the start of this conductor.

    Args:
        plan: the plan.
        folder: the session's folder, which has the traces of its past.
        clock: the clock.
        environment: the environment, which names the pod.
        before: the session as the journal has it.
        by_guard: whether the guard started the conductor.
        apply: returns the session after a start, without recording it.
    """
    machine, age = pod.identify_incarnation(environment)
    start = ConductorStarted(pid=os.getpid(), machine=machine, pod_age=age, by_guard=by_guard)
    if not before.machine:  # This is the session's first conductor.
        return start
    pod_id = environment.get(pod.POD_ID, "")
    now = takeover.Moment(clock.wall(), clock.mono(), process.read_boot_id(), machine, pod_id, age)
    last = heartbeat.read_heartbeat(folder.path / heartbeat.CONDUCTOR_HEARTBEAT)
    past = takeover.observe_past(before.pod_time, last, _find_last_write(folder, before), now)
    start = replace(start, up=past.up, away=past.away, has_grace=False)
    after = apply(start)
    has_grace = not by_guard and deadlines.needs_grace(plan, after, after.time.elapsed, now.mono, past.away)
    return replace(start, has_grace=has_grace)


def _find_last_write(folder: SessionFolder, state: State) -> float:
    """Return when a file of the session was last written, by the wall clock."""
    paths = [folder.path / heartbeat.GUARD_HEARTBEAT]
    phase = state.current
    if phase is not None and phase.is_running:
        attempt = folder.locate_attempt(phase.id, phase.attempt_number)
        paths += [attempt / name for name in (SAMPLES_FILE, "progress.jsonl", "output.log", "exit.json")]
    return takeover.find_last_write(paths)
