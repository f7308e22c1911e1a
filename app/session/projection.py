"""Project the state, the plan and the latest measurements to a snapshot; a pure function."""

from pathlib import Path

import msgspec

from app.monitor.machine_sample import MachineSample
from app.monitor.pace import ProgressView
from app.plan import estimates
from app.plan.estimates import MeasuredHours
from app.plan.schema import Plan
from app.session.asking.view import AskingView
from app.session.folder import SessionFolder
from app.session.gate import decide, diagnosis
from app.session.journal.state import AttemptRecord, PhaseRecord, State
from app.session.money import ledger
from app.session.revised_plan import revise_plan
from app.session.snapshot import AttemptView, GateView, PhaseState, PhaseView, SessionSnapshot, SessionState
from app.session.upcoming import find_upcoming_gates


class Live(msgspec.Struct, frozen=True):
    """Measurements that are not in the journal.

    Attributes:
        progress: the running attempt's progress.
        stalled: whether it makes no progress.
        values: the last value of each of its metrics.
        machine: the latest sample of the machine.
        stops_at: when the pod will be stopped, in seconds since the epoch.
        measured: hours of phases in earlier sessions on such a machine, by phase.
        asking: the models that can be asked at the open gate, and the questions so far.
        predicted: predicted peak memory of phases on each GPU in bytes, by phase.
    """

    progress: ProgressView | None = None
    stalled: bool = False
    values: dict[str, float | None] = {}
    machine: MachineSample | None = None
    stops_at: float | None = None
    measured: dict[str, MeasuredHours] = {}
    predicted: dict[str, float] = {}
    asking: AskingView | None = None


def project_session(  # noqa: PLR0917 - the inputs of one function
    folder: Path, plan: Plan, state: State, live: Live, wall: float, mono: float
) -> SessionSnapshot:
    """Return the snapshot of a session at a wall and a monotonic time."""
    started = state.started
    assert started is not None
    elapsed = state.time.elapsed if state.ended else state.time.compute_elapsed(mono)
    now = state.time.wall if state.ended else wall
    original, plan = plan, revise_plan(plan, state)
    phases = tuple(_project_phase(folder, original, plan, record, live, elapsed) for record in state.phases)
    current = next((p for p in phases if p.state in ("running", "stopping", "gate")), None)
    return SessionSnapshot(
        id=started.id,
        name=plan.session.name,
        model=plan.session.model,
        profile=started.profile,
        gpu=plan.pod.gpu,
        folder=str(folder),
        artifacts=str(plan.artifacts),
        plan_folder=str(plan.folder),
        state=_get_session_state(state),
        started=state.started_wall,
        now=now,
        phases=phases,
        money=ledger.compute_money(plan, state, elapsed, now, current.remaining if current else None),
        decisions=state.decisions,
        gate=_project_gate(plan, state),
        asking=live.asking,
        machine=live.machine,
        upcoming=find_upcoming_gates(plan, state, live.values),
        hold=state.hold,
        notices=state.notices,
        stops_at=live.stops_at,
    )


def _get_session_state(state: State) -> SessionState:
    if state.ended:
        return "finished" if state.ended.finished else "stopped"
    if state.current is not None and state.current.status == "gate":
        return "gate"
    return "running" if any(p.attempts for p in state.phases) else "ready"


def _project_phase(  # noqa: PLR0917 - the inputs of one function
    folder: Path, original: Plan, plan: Plan, record: PhaseRecord, live: Live, elapsed: float
) -> PhaseView:
    phase = plan.find_phase(record.id)
    assessment = record.last.assessment if record.last else None
    is_running = record.status in ("running", "stopping")
    progress = live.progress if is_running else None
    running_seconds = elapsed - record.last.elapsed_at_start if is_running and record.last else 0.0
    seconds = ledger.sum_attempt_seconds(record, elapsed)
    status: PhaseState = "running" if record.status == "ended" else record.status
    return PhaseView(
        id=record.id,
        title=phase.title,
        state=status,
        critical=phase.critical,
        gate=phase.gate.ask,
        estimate_hours=estimates.estimate_hours(phase),
        estimate_usd=estimates.estimate_usd(plan, phase),
        measured_hours=live.measured[record.id].hours if record.id in live.measured else None,
        elapsed=seconds,
        cost_usd=seconds / 3600 * plan.pod.usd_per_hour,
        remaining=ledger.estimate_remaining(plan, record, running_seconds, progress),
        progress=progress,
        stalled=is_running and live.stalled,
        values=live.values if is_running else {},
        log_format=phase.log_format,
        predicted_memory=live.predicted.get(record.id),
        headline=assessment.headline if assessment else "",
        verdict=assessment.verdict if assessment else None,
        parameters={} if record.attempts else dict(phase.params),
        changed={
            name: (old, value)
            for name, value in record.changes.items()
            if (old := original.find_phase(record.id).params.get(name)) != value
        },
        attempts=tuple(_project_attempt(folder, record.id, attempt) for attempt in record.attempts),
    )


def _project_attempt(folder: Path, phase: str, attempt: AttemptRecord) -> AttemptView:
    end = attempt.end
    return AttemptView(
        number=attempt.number,
        folder=str(SessionFolder(folder).locate_attempt(phase, attempt.number)),
        started=attempt.started,
        elapsed_at_start=attempt.elapsed_at_start,
        parameters=attempt.spec.parameters,
        ended=end.ended if end else None,
        exit_code=end.code if end else None,
        signal=end.signal if end else None,
        reason=end.reason if end else "",
        batch=attempt.spec.batch,
        changed=attempt.spec.changed,
        metrics=attempt.assessment.metrics if attempt.assessment else {},
    )


def _project_gate(plan: Plan, state: State) -> GateView | None:
    record = state.current
    if record is None or record.status != "gate" or state.ended:
        return None
    assessment = decide.find_gate_assessment(record)
    phase = plan.find_phase(record.id)
    options = decide.list_allowed_decisions(phase, assessment)
    waiting = [p.id for p in state.phases if p.status == "waiting"]
    return GateView(
        phase=record.id,
        attempt=record.attempt_number,
        opened=record.gate_since,
        because=assessment.gate,
        verdict=assessment.verdict,
        advice=tuple(assessment.advice),
        criteria=tuple(assessment.criteria),
        metrics=assessment.metrics,
        computed_from=assessment.computed_from,
        earlier={p.id: p.metrics for p in state.phases if p.id != record.id and p.metrics},
        options=options,
        needs_reason=tuple(kind for kind in options if decide.needs_reason(phase, assessment, kind)),
        parameters=record.last.spec.parameters if record.last else dict(phase.params),
        remedies=diagnosis.find_remedies(phase, record, assessment.cause),
        next_phase=waiting[0] if waiting else None,
        cause=assessment.cause,
    )
