"""Measured rates and gains with their intervals, and the provenance that all phases share."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from app.report.history import SessionHistory
from phases.contract.labels import count_kinds


@dataclass(frozen=True)
class MeasuredRate:
    """A rate between 0 and 1 that a phase measured with an interval."""

    phase: str
    metric: str
    value: float
    low: float
    high: float


def find_rates(history: SessionHistory) -> list[list[MeasuredRate]]:
    """Return the rates that phases report as `x`, `x_low` and `x_high`, grouped by metric and program.

    Metrics that the comparison repeats are left to the comparison.
    """
    groups: dict[tuple[str, object], list[MeasuredRate]] = {}
    compared = history.comparison.metrics if history.comparison else {}
    for phase in history.phases:
        metrics = phase.last.view.metrics if phase.last else {}
        program = phase.plan.run or phase.plan.command
        for name in metrics:
            if name in compared:
                continue
            values = [metrics.get(key) for key in (name, f"{name}_low", f"{name}_high")]
            numbers = [value for value in values if isinstance(value, int | float) and 0 <= value <= 1]
            if len(numbers) == len(values):
                rate = MeasuredRate(phase.view.title, name, *numbers)
                groups.setdefault((name, program), []).append(rate)
    return list(groups.values())


_NAMES = {"few_shot": "baseline", "sft": "SFT", "dpo": "DPO"}
_GAIN_FIELDS = ("gain", "gain_low", "gain_high", "gained", "lost", "p", "p_raw", "detectable")


@dataclass(frozen=True)
class ModelGain:
    """The gain of a second model over a first on the same prompts, with its interval and significance.

    `scale` is the end of the axis on which all gains are drawn, with zero in its middle.
    """

    first: str
    second: str
    scale: float
    gain: float
    low: float
    high: float
    gained: float
    lost: float
    p: float
    p_raw: float
    detectable: float

    @property
    def interval_start(self) -> float:
        """The start of the interval in percent of the axis."""
        return 50 + 50 * self.low / self.scale

    @property
    def interval_length(self) -> float:
        """The length of the interval in percent of the axis."""
        return 50 * (self.high - self.low) / self.scale

    @property
    def mark(self) -> float:
        """The position of the gain in percent of the axis."""
        return 50 + 50 * self.gain / self.scale


def find_gains(history: SessionHistory) -> list[ModelGain]:
    """Return the gains for which the comparison holds every field: of following, if it was compared."""
    metrics = history.comparison.metrics if history.comparison else {}
    prefix = "following_" if any(name.startswith("following_gain_") for name in metrics) else ""
    return _find_complete_gains(metrics, prefix)


def find_declining_gains(history: SessionHistory) -> dict[str, list[ModelGain]]:
    """Return the gains in declining vetted requests, by the kind of requests, where they were compared."""
    metrics = history.comparison.metrics if history.comparison else {}
    prefixes = {"harmful": "refusal_rate_", "harmless": "over_refusal_rate_"}
    gains = {kind: _find_complete_gains(metrics, prefix) for kind, prefix in prefixes.items()}
    return {kind: complete for kind, complete in gains.items() if complete}


def _find_complete_gains(metrics: Mapping[str, object], prefix: str) -> list[ModelGain]:
    complete: list[tuple[str, str, list[float]]] = []
    for name in metrics:
        match = re.fullmatch(rf"{prefix}gain_(?!low_|high_)(.+)_(.+)", name)
        if match is None:
            continue
        first, second = match.groups()
        values = [metrics.get(f"{prefix}{field}_{first}_{second}") for field in _GAIN_FIELDS]
        numbers = [float(value) for value in values if isinstance(value, int | float)]
        if len(numbers) == len(values):
            complete.append((_NAMES.get(first, first), _NAMES.get(second, second), numbers))
    scale = max((abs(value) for _, _, numbers in complete for value in numbers[:3]), default=0) or 1.0
    return [ModelGain(first, second, scale, *numbers) for first, second, numbers in complete]


@dataclass(frozen=True)
class LabelledFailures:
    """The failures of an evaluated model that a person labelled, by kind, and who labelled them."""

    phase: str
    counts: Mapping[str, int]
    people: tuple[str, ...]

    @property
    def total(self) -> int:
        """Number of labelled failures."""
        return sum(self.counts.values())


def find_labelled_failures(history: SessionHistory) -> list[LabelledFailures]:
    """Return the labelled failures of each evaluation that has any."""
    failures = []
    for phase in history.phases:
        hashes = {artifact.sha256 for artifact in phase.last.artifacts} if phase.last else set()
        labels = [label for (evaluation, _), label in history.labels.items() if evaluation in hashes]
        if labels:
            people = tuple(sorted({label.by for label in labels}))
            failures.append(LabelledFailures(phase.view.title, count_kinds(labels), people))
    return failures


def find_shared_provenance(history: SessionHistory) -> dict[str, object]:
    """Return the provenance on which all phases agree, by dotted name: versions, hardware, seeds."""
    records = [
        dict(_flatten(phase.last.result.provenance))
        for phase in history.phases
        if phase.last and phase.last.result and phase.last.result.provenance
    ]
    if not records:
        return {}
    return {
        name: value
        for name, value in records[0].items()
        if all(record.get(name, value) == value for record in records)
    }


def _flatten(table: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, object]]:
    for name, value in table.items():
        if isinstance(value, dict):
            yield from _flatten(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value
