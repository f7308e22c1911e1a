"""Conditions and headlines over metrics, parsed for simpleeval; `eval` is never used.

A condition compares the metrics of its phase, by name, and of earlier phases, as `phase.metric`. It may
use arithmetic, `and`, `or`, `not`, and the functions `abs`, `min` and `max`. `parse_condition` rejects the
rest.
"""

import ast
import math
import re
import string
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from simpleeval import DEFAULT_OPERATORS

from phases.contract.protocol import Value

FUNCTIONS = {"abs": abs, "max": max, "min": min}
# Powers, shifts and remainders (which also format strings) are useless here and can take forever.
OPERATORS = {
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
_MAX_LENGTH = 500
_EXAMPLE = "expected an expression such as `success_rate > 0.60`"


class ExpressionError(ValueError):
    """An expression is not a valid condition or headline. The message says what was expected."""


@dataclass(frozen=True)
class Condition:
    """A parsed expression: its syntax tree, in which `phase.metric` is one name, and its names."""

    text: str
    tree: ast.expr
    names: tuple[str, ...]


class _Checker(ast.NodeTransformer):
    """Rejects what a condition may not contain, and turns `phase.metric` into one name."""

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
            raise ExpressionError(f"expected only the functions {', '.join(FUNCTIONS)}")
        node.args = [self.visit(argument) for argument in node.args]
        return node

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        if not isinstance(node.value, int | float | str):
            raise ExpressionError("expected numbers, texts, True or False")
        return node

    def generic_visit(self, node: ast.AST) -> ast.AST:
        if not isinstance(node, _STRUCTURE) and type(node) not in OPERATORS:
            raise ExpressionError(
                "expected metrics, numbers and texts joined by comparisons, + - * /, and, or, not; "
                f"found {type(node).__name__}"
            )
        return super().generic_visit(node)


@lru_cache(maxsize=1024)
def parse_condition(text: str) -> Condition:
    """Return a parsed condition.

    Raises:
        ExpressionError: the text is not a condition, or uses something that is not allowed.
    """
    if len(text) > _MAX_LENGTH:
        raise ExpressionError(f"expected at most {_MAX_LENGTH} characters")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            body = ast.parse(text.strip(), mode="eval").body
        checker = _Checker()
        tree = checker.visit(body)
    except ExpressionError:
        raise
    except SyntaxError as error:
        raise ExpressionError(f"{_EXAMPLE}: {error.msg}") from None
    except (ValueError, RecursionError, MemoryError):
        raise ExpressionError(_EXAMPLE) from None
    is_negation = isinstance(body, ast.UnaryOp) and isinstance(body.op, ast.Not)
    if not is_negation and not isinstance(body, _CONDITIONS):
        raise ExpressionError("expected a condition, such as a comparison")
    return Condition(text, tree, tuple(checker.names))


def list_headline_names(template: str) -> tuple[str, ...]:
    """Return the metrics that a headline shows.

    Raises:
        ExpressionError: the headline is not a text with `{metric}` or `{metric:.1%}` in it.
    """
    try:
        parts = list(string.Formatter().parse(template))
    except ValueError as error:
        raise ExpressionError(f"expected a text with {{metric}} or {{metric:.1%}} in it: {error}") from None
    names = []
    for _, name, number_format, conversion in parts:
        if name is None:
            continue
        if not name.isidentifier() or conversion or not _NUMBER_FORMAT.fullmatch(number_format or ""):
            raise ExpressionError("expected {metric} or {metric:.1%}, with no more than a number format")
        names.append(name)
    return tuple(names)


def format_headline(template: str, metrics: Mapping[str, Value]) -> str:
    """Return a headline with its metrics filled in, or "" if one of them is missing."""
    try:
        names = list_headline_names(template)
        if not all(is_usable(metrics.get(name)) for name in names):
            return ""
        return template.format_map({name: metrics[name] for name in names})
    except (ValueError, TypeError, KeyError, OverflowError):
        return ""


def is_usable(value: Value) -> bool:
    """Return whether a condition or headline can use a metric: it exists and is finite."""
    return value is not None and not (isinstance(value, float) and not math.isfinite(value))
