"""Batches of generated data in one folder: a new batch adds a file with new rows, the same batch goes on.

Beside the data files, `work/` holds for each batch a record of what it is made from (`batch_<n>.json`) and
what the models said (`batch_<n>.generations.jsonl`). A batch found there that was made from anything else is
set aside in `superseded/`, never continued.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from phases.contract import files


class BatchRecord(msgspec.Struct, frozen=True):
    """What a batch is made from, and the name of its data file."""

    data: str
    identity: dict[str, Any]


@dataclass(frozen=True)
class Batch:
    """The files of one batch.

    Attributes:
        data: the rows.
        generations: what the models said.
        earlier: data files of the batches before, from which this one must differ.
        resumed: whether it was begun before.
        superseded: where an older batch with this number was moved, if it was made from other inputs.
        changed: what of its identity had changed then.
    """

    data: Path
    generations: Path
    earlier: tuple[Path, ...]
    resumed: bool
    superseded: Path | None = None
    changed: tuple[str, ...] = ()


def open_batch(folder: Path, prefix: str, number: int, identity: Mapping[str, object], now: float) -> Batch:
    """Find or begin a batch.

    Args:
        folder: where the data files of all batches lie.
        prefix: what their names begin with; the local date and time follow.
        number: which batch this is, from 1.
        identity: all that its rows depend on; JSON values.
        now: seconds since the epoch.
    """
    work = folder / "work"
    before = [_read(work / f"batch_{n}.json") for n in range(1, number)]
    earlier = tuple(folder / record.data for record in before if record)
    whole = _as_read({**identity, "earlier_batches": {path.name: files.sha256(path) for path in earlier}})
    record_path = work / f"batch_{number}.json"
    generations = work / f"batch_{number}.generations.jsonl"
    found = _read(record_path)
    if found and found.identity == whole:
        return Batch(folder / found.data, generations, earlier, resumed=True)
    superseded = None
    changed: tuple[str, ...] = ()
    if found:
        superseded = folder / "superseded" / Path(found.data).stem
        changed = tuple(k for k in whole if whole[k] != found.identity.get(k))
        superseded.mkdir(parents=True, exist_ok=True)
        # The record goes last: until then a restart finds the old batch and moves what is left of it.
        for path in (folder / found.data, generations, record_path):
            if path.exists():
                path.rename(superseded / path.name)
    data = _unused(folder, prefix, now)
    files.write_json(record_path, BatchRecord(data.name, whole))
    return Batch(data, generations, earlier, resumed=False, superseded=superseded, changed=changed)


def _read(path: Path) -> BatchRecord | None:
    return msgspec.json.decode(path.read_bytes(), type=BatchRecord) if path.is_file() else None


def _as_read(value: Mapping[str, object]) -> dict[str, Any]:
    """Return a value as it will be when it is read back from its JSON."""
    return msgspec.json.decode(msgspec.json.encode(value), type=dict[str, Any])


def _unused(folder: Path, prefix: str, now: float) -> Path:
    while True:
        stamp = datetime.fromtimestamp(now, UTC).astimezone().strftime("%Y%m%d_%H%M%S")
        path = folder / f"{prefix}_{stamp}.jsonl"
        if not path.exists():
            return path
        now += 1


class Rows:
    """The rows of a batch, made again from its first one: those that are on the disk are only compared.

    Attributes:
        on_disk: how many there were before.
        rows: those made so far.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._written = list(files.read_rows(path)) if path.exists() else []
        self.on_disk = len(self._written)
        self._writer = files.RowWriter(path)
        self.rows: list[dict[str, Any]] = []

    def __len__(self) -> int:
        return len(self.rows)

    def add(self, rows: Sequence[Mapping[str, object]]) -> None:
        """Append rows.

        Raises:
            ValueError: a row differs from the one that is on the disk in its place.
        """
        new = [_as_read(row) for row in rows]
        known = self._written[len(self.rows) : len(self.rows) + len(new)]
        for number, (written, row) in enumerate(zip(known, new, strict=False), len(self.rows) + 1):
            if written != row:
                raise ValueError(
                    f"{self._path}, row {number}: differs from what its recorded generations give; "
                    "it was edited or made by another version: move it away, or make another batch"
                )
        if len(new) > len(known):
            self._writer.write(new[len(known) :])
        self.rows += new

    def close(self) -> None:
        """Close the file."""
        self._writer.close()
