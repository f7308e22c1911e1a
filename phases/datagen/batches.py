"""Batches of generated rows in one folder: a new batch adds a file, an existing batch is resumed.

Next to the data files, `work/` has for each batch a record of its inputs (`batch_<n>.json`) and the cached
model output (`batch_<n>.generations.jsonl`). If the inputs have changed, the batch is moved to `superseded/`
and started again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from phases.contract import files


class BatchRecord(msgspec.Struct, frozen=True):
    """The name of a batch's data file and everything that its rows depend on."""

    data: str
    identity: dict[str, Any]


@dataclass(frozen=True)
class BatchFiles:
    """The files of one batch.

    Attributes:
        data: the rows.
        generations: the cached model output.
        earlier: data files of earlier batches, whose instructions this one must not repeat.
        resumed: whether the batch existed before.
        superseded: the folder to which a batch with the same number but other inputs was moved.
        changed: the names of the inputs that had changed in that case.
    """

    data: Path
    generations: Path
    earlier: tuple[Path, ...]
    resumed: bool
    superseded: Path | None = None
    changed: tuple[str, ...] = ()


def open_batch(
    folder: Path, prefix: str, number: int, inputs: Mapping[str, object], now: float
) -> BatchFiles:
    """Resume or start a batch.

    Args:
        folder: the folder of all batches' data files.
        prefix: the start of their names; the local date and time follow.
        number: the batch's number, from 1.
        inputs: everything that its rows depend on, as JSON-serialisable values.
        now: seconds since the epoch.
    """
    work = folder / "work"
    records = [_read_record(work / f"batch_{n}.json") for n in range(1, number)]
    earlier = tuple(folder / record.data for record in records if record)
    hashes = {path.name: files.hash_path(path) for path in earlier}
    identity = _round_trip({**inputs, "earlier_batches": hashes})
    record_path = work / f"batch_{number}.json"
    generations = work / f"batch_{number}.generations.jsonl"
    record = _read_record(record_path)
    if record and record.identity == identity:
        return BatchFiles(folder / record.data, generations, earlier, resumed=True)
    superseded = None
    changed: tuple[str, ...] = ()
    if record:
        superseded = folder / "superseded" / Path(record.data).stem
        changed = tuple(name for name in identity if identity[name] != record.identity.get(name))
        superseded.mkdir(parents=True, exist_ok=True)
        # Move the record last: if the process dies before, a restart moves the remaining files.
        for path in (folder / record.data, generations, record_path):
            if path.exists():
                path.rename(superseded / path.name)
    data = _choose_path(folder, prefix, now)
    files.write_json(record_path, BatchRecord(data.name, identity))
    return BatchFiles(data, generations, earlier, resumed=False, superseded=superseded, changed=changed)


def _read_record(path: Path) -> BatchRecord | None:
    return files.read_json(path, BatchRecord) if path.is_file() else None


def _round_trip(value: Mapping[str, object]) -> dict[str, Any]:
    """Return a value encoded and decoded again, for comparison with a file's content."""
    return msgspec.json.decode(msgspec.json.encode(value), type=dict[str, Any])


def _choose_path(folder: Path, prefix: str, now: float) -> Path:
    while True:
        stamp = datetime.fromtimestamp(now, UTC).astimezone().strftime("%Y%m%d_%H%M%S")
        path = folder / f"{prefix}_{stamp}.jsonl"
        if not path.exists():
            return path
        now += 1


class BatchRows:
    """The rows of a batch, generated from the first one on; rows already on disk are only compared.

    Attributes:
        on_disk: number of rows on disk when the batch was opened.
        rows: the rows generated so far.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stored = list(files.read_rows(path)) if path.exists() else []
        self.on_disk = len(self._stored)
        self._writer = files.RowWriter(path)
        self.rows: list[dict[str, Any]] = []

    def add(self, rows: Sequence[Mapping[str, object]]) -> None:
        """Append rows.

        Raises:
            ValueError: a row differs from the stored row with its number.
        """
        new = [_round_trip(row) for row in rows]
        stored = self._stored[len(self.rows) : len(self.rows) + len(new)]
        for number, (stored_row, row) in enumerate(zip(stored, new, strict=False), len(self.rows) + 1):
            if stored_row != row:
                raise ValueError(
                    f"{self._path}, row {number}: differs from the row that the cached generations give; it "
                    "was edited or written by another version: move the file away, or generate another batch"
                )
        if len(new) > len(stored):
            self._writer.write(new[len(stored) :])
        self.rows += new

    def close(self) -> None:
        """Close the file."""
        self._writer.close()
