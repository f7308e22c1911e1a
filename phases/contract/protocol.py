"""The reports of a phase: the lines of its progress file, and its result file.

`GONOGO_PROGRESS` names a file to which a phase appends JSON lines, each one of the `Line` types below.
`GONOGO_RESULT` names the file that it may write once. Any program can do the same: the types here are the
contract. This module is light, so that a reader of these files does not import what a phase imports.

Times are seconds since the epoch. A number that is not finite is written as `null` and read as `None`. So are
`NaN` and `Infinity`, which are not JSON, but which Python's `json` and others write.
"""

import json
import math
from typing import Final, Literal

import msgspec

from phases.contract.files import BYTE_ORDER_MARK

Number = int | float
Value = Number | str | bool | None
NoticeLevel = Literal["info", "warning", "error"]


class Progress(msgspec.Struct, frozen=True, tag="progress", tag_field="type"):
    """How far the phase is: `done` of `total` (None if unknown), counted in `unit`."""

    time: float
    done: float
    total: float | None = None
    unit: str = ""


class MetricPoint(msgspec.Struct, frozen=True, tag="metric", tag_field="type"):
    """Named values at one step, such as `loss` or `tokens_per_second`; None represents NaN and infinity."""

    time: float
    step: float
    values: dict[str, float | None]


class Sample(msgspec.Struct, frozen=True, tag="sample", tag_field="type"):
    """One example for the operator: a title, and named texts in the order in which to show them.

    `passed` is the verifier's result, if there is a verifier.
    """

    time: float
    title: str
    texts: dict[str, str]
    passed: bool | None = None


class Notice(msgspec.Struct, frozen=True, tag="notice", tag_field="type"):
    """A message for the operator."""

    time: float
    text: str
    level: NoticeLevel = "info"


class Artifact(msgspec.Struct, frozen=True, tag="artifact", tag_field="type"):
    """A file or folder that the phase wrote; `rows` if it consists of rows.

    For a folder `sha256` covers the sorted list of its files' names and hashes.
    """

    time: float
    path: str
    bytes: int
    sha256: str
    rows: int | None = None


Line = Progress | MetricPoint | Sample | Notice | Artifact


class Input(msgspec.Struct, frozen=True):
    """A file or folder that the phase read."""

    path: str
    sha256: str


class Result(msgspec.Struct, frozen=True):
    """The result of a phase.

    Attributes:
        metrics: the values that criteria and gates see.
        computed_from: what each metric was computed from.
        inputs: what the phase read.
        artifacts: what the phase wrote.
        provenance: seeds, versions, hashes, the exact prompt format and the parameters.
        v: version of this format.
    """

    metrics: dict[str, Value]
    computed_from: dict[str, str] = {}
    inputs: list[Input] = []
    artifacts: list[Artifact] = []
    provenance: dict[str, object] = {}
    v: int = 1


_NOT_FINITE: Final = (b"NaN", b"Infinity")


def normalize_json(data: bytes) -> bytes:
    """Return the same JSON without a byte order mark, and with null for numbers that are not finite.

    Raises:
        ValueError: the data is not JSON even then.
        RecursionError: the data is nested too deeply.
    """
    data = data.removeprefix(BYTE_ORDER_MARK)
    if not any(word in data for word in _NOT_FINITE):
        return data
    return json.dumps(json.loads(data, parse_constant=lambda _: None, parse_float=_parse_finite)).encode()


def _parse_finite(text: str) -> float | None:
    number = float(text)
    return number if math.isfinite(number) else None
