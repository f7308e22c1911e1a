"""The outcome of a check: a state, a message and, unless it passed, advice."""

from collections.abc import Callable, Iterator
from typing import Literal, NamedTuple

import msgspec

from app.plan.schema import Plan
from app.preflight.probes import Probes

State = Literal["ok", "warn", "fail"]


class Outcome(NamedTuple):
    """One outcome of a check."""

    state: State
    message: str
    advice: str = ""


class Finding(msgspec.Struct, frozen=True):
    """An outcome with the name of its check; `found` and `todo` are the keys of the JSON output."""

    check: str
    state: State
    message: str = msgspec.field(name="found")
    advice: str = msgspec.field(name="todo", default="")


Check = Callable[[Plan, Probes], Iterator[Outcome]]
PlanlessCheck = Callable[[Probes], Iterator[Outcome]]


def ok(message: str) -> Outcome:
    """Return a passed check."""
    return Outcome("ok", message)


def warn(message: str, advice: str) -> Outcome:
    """Return a warning of a possible failure, with advice."""
    return Outcome("warn", message, advice)


def fail(message: str, advice: str) -> Outcome:
    """Return a certain failure, with advice."""
    return Outcome("fail", message, advice)
