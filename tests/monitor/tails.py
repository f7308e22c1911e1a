"""Writing progress files and reading tails to their end."""

from pathlib import Path

import msgspec

from app.monitor.log_metrics import LogMetrics
from app.monitor.progress import ProgressTail
from app.monitor.series import SeriesBuilder
from app.monitor.tails import LogTail
from phases.contract.protocol import Line


def encoded(*lines: Line) -> bytes:
    return b"".join(msgspec.json.encode(line) + b"\n" for line in lines)


def read_all(tail: LogTail | ProgressTail | LogMetrics) -> None:
    while tail.poll():
        pass


def append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


def points(builder: SeriesBuilder) -> list[tuple[float, float | None]]:
    return [(point.step, point.mean if point.finite else None) for point in builder.series().points]
