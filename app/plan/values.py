"""Plain values that the plan, the session and its snapshot share."""

from typing import Literal

import msgspec

from phases.contract.protocol import Value

Verdict = Literal["go", "investigate", "stop"]


class Range(msgspec.Struct, frozen=True):
    """An estimate from `low` to `high`."""

    low: float
    high: float


class ConditionResult(msgspec.Struct, frozen=True):
    """The outcome of a criterion. `passed` is None if a value is missing; `note` says which."""

    name: str
    expression: str
    passed: bool | None
    values: dict[str, Value] = {}
    note: str = ""
