"""Assess an ended attempt: read its result, evaluate the criteria, and say whether a gate opens."""

import errno
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from app.monitor.finiteness import NotFinite, is_gradient
from app.monitor.log_metrics import LogMetrics, describe_unmatched, read_log
from app.plan import expressions, gate_rules
from app.plan.causes import CAUSES
from app.plan.schema import Phase
from app.plan.values import Verdict
from app.session.gate import diagnosis
from app.session.gate.hidden_failures import find_hidden_failures
from app.session.gate.later_phases import find_lost_conditions
from app.session.journal.events import AttemptAssessed, AttemptEnded
from app.session.journal.notice_keys import format_disk_stop_key, format_slow_key
from app.session.journal.state import State
from app.session.masking import Masker
from app.session.money import ledger
from phases.contract import files
from phases.contract.protocol import Result, Value, normalize_json

_MAX_RESULT_BYTES = 8 << 20
_MAX_METRICS_BYTES = 1 << 20  # The metrics must fit into one line of the journal.
_MAX_METRICS = 500
_MAX_TEXT_LENGTH = 2_000
_MAX_NAME_LENGTH = 200
_PASSING_ERRORS = (errno.EMFILE, errno.ENFILE, errno.ESTALE)
ACCEPTED = "The plan's criteria and rules accept this."
_STOPPED_BY_GONOGO = ("stopped", "stalled")
_END_REASONS = {
    "stopped": "it was stopped",
    "stalled": "it stalled and was stopped",
    "deadline": "it reached its deadline",
    "unknown": "its exit is unknown because the process that records it was killed",
}


def assess_attempt(
    phase: Phase, end: AttemptEnded, folder: Path, state: State, masker: Masker
) -> AttemptAssessed:
    """Return an ended attempt's metrics, verdict and diagnosis, and why a gate opens, if one does."""
    failure = _describe_failure(end, state)
    result: Result | None = None
    try:
        result = read_result(folder / "result.json", masker)
    except ValueError as error:
        failure = failure or str(error)
    if result is None and phase.run and not failure:
        failure = "it ended without a result"
    log = read_log(folder / "output.log", phase.log_format)
    metrics: dict[str, Value] = dict(log.results())
    computed_from: dict[str, str] = {}
    if result is not None:
        metrics |= result.metrics
        computed_from = dict(result.computed_from)
    if failure:
        return _assess_failure(phase, end, folder, state, masker, failure, log, metrics, computed_from)
    earlier = {record.id: record.metrics for record in state.phases if record.id != end.phase}
    assessment = gate_rules.assess_phase(phase, metrics, earlier)
    not_finite = (*find_not_finite_results(folder / "result.json"), *log.find_not_finite())
    problem = diagnosis.diagnose_result(
        metrics, earlier, folder, not_finite, is_slow=ledger.is_slow(phase, end.seconds)
    )
    verdict = assessment.verdict
    lost_conditions = find_lost_conditions(phase, state.phases)
    last = state.find_phase(end.phase).last
    cookie = last.spec.cookie if last else ""
    signs = [
        *find_hidden_failures(folder, cookie, diagnosis.read_end_of_log(folder, masker.mask_lines)),
        *_find_missing_reports(phase, metrics),
    ]
    is_nan = problem is not None and problem.cause == "nan"
    if verdict == "go" and (is_nan or signs or lost_conditions):
        # No rule may accept a result that NaN has passed through, that a crash has cut short, or that cannot
        # be compared because a phase was left out.
        verdict = "investigate"
    gate = find_gate_cause(phase, state, verdict)
    if not gate and is_nan:
        gate = "nan"
    elif not gate and signs:
        gate = "warning"
    elif not gate and lost_conditions:
        gate = "unknown"
    return AttemptAssessed(
        phase=end.phase,
        attempt=end.attempt,
        verdict=verdict,
        gate=gate,
        advice=[
            *map(masker.mask_visible, signs),
            *lost_conditions,
            *assessment.advice,
            *_explain(problem, masker, verdict),
            *_describe_reading(log, not_finite, masker),
        ],
        cause=problem.cause if problem else "",
        criteria=list(assessment.criteria),
        metrics=metrics,
        computed_from=computed_from,
        headline=expressions.format_headline(phase.headline, metrics) if phase.headline else "",
    )


def _find_missing_reports(phase: Phase, metrics: Mapping[str, Value]) -> list[str]:
    """Return that metrics are missing that the plan expects in the result, if any are."""
    missing = [name for name in phase.reports if name not in metrics]
    if not missing:
        return []
    return [
        f"The program exited with 0, but did not report {', '.join(missing)}, listed in the plan's reports. "
        "Read the end of its log; metrics belong in the file named by GONOGO_RESULT."
    ]


def apply_hold(assessment: AttemptAssessed, phase: Phase, state: State) -> AttemptAssessed:
    """Return an assessment that obeys the present hold, which may change while an attempt is assessed."""
    if assessment.gate not in ("", "hold", "plan"):
        return assessment
    return msgspec.structs.replace(assessment, gate=find_gate_cause(phase, state, assessment.verdict))


def find_gate_cause(phase: Phase, state: State, verdict: Verdict) -> str:
    """Return why a gate opens after a phase that did not fail: for a hold, or as planned; "" if none does."""
    if state.hold:
        return "hold"
    is_asked = phase.gate.ask == "always" or (phase.gate.ask == "unless_go" and verdict != "go")
    return "plan" if is_asked else ""


def _assess_failure(  # noqa: PLR0917 - the parts of one assessment
    phase: Phase,
    end: AttemptEnded,
    folder: Path,
    state: State,
    masker: Masker,
    failure: str,
    log: LogMetrics,
    metrics: dict[str, Value],
    computed_from: dict[str, str],
) -> AttemptAssessed:
    last = state.find_phase(end.phase).last
    cookie = last.spec.cookie if last else ""
    problem = diagnosis.diagnose_failure(
        end,
        folder,
        log.find_not_finite(),
        cookie=cookie,
        is_slow=format_slow_key(cookie) in state.notice_keys or ledger.is_slow(phase, end.seconds),
        is_disk_full=format_disk_stop_key(cookie) in state.notice_keys,
        mask=masker.mask_lines,
    )
    message = f"{_capitalize(failure)}. Read the end of its log."
    reading = _describe_reading(log, (), masker) if log.has_enough_to_match() else []
    return AttemptAssessed(
        phase=end.phase,
        attempt=end.attempt,
        verdict="investigate",
        gate="stopped" if end.reason in _STOPPED_BY_GONOGO else "failed",
        advice=[message, *_explain(problem, masker), *reading],
        cause=problem.cause if problem else "",
        metrics=metrics,
        computed_from=computed_from,
    )


def assess_without_result(end: AttemptEnded, problem: str) -> AttemptAssessed:
    """Return the assessment of an attempt whose result cannot be read in time: a gate that says so."""
    return AttemptAssessed(
        phase=end.phase,
        attempt=end.attempt,
        verdict="investigate",
        gate="failed",
        advice=[f"Its result and log could not be read: {problem}. Read them, and decide."],
    )


def _explain(
    problem: diagnosis.Diagnosis | None, masker: Masker, verdict: Verdict = "investigate"
) -> list[str]:
    """Return what a diagnosis found, and advice that does not contradict the verdict."""
    if problem is None:
        return []
    evidence = masker.mask_visible(problem.evidence)
    texts = [f"{_capitalize(evidence)}."] if evidence else []
    if problem.cause:
        meaning, advice = CAUSES[problem.cause]
        if verdict == "go" and problem.cause != "slow":  # A slow phase says nothing against its result.
            advice = ACCEPTED
        texts = [f"{_capitalize(meaning)}{f' ({evidence})' if evidence else ''}. {advice}"]
    return texts + [f"Hint, not a proven cause: {masker.mask_visible(hint)}" for hint in problem.hints]


def _describe_reading(log: LogMetrics, not_finite: Sequence[NotFinite], masker: Masker) -> list[str]:
    """Return remarks for the operator: gradients that recovered, patterns without a match."""
    recovered = [finding.describe() for finding in not_finite if not finding.is_cause]
    texts = [f"Not a cause, because later values are finite: {text}." for text in recovered]
    texts += [f"{_capitalize(describe_unmatched(name))}." for name in log.find_unmatched()]
    texts += [
        f"The pattern of {name} took too long on this log and was switched off; simplify it."
        for name in log.find_slow_patterns()
    ]
    return [masker.mask_visible(text) for text in texts]


def find_not_finite_results(path: Path) -> list[NotFinite]:
    """Return the metrics of a result file that are NaN or infinite; `null` is a value that is not known."""
    try:
        data = files.read_regular_file(path, _MAX_RESULT_BYTES)
        content = json.loads(data)
        metrics = content["metrics"].items()
    except (OSError, ValueError, RecursionError, LookupError, TypeError, AttributeError):
        return []
    return [
        NotFinite(str(name)[:_MAX_NAME_LENGTH], "in its result", 1, False, is_gradient(str(name)))
        for name, value in metrics
        if isinstance(value, float) and not math.isfinite(value)
    ]


def _capitalize(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}"


def _describe_failure(end: AttemptEnded, state: State) -> str:
    """Return why an attempt failed, or "" if it did not."""
    if end.reason != "exited":
        reason = _END_REASONS.get(end.reason, end.reason)
        request = state.find_phase(end.phase).stop_reason if end.reason in _STOPPED_BY_GONOGO else ""
        return f"{reason}: {request}" if request else reason
    if end.signal:
        return f"it was killed by signal {end.signal}"
    return f"it ended with exit code {end.code}" if end.code else ""


def read_result(path: Path, masker: Masker) -> Result | None:
    """Return the result that a phase wrote, with secrets masked and long texts cut, or None if there is none.

    Raises:
        ValueError: the file is not a result, or is too large.
        OSError: it cannot be read now.
    """
    try:
        data = masker.mask_data(files.read_regular_file(path, _MAX_RESULT_BYTES))
        result = msgspec.json.decode(normalize_json(data), type=Result)
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno in _PASSING_ERRORS:  # The conductor reads it again.
            raise
        raise ValueError(f"its result cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise ValueError(f"its result cannot be read: {error}") from None
    if len(result.metrics) > _MAX_METRICS or any(len(name) > _MAX_NAME_LENGTH for name in result.metrics):
        limits = f"{_MAX_METRICS} metrics, or names of more than {_MAX_NAME_LENGTH} characters"
        raise ValueError(f"its result has more than {limits}")
    metrics = {
        k: masker.mask_visible(v)[:_MAX_TEXT_LENGTH] if isinstance(v, str) else v
        for k, v in result.metrics.items()
    }
    sources = {
        k: masker.mask_visible(v)[:_MAX_TEXT_LENGTH] for k, v in result.computed_from.items() if k in metrics
    }
    if len(msgspec.json.encode((metrics, sources))) > _MAX_METRICS_BYTES:
        raise ValueError(f"its result has more than {_MAX_METRICS_BYTES:,} bytes of metrics")
    return msgspec.structs.replace(result, metrics=metrics, computed_from=sources)
