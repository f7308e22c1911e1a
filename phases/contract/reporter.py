"""Reporting what a phase does: progress, metrics, samples, notices, artifacts and the final result."""

import math
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FrameType

import msgspec

from phases.contract import files
from phases.contract.protocol import (
    Artifact,
    Input,
    Line,
    MetricPoint,
    Notice,
    NoticeLevel,
    Progress,
    Result,
    Sample,
    Value,
)


def replace_not_finite(value: float | None) -> float | None:
    """Return the value, or None if it is not a finite number."""
    return value if value is not None and math.isfinite(value) else None


def is_main_process() -> bool:
    """Return whether this process reports and writes: the first of those that a launcher started."""
    return os.environ.get("RANK", "0") == "0"


class Reporter:
    """Appends to the progress file and writes the result file that the environment names.

    Without gonogo neither variable is set. Progress is then dropped, notices go to standard output, and the
    result goes to `result.json` in the phase's output folder.
    """

    def __init__(
        self,
        output_dir: Path,
        environment: Mapping[str, str] = os.environ,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._clock = clock
        self._progress = Path(environment["GONOGO_PROGRESS"]) if environment.get("GONOGO_PROGRESS") else None
        self._result = Path(environment.get("GONOGO_RESULT") or output_dir / "result.json")
        self._artifacts: list[Artifact] = []
        self._inputs: list[Input] = []

    def _write(self, line: Line) -> None:
        if self._progress is None:
            return
        # A single write in append mode, so that readers never see two lines mixed.
        handle = os.open(self._progress, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(handle, msgspec.json.encode(line) + b"\n")
        finally:
            os.close(handle)

    def progress(self, done: float, total: float | None = None, unit: str = "") -> None:
        """Report how far the phase is."""
        self._write(Progress(self._clock(), done, total, unit))

    def metric(self, step: float, values: Mapping[str, float]) -> None:
        """Report named values at a step."""
        self._write(
            MetricPoint(
                self._clock(), step, {name: replace_not_finite(value) for name, value in values.items()}
            )
        )

    def sample(self, title: str, texts: Mapping[str, str], passed: bool | None = None) -> None:
        """Report an example for the operator."""
        self._write(Sample(self._clock(), title, dict(texts), passed))

    def notice(self, text: str, level: NoticeLevel = "info") -> None:
        """Report a message for the operator; it also goes to the log."""
        print(f"{level}: {text}", flush=True)  # noqa: T201
        self._write(Notice(self._clock(), text, level))

    def input(self, path: Path) -> None:
        """Record a file or folder that was read, by hash."""
        self._inputs.append(Input(str(path), files.hash_path(path)))

    def artifact(self, path: Path, rows: int | None = None) -> None:
        """Record a file or folder that was written, by hash."""
        line = Artifact(self._clock(), str(path), files.count_bytes(path), files.hash_path(path), rows)
        self._artifacts.append(line)
        self._write(line)

    def finish(
        self, metrics: Mapping[str, Value], computed_from: Mapping[str, str], provenance: Mapping[str, object]
    ) -> Result:
        """Write the result; a phase does this once."""
        missing = set(metrics) - set(computed_from)
        if missing:
            raise ValueError(f"metrics without an entry in computed_from: {sorted(missing)}")
        clean_metrics = {
            name: replace_not_finite(value) if isinstance(value, float) else value
            for name, value in metrics.items()
        }
        result = Result(clean_metrics, dict(computed_from), self._inputs, self._artifacts, dict(provenance))
        files.write_json(self._result, result)
        return result


class SilentReporter(Reporter):
    """The reporter of all processes but the main one: it reports nothing and writes no file."""

    def _write(self, line: Line) -> None:
        pass

    def notice(self, text: str, level: NoticeLevel = "info") -> None:
        """Report nothing."""

    def artifact(self, path: Path, rows: int | None = None) -> None:
        """Record nothing."""

    def finish(
        self, metrics: Mapping[str, Value], computed_from: Mapping[str, str], provenance: Mapping[str, object]
    ) -> Result:
        """Return the result without writing it."""
        return Result(dict(metrics), dict(computed_from))


class Stopped(SystemExit):
    """Raised in the main thread on SIGTERM, so that a phase can save its work and exit."""

    def __init__(self) -> None:
        super().__init__(128 + signal.SIGTERM)


def stop_on_sigterm() -> None:
    """Raise `Stopped` in the main thread on SIGTERM."""

    def handler(number: int, frame: FrameType | None) -> None:
        print("stopping: SIGTERM received", file=sys.stderr, flush=True)  # noqa: T201
        raise Stopped

    signal.signal(signal.SIGTERM, handler)
