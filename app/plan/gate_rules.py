"""The verdict on a phase: its plan's criteria and rules, applied to metrics."""

from collections.abc import Mapping

import msgspec
from simpleeval import SimpleEval

from app.plan.expressions import FUNCTIONS, OPERATORS, ExpressionError, is_usable, parse_condition
from app.plan.schema import Phase
from app.plan.values import ConditionResult, Verdict
from phases.contract.protocol import Value

MetricsByPhase = Mapping[str, Mapping[str, Value]]


class Assessment(msgspec.Struct, frozen=True):
    """The outcome of a gate's rules: verdict, advice, and the outcome of each criterion."""

    verdict: Verdict
    advice: tuple[str, ...]
    criteria: tuple[ConditionResult, ...]


def assess_phase(phase: Phase, metrics: Mapping[str, Value], earlier: MetricsByPhase) -> Assessment:
    """Assess a phase that succeeded by its metrics and those of earlier phases.

    The first rule that holds gives verdict and advice. A rule that cannot be evaluated gives `investigate`,
    because it might have said stop. If no rule holds, the verdict is `go` if all criteria pass, and otherwise
    `investigate`. Only a rule gives `stop`.
    """
    criteria = tuple(
        evaluate_condition(criterion.name, criterion.expr, metrics, earlier) for criterion in phase.criteria
    )
    for rule in phase.gate.rules:
        outcome = evaluate_condition("rule", rule.when, metrics, earlier)
        if outcome.passed is None:
            return Assessment("investigate", (f"Rule `{rule.when}`: {outcome.note}.",), criteria)
        if outcome.passed:
            return Assessment(rule.verdict, (rule.advice,) if rule.advice else (), criteria)
    unmet = [result for result in criteria if not result.passed]
    if unmet:
        return Assessment("investigate", tuple(_describe_unmet(result) for result in unmet), criteria)
    return Assessment("go", (), criteria)


def evaluate_condition(
    name: str, text: str, metrics: Mapping[str, Value], earlier: MetricsByPhase
) -> ConditionResult:
    """Return whether a condition holds; None, with a note, if that cannot be determined. Never raises."""
    try:
        condition = parse_condition(text)
    except ExpressionError as error:
        return ConditionResult(name, text, None, {}, str(error))
    values = {used: _find_value(used, metrics, earlier) for used in condition.names}
    missing = [used for used, value in values.items() if not is_usable(value)]
    if missing:
        return ConditionResult(name, text, None, values, f"no value: {', '.join(missing)}")
    try:
        outcome = SimpleEval(operators=OPERATORS, functions=FUNCTIONS, names=values).eval(
            text, previously_parsed=condition.tree
        )
    except Exception as error:  # A hostile plan or metric can provoke any error; the outcome is then unknown.
        return ConditionResult(name, text, None, values, f"cannot be computed: {error}")
    if not isinstance(outcome, bool):
        return ConditionResult(name, text, None, values, f"neither true nor false: {outcome!r:.60}")
    return ConditionResult(name, text, outcome, values)


def _describe_unmet(result: ConditionResult) -> str:
    note = f" ({result.note})" if result.note else ""
    return f"Not met: {result.name}{note}."


def _find_value(name: str, metrics: Mapping[str, Value], earlier: MetricsByPhase) -> Value:
    phase, _, metric = name.rpartition(".")
    return earlier.get(phase, {}).get(metric) if phase else metrics.get(metric)
