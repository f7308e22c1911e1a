"""Work that is done once: completions and scores are kept on disk as they land, keyed by what they depend on.

A phase that makes data is a pure function of what its models said. It runs from its beginning each time, and
what a model has said before is read, not generated: so a phase that was killed goes on where it stopped,
without a row lost, doubled or changed.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from phases.common.files import RowWriter, read_rows

if TYPE_CHECKING:
    from phases.common.generate import Completion
    from phases.common.model import LoadedModel


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
    model: "Callable[[], LoadedModel]",
    identity: str,
    *,
    prompts: Sequence[str],
    seeds: Sequence[int],
    sampling: Sampling,
    batch_size: int,
    after_batch: Callable[[int], None] = lambda tokens: None,
    on_step: Callable[[], None] = lambda: None,
) -> "list[Completion]":
    """Return the completion of each prompt, from the record or from the model.

    Args:
        record: where completions are kept.
        model: gives the model; called only where a completion is missing.
        identity: what the model is, part of each completion's key.
        prompts: complete texts.
        seeds: one for each prompt.
        sampling: how completions are drawn.
        batch_size: rows at once.
        after_batch: told the number of tokens generated, after each batch.
        on_step: called after each token of a batch.
    """
    from phases.common.generate import Completion, generate

    keys = [key_of(identity, sampling, prompt, seed) for prompt, seed in zip(prompts, seeds, strict=True)]
    # Batches are cut before it is seen what is known, and a batch is generated whole: after a restart each
    # row has the neighbours that it would have had, so not even rounding differs.
    order = sorted(range(len(keys)), key=lambda i: (-len(prompts[i]), i))
    for first in range(0, len(order), batch_size):
        batch = order[first : first + batch_size]
        if all(keys[i] in record for i in batch):
            continue
        made = dict(
            generate(
                model(),
                [prompts[i] for i in batch],
                seeds=[seeds[i] for i in batch],
                batch_size=batch_size,
                on_step=on_step,
                **msgspec.structs.asdict(sampling),
            )
        )
        record.add({keys[batch[i]]: [c.text, c.finished, c.tokens] for i, c in made.items()})
        after_batch(sum(c.tokens for c in made.values()))
    return [Completion(*record[key]) for key in keys]
