"""Values that are not finite: whether they end a training, or a loss scaler has skipped them."""

import math
import re
from collections.abc import Mapping
from typing import Final, NamedTuple

from app.monitor.log_numbers import normalize_name
from app.monitor.series import SeriesBuilder

# `best_loss: inf` and `max_grad_norm: inf` are settings and starting values, not losses or gradients.
_LOSS: Final = re.compile(
    r"(?!(?:best|lowest|min|minimum|max|maximum|target|initial|init|prev|previous|old|stop|threshold|running_best)_)"
    r"(?:\w+_)?loss(?:_(?:step|epoch|value|mean|avg|train|training|val|valid|eval|test))?"
)
_GRADIENT: Final = re.compile(
    r"(?!(?:max|clip|maximum|target|min|best)_)(?:\w+_)?(?:grad|gradient|g)_?norm(?:_(?:step|epoch|mean|total))?"
)
_LONGEST_EVIDENCE: Final = 200
_PLAIN_NORM: Final = "norm"  # llm.c


class NotFinite(NamedTuple):
    """A metric that was NaN or infinite.

    Attributes:
        name: the metric.
        evidence: the first line of the log that shows it, or "".
        values: how many of its values were not finite.
        has_recovered: whether its last value is finite.
        is_gradient: whether it is the norm of a gradient, which a loss scaler expects to overflow at times.
    """

    name: str
    evidence: str
    values: int
    has_recovered: bool
    is_gradient: bool

    @property
    def is_cause(self) -> bool:
        """Whether it makes a result worthless: all but a gradient that is finite again."""
        return not (self.is_gradient and self.has_recovered)

    def describe(self) -> str:
        """Return the finding in a few words."""
        values = "1 value" if self.values == 1 else f"{self.values:,} values"
        recovered = "; later ones are finite" if self.has_recovered else ""
        line = f": {self.evidence}" if self.evidence else ""
        return f"{values} of {self.name} not finite{recovered}{line}"


def is_loss_or_gradient(name: str) -> bool:
    """Return whether a value of this name must be finite in any trainer's log."""
    return name == _PLAIN_NORM or bool(_LOSS.fullmatch(name) or _GRADIENT.fullmatch(name))


def is_gradient(name: str) -> bool:
    """Return whether a value is the norm of a gradient."""
    return name == _PLAIN_NORM or _GRADIENT.fullmatch(name) is not None


class FinitenessWatch:
    """Counts the values of each metric that are not finite."""

    _MAX_NAMES: Final = 200

    def __init__(self) -> None:
        self._bad: dict[tuple[str, int], int] = {}
        self._evidence: dict[tuple[str, int], str] = {}
        self._last_is_bad: dict[tuple[str, int], bool] = {}

    def add(self, name: str, value: float | None, line: str = "", rank: int = 0) -> None:
        """Count a value of a rank; None is a value that is not finite."""
        key = name, rank
        is_bad = value is None or not math.isfinite(value)
        if not is_bad:
            if key in self._bad:
                self._last_is_bad[key] = False
        elif key in self._bad or len(self._bad) < self._MAX_NAMES:
            self._last_is_bad[key] = True
            self._bad[key] = self._bad.get(key, 0) + 1
            self._evidence.setdefault(key, line.strip()[:_LONGEST_EVIDENCE])

    @property
    def has_findings(self) -> bool:
        """Whether any value was not finite."""
        return bool(self._bad)

    def list_findings(self) -> tuple[NotFinite, ...]:
        """Return the metrics that were not finite, causes first."""
        not_finite = [
            NotFinite(
                name, self._evidence[name, rank], bad, not self._last_is_bad[name, rank], is_gradient(name)
            )
            for (name, rank), bad in self._bad.items()
        ]
        return tuple(sorted(not_finite, key=lambda finding: not finding.is_cause))


def find_not_finite_series(series: Mapping[str, SeriesBuilder]) -> tuple[NotFinite, ...]:
    """Return the reported metrics that were not finite.

    A report has null for NaN and for a value that does not exist yet, so of other metrics than losses and
    gradients only the last value counts.
    """
    not_finite = []
    for name, builder in series.items():
        values = builder.series()
        has_recovered = values.last is not None
        if values.missing and (is_loss_or_gradient(normalize_name(name)) or not has_recovered):
            since = values.missing_since
            evidence = "" if since is None else f"since step {since:g}"
            not_finite.append(
                NotFinite(name, evidence, values.missing, has_recovered, is_gradient(normalize_name(name)))
            )
    return tuple(not_finite)
