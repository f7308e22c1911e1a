"""What a phase tells gonogo: the lines of its progress file and its one result file.

`GONOGO_PROGRESS` names a file to which a phase appends JSON lines, each one of the `Line` types below;
`GONOGO_RESULT` names the file that it may write once. Any program may do the same: the types here are the
contract. This module is light, so that the reader of these files need not import what a phase imports.

Times are seconds since the epoch. A number that is not finite is written as `null`, and read as `None`; so
are `NaN` and `Infinity`, which are no JSON, but what Python's `json` and others write.
"""

import json
import math
from typing import Final, Literal

import msgspec

Number = int | float
Value = Number | str | bool | None


class Progress(msgspec.Struct, frozen=True, tag="progress", tag_field="type"):
    """How far the phase is: `done` of `total` (None when unknown), counted in `unit`."""

    time: float
    done: float
    total: float | None = None
    unit: str = ""


class MetricPoint(msgspec.Struct, frozen=True, tag="metric", tag_field="type"):
    """Named values at one step, such as `loss` or `tokens_per_second`; None stands for NaN and infinities."""

    time: float
    step: float
    values: dict[str, float | None]


class Sample(msgspec.Struct, frozen=True, tag="sample", tag_field="type"):
    """One example to look at: a title and its named texts, in the order in which they are to be shown.

    `passed` says what a verifier found, where there is one.
    """

    time: float
    title: str
    texts: dict[str, str]
    passed: bool | None = None


class Notice(msgspec.Struct, frozen=True, tag="notice", tag_field="type"):
    """A line that the operator should see."""

    time: float
    text: str
    level: Literal["info", "warning", "error"] = "info"


class Artifact(msgspec.Struct, frozen=True, tag="artifact", tag_field="type"):
    """A file or folder that the phase wrote; `rows` where it has countable rows.

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
    """What the phase found.

    `metrics` are what criteria and gates see; `computed_from` says of each metric what it was computed from;
    `provenance` records seeds, versions, hashes, the exact prompt format and the parameters.
    """

    metrics: dict[str, Value]
    computed_from: dict[str, str] = {}
    inputs: list[Input] = []
    artifacts: list[Artifact] = []
    provenance: dict[str, object] = {}
    v: int = 1


_NOT_FINITE: Final = (b"NaN", b"Infinity")


def normalize_json(data: bytes) -> bytes:
    """Return the same JSON with null for numbers that are not finite.

    Raises:
        ValueError: it is no JSON even then.
        RecursionError: it is nested too deep.
    """
    if not any(word in data for word in _NOT_FINITE):
        return data
    return json.dumps(json.loads(data, parse_constant=lambda _: None, parse_float=_finite)).encode()


def _finite(text: str) -> float | None:
    number = float(text)
    return number if math.isfinite(number) else None
