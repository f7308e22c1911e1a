"""Criteria and gate rules: conditions on metrics, evaluated by simpleeval and never by `eval`.

An expression compares metrics of its own phase, by name, and of earlier phases, as `phase.metric`; there are
arithmetic, `and`, `or`, `not`, and the functions `abs`, `min` and `max`. Nothing else gets past `parse`.
"""

import ast
import math
import re
import string
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import msgspec
from simpleeval import DEFAULT_OPERATORS, SimpleEval

from app.plan.schema import Phase, Verdict
from app.session.snapshot import CriterionView, Value

FUNCTIONS = {"abs": abs, "max": max, "min": min}
# Powers, shifts and remainders (which format strings) have no use here and can be made to take for ever.
_OPERATORS = {
    kind: DEFAULT_OPERATORS[kind]
    for kind in (
        ast.Add,
        ast.Sub,
        ast.Mult,
        ast.Div,
        ast.USub,
        ast.UAdd,
        ast.Not,
        ast.Eq,
        ast.NotEq,
        ast.Lt,
        ast.LtE,
        ast.Gt,
        ast.GtE,
    )
}
_STRUCTURE = (ast.Expression, ast.BoolOp, ast.And, ast.Or, ast.UnaryOp, ast.BinOp, ast.Compare, ast.Load)
_CONDITIONS = (ast.Compare, ast.BoolOp, ast.Name, ast.Attribute)
_NUMBER_FORMAT = re.compile(r"\+?,?(\.\d)?[dfge%]?")
_LONGEST = 500


class ExpressionError(ValueError):
    """An expression that cannot be a condition; the message says what was expected."""


@dataclass(frozen=True)
class Condition:
    """A parsed expression: its syntax tree, where `phase.metric` is one name, and the names in it."""

    text: str
    tree: ast.expr
    names: tuple[str, ...]


class _Checker(ast.NodeTransformer):
    """Lets through what an expression may contain and makes one name of `phase.metric`."""

    def __init__(self) -> None:
        self.names: dict[str, None] = {}

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        if not isinstance(node.value, ast.Name):
            raise ExpressionError("expected `metric` or `phase.metric`")
        return self.visit_Name(ast.Name(f"{node.value.id}.{node.attr}", ast.Load()))

    def visit_Name(self, node: ast.Name) -> ast.AST:
        self.names[node.id] = None
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        if not isinstance(node.func, ast.Name) or node.func.id not in FUNCTIONS or node.keywords:
            raise ExpressionError(f"expected no function but {', '.join(FUNCTIONS)}")
        node.args = [self.visit(argument) for argument in node.args]
        return node

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        if not isinstance(node.value, int | float | str):
            raise ExpressionError("expected numbers, texts, True or False")
        return node

    def generic_visit(self, node: ast.AST) -> ast.AST:
        if not isinstance(node, _STRUCTURE) and type(node) not in _OPERATORS:
            raise ExpressionError(
                "expected metrics, numbers and texts joined by comparisons, + - * /, and, or, not; "
                f"found {type(node).__name__}"
            )
        return super().generic_visit(node)


@lru_cache(maxsize=1024)
def parse(text: str) -> Condition:
    """Return the condition that a text says.

    Raises:
        ExpressionError: it says none, or uses what is not allowed.
    """
    if len(text) > _LONGEST:
        raise ExpressionError(f"expected at most {_LONGEST} characters")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            body = ast.parse(text.strip(), mode="eval").body
        checker = _Checker()
        tree = checker.visit(body)
    except ExpressionError:
        raise
    except SyntaxError as error:
        raise ExpressionError(f"expected an expression such as `success_rate > 0.60`: {error.msg}") from None
    except (ValueError, RecursionError, MemoryError):
        raise ExpressionError("expected an expression such as `success_rate > 0.60`") from None
    negation = isinstance(body, ast.UnaryOp) and isinstance(body.op, ast.Not)
    if not negation and not isinstance(body, _CONDITIONS):
        raise ExpressionError("expected a condition, such as a comparison")
    return Condition(text, tree, tuple(checker.names))


def headline_names(template: str) -> tuple[str, ...]:
    """Return the metrics that a headline shows.

    Raises:
        ExpressionError: it is not a text with `{metric}` or `{metric:.1%}` in it.
    """
    try:
        parts = list(string.Formatter().parse(template))
    except ValueError as error:
        raise ExpressionError(f"expected a text with {{metric}} or {{metric:.1%}} in it: {error}") from None
    names = []
    for _, name, form, conversion in parts:
        if name is None:
            continue
        if not name.isidentifier() or conversion or not _NUMBER_FORMAT.fullmatch(form or ""):
            raise ExpressionError("expected {metric} or {metric:.1%}, with no more than a number format")
        names.append(name)
    return tuple(names)


def headline(template: str, metrics: Mapping[str, Value]) -> str:
    """Return the headline with its metrics filled in, or "" where one is missing."""
    try:
        names = headline_names(template)
        if any(not _usable(metrics.get(name)) for name in names):
            return ""
        return template.format_map({name: metrics[name] for name in names})
    except (ValueError, TypeError, KeyError, OverflowError):
        return ""


def evaluate(
    name: str, text: str, metrics: Mapping[str, Value], earlier: Mapping[str, Mapping[str, Value]]
) -> CriterionView:
    """Say whether a condition holds; None, with a note, where that cannot be said. Never raises."""
    try:
        condition = parse(text)
    except ExpressionError as error:
        return CriterionView(name, text, None, {}, str(error))
    values = {used: _look_up(used, metrics, earlier) for used in condition.names}
    missing = [used for used, value in values.items() if not _usable(value)]
    if missing:
        return CriterionView(name, text, None, values, f"no value: {', '.join(missing)}")
    try:
        outcome = SimpleEval(operators=_OPERATORS, functions=FUNCTIONS, names=values).eval(
            text, previously_parsed=condition.tree
        )
    except Exception as error:  # whatever a hostile plan or metric provokes, the outcome is unknown
        return CriterionView(name, text, None, values, f"cannot be computed: {error}")
    if not isinstance(outcome, bool):
        return CriterionView(name, text, None, values, f"neither true nor false: {outcome!r:.60}")
    return CriterionView(name, text, outcome, values)


def _look_up(name: str, metrics: Mapping[str, Value], earlier: Mapping[str, Mapping[str, Value]]) -> Value:
    phase, _, metric = name.rpartition(".")
    return earlier.get(phase, {}).get(metric) if phase else metrics.get(metric)


def _usable(value: Value) -> bool:
    return value is not None and not (isinstance(value, float) and not math.isfinite(value))


class Judgement(msgspec.Struct, frozen=True):
    """What a gate is told: the verdict, the advice and what came of each criterion."""

    verdict: Verdict
    advice: tuple[str, ...]
    criteria: tuple[CriterionView, ...]


def judge(
    phase: Phase, metrics: Mapping[str, Value], earlier: Mapping[str, Mapping[str, Value]]
) -> Judgement:
    """Judge a phase that succeeded by its metrics and those of earlier phases (by phase id).

    The first rule that holds gives verdict and advice. A rule that cannot be evaluated says `investigate`: it
    might have said stop. Where no rule holds, the verdict is `go` if all criteria pass and `investigate`
    otherwise. Only a rule says `stop`.
    """
    criteria = tuple(evaluate(c.name, c.expr, metrics, earlier) for c in phase.criteria)
    for rule in phase.gate.rules:
        outcome = evaluate("rule", rule.when, metrics, earlier)
        if outcome.passed is None:
            return Judgement("investigate", (f"Rule `{rule.when}`: {outcome.note}.",), criteria)
        if outcome.passed:
            return Judgement(rule.verdict, (rule.advice,) if rule.advice else (), criteria)
    unmet = [c.name + (f" ({c.note})" if c.note else "") for c in criteria if not c.passed]
    if unmet:
        return Judgement("investigate", tuple(f"Not met: {name}." for name in unmet), criteria)
    return Judgement("go", (), criteria)
