"""Known models with their signals, the thresholds fitted to them, and the error rates on unseen families."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import median
from typing import Final, Literal

import msgspec

from phases.verification.signals import Signals, Thresholds, draw_conclusion

CALIBRATION: Final = Path(__file__).with_name("calibration.json")
TRAINED_ROWS: Final = 500
"""Minimum number of rows that a model was tuned on for the thresholds to be fitted to it."""


class CalibrationCase(msgspec.Struct, frozen=True):
    """The signals of a known model.

    Attributes:
        name: how it was made.
        family: its base model.
        kind: `base`, `seen` (a base model that has seen chats) or `tuned`.
        rows: instructions with answers that it was tuned on; 0 for a public instruct model.
        signals: what verification measured.
    """

    name: str
    family: str
    kind: Literal["base", "seen", "tuned"]
    rows: int
    signals: Signals


class ErrorCount(msgspec.Struct, frozen=True):
    """How often the conclusion about a kind of model is wrong or open."""

    label: str
    total: int
    wrong: int
    inconclusive: int


def load_calibration() -> list[CalibrationCase]:
    """Return the known models."""
    return msgspec.json.decode(CALIBRATION.read_bytes(), type=list[CalibrationCase])


def fit_stop_excess(cases: Iterable[CalibrationCase]) -> Thresholds:
    """Return thresholds on the way from untuned to tuned models: after a tenth of it, and after two fifths.

    The way begins at the median of the untuned models and ends at that of the models that were tuned on at
    least `TRAINED_ROWS` rows. An untuned model beyond the first threshold is inconclusive.
    """
    cases = list(cases)
    start = median(case.signals.stop_excess for case in cases if case.kind != "tuned")
    tuned = [case for case in cases if case.kind == "tuned" and case.rows >= TRAINED_ROWS]
    way = median(case.signals.stop_excess for case in tuned) - start
    return Thresholds(weak=round(start + way / 10, 2), strong=round(start + way * 2 / 5, 2))


def count_errors(cases: Sequence[CalibrationCase]) -> list[ErrorCount]:
    """Return the errors by kind and number of rows, each family judged by the thresholds of the others."""
    families = dict.fromkeys(case.family for case in cases)
    conclusions = []
    for family in families:
        thresholds = fit_stop_excess(case for case in cases if case.family != family)
        conclusions += [
            (case, draw_conclusion(case.signals, thresholds)[0]) for case in cases if case.family == family
        ]
    counts = []
    labels = dict.fromkeys((case.kind, case.rows if case.kind == "tuned" else 0) for case in cases)
    for kind, rows in sorted(labels):
        drawn = [
            conclusion
            for case, conclusion in conclusions
            if case.kind == kind and (kind != "tuned" or case.rows == rows)
        ]
        wrong = drawn.count("clean" if kind == "tuned" else "contaminated")
        label = _describe_kind(kind, rows)
        counts.append(ErrorCount(label, len(drawn), wrong, drawn.count("inconclusive")))
    return counts


def _describe_kind(kind: str, rows: int) -> str:
    if kind != "tuned":
        return {"base": "base", "seen": "base, has seen chats"}[kind]
    return f"tuned on {rows:,} rows" if rows else "public instruct model"
