"""Gates: what an attempt delivered is judged, and what the operator decides is checked."""

from pathlib import Path

import msgspec

from app.monitor.log_metrics import read_log_metrics
from app.plan import expressions, gate_rules
from app.plan.causes import CAUSES
from app.plan.schema import Phase
from app.session.gate import diagnosis
from app.session.journal.events import AttemptAssessed, AttemptEnded
from app.session.journal.notice_keys import format_disk_stop_key, format_slow_key
from app.session.journal.state import State
from app.session.masking import Masker
from app.session.money import ledger
from phases.contract import files
from phases.contract.protocol import Result, Value, normalize_json

_LARGEST_RESULT = 8 << 20
_LARGEST_KEPT = 1 << 20  # a line of the journal has room for it
_MOST_METRICS = 500
_LONGEST_TEXT = 2_000
_LONGEST_NAME = 200
_ENDED_BY_US = ("stopped", "stalled")
_REASONS = {
    "stopped": "it was stopped",
    "stalled": "it stalled and was stopped",
    "deadline": "it ran into its deadline",
    "unknown": "its exit is unknown: the process that watched it was killed",
}


def assess_attempt(
    phase: Phase, end: AttemptEnded, folder: Path, state: State, masker: Masker
) -> AttemptAssessed:
    """Return what an ended attempt delivered, what the criteria say, and why a gate opens, if one does."""
    asked = state.phase(end.phase).stop_reason if end.reason in _ENDED_BY_US else ""
    failure = _failure(end) + (f", since {asked}" if asked else "")
    try:
        result = read_result(folder / "result.json", masker)
    except ValueError as error:
        result, failure = None, failure or str(error)
    if result is None and phase.run and not failure:
        failure = "it ended without a result"
    metrics = dict(result.metrics) if result else {}
    metrics = {**_from_log(phase, folder / "output.log"), **metrics}
    if failure:
        slow, full = _known_before(phase, end, state)
        found = diagnosis.of_failure(end, folder, slow=slow, disk=full)
        said = f"{failure[0].upper()}{failure[1:]}. Read the end of its log."
        return AttemptAssessed(
            phase=end.phase,
            attempt=end.attempt,
            verdict="investigate",
            gate="stopped" if end.reason in _ENDED_BY_US else "failed",
            advice=[said, *_explained(found, masker)],
            cause=found.cause if found else "",
            metrics=metrics,
            computed_from=dict(result.computed_from) if result else {},
        )
    earlier = {p.id: p.metrics for p in state.phases if p.id != end.phase}
    says = gate_rules.assess_phase(phase, metrics, earlier)
    asks = phase.gate.ask == "always" or (phase.gate.ask == "unless_go" and says.verdict != "go")
    # What its pace had said is of no account: it is known now how long it took.
    found = diagnosis.of_result(metrics, earlier, folder, slow=ledger.is_slow(phase, end.seconds))
    return AttemptAssessed(
        phase=end.phase,
        attempt=end.attempt,
        verdict=says.verdict,
        gate="hold" if state.hold else "plan" if asks else "",
        advice=[*says.advice, *_explained(found, masker)],
        cause=found.cause if found else "",
        criteria=list(says.criteria),
        metrics=metrics,
        computed_from=dict(result.computed_from) if result else {},
        headline=expressions.format_headline(phase.headline, metrics) if phase.headline else "",
    )


def _known_before(phase: Phase, end: AttemptEnded, state: State) -> tuple[bool, bool]:
    """Return whether an attempt was slow, and whether it was stopped since the disk was nearly full."""
    last = state.phase(end.phase).last
    cookie = last.spec.cookie if last else ""
    slow = format_slow_key(cookie) in state.notice_keys or ledger.is_slow(phase, end.seconds)
    return slow, format_disk_stop_key(cookie) in state.notice_keys


def _explained(found: diagnosis.Finding | None, masker: Masker) -> list[str]:
    """Return what went wrong and what to do, in words."""
    if found is None:
        return []
    what, advice = CAUSES[found.cause]
    evidence = f" ({masker.text(found.evidence)})" if found.evidence else ""
    return [f"{what[0].upper()}{what[1:]}{evidence}. {advice}"]


def _failure(end: AttemptEnded) -> str:
    """Return in words why an attempt failed, or "" if it did not."""
    if end.reason != "exited":
        return _REASONS.get(end.reason, end.reason)
    if end.signal:
        return f"it was killed by signal {end.signal}"
    return f"it ended with exit code {end.code}" if end.code else ""


def read_result(path: Path, masker: Masker) -> Result | None:
    """Return the result that a phase wrote, its secrets masked, or None if it wrote none.

    Raises:
        ValueError: it is not a result.
    """
    try:
        data = masker.data(files.read_regular_file(path, _LARGEST_RESULT))
        result = msgspec.json.decode(normalize_json(data), type=Result)
    except FileNotFoundError:
        return None
    except (ValueError, RecursionError) as error:
        raise ValueError(f"its result cannot be read: {error}") from None
    if len(result.metrics) > _MOST_METRICS or any(len(name) > _LONGEST_NAME for name in result.metrics):
        limits = f"{_MOST_METRICS} metrics, or names of more than {_LONGEST_NAME} characters"
        raise ValueError(f"its result has more than {limits}")
    metrics = {k: v[:_LONGEST_TEXT] if isinstance(v, str) else v for k, v in result.metrics.items()}
    sources = {k: v[:_LONGEST_TEXT] for k, v in result.computed_from.items() if k in metrics}
    if len(msgspec.json.encode((metrics, sources))) > _LARGEST_KEPT:
        raise ValueError(f"its result has more than {_LARGEST_KEPT:,} bytes of metrics")
    return msgspec.structs.replace(result, metrics=metrics, computed_from=sources)


def _from_log(phase: Phase, log: Path) -> dict[str, Value]:
    """Return the numbers that the plan's patterns find in the log."""
    return dict(read_log_metrics(log, phase.metrics).results())
