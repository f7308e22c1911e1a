"""Work that is done once: completions and scores are kept on disk as they land, keyed by what they depend on.

A phase that makes data is a pure function of what its models said. It runs from its beginning each time, and
what a model has said before is read, not generated: so a phase that was killed goes on where it stopped,
without a row lost, doubled or changed.
"""

import hashlib
import itertools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from phases.contract.files import RowWriter, read_rows

if TYPE_CHECKING:
    from phases.generation.engine import Engine, Group
    from phases.generation.generate import Completion


class Sampling(msgspec.Struct, frozen=True):
    """How completions are drawn, as in `generate`."""

    max_new_tokens: int
    temperature: float = 0.0
    top_p: float = 1.0
    stop: tuple[str, ...] = ()


def key_of(*parts: object) -> str:
    """Return a key of what a result depends on."""
    return hashlib.sha256(msgspec.json.encode(parts)).hexdigest()[:32]


def seed_of(*parts: object) -> int:
    """Return a seed, of 63 bits, that depends on the parts alone."""
    return int(hashlib.sha256(msgspec.json.encode(parts)).hexdigest()[:16], 16) >> 1


class Record:
    """Values by key in a JSONL file, each on the disk before it is used."""

    def __init__(self, path: Path) -> None:
        rows = read_rows(path) if path.exists() else ()
        self._values: dict[str, Any] = {row["key"]: row["value"] for row in rows}
        self._writer = RowWriter(path)

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def __getitem__(self, key: str) -> Any:
        return self._values[key]

    def add(self, values: Mapping[str, Any]) -> None:
        """Keep values whose keys are new; a value once kept never changes."""
        new = {key: value for key, value in values.items() if key not in self._values}
        if new:
            self._writer.write([{"key": key, "value": value} for key, value in new.items()])
            self._values.update(new)

    def close(self) -> None:
        """Close the file."""
        self._writer.close()


def complete(
    record: Record,
    engine: "Callable[[], Engine]",
    identity: str,
    groups: "Sequence[Group]",
    *,
    base: bool = False,
    after_landing: Callable[[int], None] = lambda tokens: None,
    on_step: Callable[[], None] = lambda: None,
) -> "list[list[Completion]]":
    """Return the completion of each prompt of each group, from the record or from the model.

    Args:
        record: where completions are kept.
        engine: gives the model; called only where a completion is missing.
        identity: what the model is, part of each completion's key.
        groups: what is asked.
        base: whether the base of an adapted model writes.
        after_landing: told the number of tokens generated, each time when completions have landed.
        on_step: called after each step of the engine.
    """
    from phases.generation.generate import Completion

    keys = [
        [key_of(identity, group.sampling, *row) for row in zip(group.prompts, group.seeds, strict=True)]
        for group in groups
    ]
    places = list(itertools.chain.from_iterable(keys))
    known = {place for place, key in enumerate(places) if key in record}
    if len(known) < len(places):
        for landed in engine().generate(groups, known=known, base=base, on_step=on_step):
            record.add({places[i]: [c.text, c.finished, c.tokens] for i, c in landed})
            after_landing(sum(c.tokens for _, c in landed))
    return [[Completion(*record[key]) for key in some] for some in keys]
