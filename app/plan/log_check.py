"""Try the patterns of a plan and the presets on a log, and suggest the preset that fits best."""

import re
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

from app.monitor.log_format import LogFormat
from app.monitor.log_metrics import LogMetrics, read_log
from app.monitor.sanitize import clean_line
from app.monitor.trainers import PRESETS
from app.plan.patterns import describe_cut_number
from app.plan.schema import Phase, Plan
from phases.contract.files import open_regular_file

_SAMPLE_LINES: Final = 2000
_MAX_LINE_BYTES: Final = 8192
_FALLBACK: Final = "accelerate"


@dataclass(frozen=True)
class LogReport:
    """The values that one format finds in a log."""

    log: LogMetrics
    log_format: LogFormat

    def format_lines(self) -> list[str]:
        """Return a line for each metric, then progress and problems."""
        names = [*self.log_format.patterns] or [*self.log.counts]
        width = max((len(name) for name in [*names, "progress"]), default=0)
        lines = [f"{name:{width}}  {self._describe_metric(name)}" for name in names]
        progress = self.log.progress
        if progress is not None:
            total = f" of {progress.total:,.10g}" if progress.total else ""
            lines.append(f"{'progress':{width}}  {progress.done:,.10g}{total} {progress.unit}")
        elif self.log_format.progress:
            lines.append(f"{'progress':{width}}  nothing matches")
        lines += [f"warning: {finding.describe()}" for finding in self.log.find_not_finite()]
        lines += [f"warning: {name} takes too long on this log" for name in self.log.find_slow_patterns()]
        return [clean_line(line) for line in lines]

    def _describe_metric(self, name: str) -> str:
        count = self.log.counts.get(name, 0)
        if not count:
            return "nothing matches"
        results = self.log.results()
        first, last = (_format_number(results[key]) for key in (f"first_{name}", name))
        return f"{count:,} {'value' if count == 1 else 'values'}, first {first}, last {last}"


def examine_log(path: Path, log_format: LogFormat) -> LogReport:
    """Return what a format finds in a log."""
    return LogReport(read_log(path, log_format), log_format)


def suggest_preset(path: Path) -> str | None:
    """Return the preset that finds the most values in a log, of those whose trainer it seems to be from.

    Raises:
        OSError: the log cannot be read.
    """
    lines = _read_sample(path)
    signed = [name for name, preset in PRESETS.items() if _has_sign(lines, preset.sign)]
    for candidates in (signed, [_FALLBACK]):
        # If presets find the same values, the last one wins, because it is the more specific one.
        counts = {name: _count_values(path, lines, name) for name in reversed(candidates)}
        best = max(counts, key=lambda name: counts[name], default="")
        if best and counts[best]:
            return best
    return None


def find_plan_warnings(plan: Plan) -> list[str]:
    """Return warnings of patterns that cut numbers; gonogo reads such numbers to their end."""
    return [
        f"phase {phase.id}, metrics.{name}: {problem}. Numbers are read to their end, but a group such as "
        r"(\S+) says so"
        for phase in plan.phases
        if isinstance(phase.metrics, dict)
        for name, pattern in phase.metrics.items()
        if (problem := describe_cut_number(pattern))
    ]


def list_readable_phases(plan: Plan) -> list[Phase]:
    """Return the phases whose logs are read for metrics or progress."""
    return [phase for phase in plan.phases if phase.command and (phase.metrics or phase.progress)]


def _read_sample(path: Path) -> list[str]:
    """Return the first and the last lines of a log."""
    with open_regular_file(path) as file:
        parts = (part for line in file for part in re.split(rb"[\r\n]", line) if part)
        first = list(islice(parts, _SAMPLE_LINES))
        last = deque(parts, maxlen=_SAMPLE_LINES)
    return [clean_line(line[:_MAX_LINE_BYTES]) for line in (*first, *last)]


def _has_sign(lines: Sequence[str], sign: str) -> bool:
    pattern = re.compile(sign, re.IGNORECASE)
    return any(pattern.search(line) for line in lines)


def _count_values(path: Path, lines: Sequence[str], preset: str) -> int:
    log = LogMetrics(path, LogFormat(preset=preset))
    for line in lines:
        log.read_line(line)
    return sum(log.counts.values())


def _format_number(value: float | None) -> str:
    return "not finite" if value is None else f"{value:.8g}"
