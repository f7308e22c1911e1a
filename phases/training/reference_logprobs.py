"""What DPO's reference model says of each pair: computed once, kept, and found again by a resumed run.

A pair is known by its token ids and by the model that the reference is, so nothing is taken for another's.
Batches are those of the training's first epoch: padded alike, they give the policy's own numbers to the bit
before its first step.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import msgspec
import torch
from accelerate.utils import broadcast_object_list, gather_object

from phases.contract import files
from phases.contract.heartbeat import Heartbeat
from phases.contract.reporter import Reporter
from phases.models import distributed
from phases.models.loader import LoadedModel


class Ids(Protocol):
    """The token ids of a pair."""

    @property
    def prompt(self) -> list[int]:
        """Those of the prompt."""

    @property
    def chosen(self) -> list[int]:
        """Those of the better answer."""

    @property
    def rejected(self) -> list[int]:
        """Those of the worse answer."""


class _Row(msgspec.Struct, frozen=True):
    """Log-probabilities of the two answers of a pair."""

    key: str
    chosen: float
    rejected: float


class Store:
    """The file of log-probabilities, one line a pair; a torn last line is no line."""

    def __init__(self, path: Path, reference: LoadedModel) -> None:
        self.path = path
        self._reference = [reference.source.sha256, reference.dtype, reference.four_bit, reference.attention]

    def key(self, pair: Ids) -> str:
        """Return what a pair is known by."""
        content = msgspec.json.encode([self._reference, pair.prompt, pair.chosen, pair.rejected])
        return hashlib.sha256(content).hexdigest()

    def read(self) -> dict[str, _Row]:
        """Return what is known, by key."""
        if not self.path.is_file():
            return {}
        rows = (msgspec.convert(row, _Row) for row in files.read_rows(self.path))
        return {row.key: row for row in rows}

    def remove(self) -> None:
        """Forget everything."""
        if distributed.is_main_process():
            self.path.unlink(missing_ok=True)


def compute(
    trainer: Any, store: Store, sets: Sequence[Sequence[Ids]], batch_size: int, reporter: Reporter
) -> None:
    """Give the trainer's training and held-out pairs their reference log-probabilities.

    Args:
        trainer: a DPO trainer before its training, whose datasets hold these pairs.
        store: where they are kept.
        sets: the training pairs and the held-out pairs, in the order of the trainer's datasets.
        batch_size: pairs at once on each device.
        reporter: is told of the progress.
    """
    known = [store.read() if distributed.is_main_process() else {}]
    if distributed.world_size() > 1:
        broadcast_object_list(known)
    rows: dict[str, _Row] = known[0]
    todo: list[list[tuple[str, Ids]]] = []
    for pairs in sets:
        unique = list({store.key(pair): pair for pair in pairs}.items())
        batches = [unique[first : first + batch_size] for first in range(0, len(unique), batch_size)]
        todo += [batch for batch in batches if any(key not in rows for key, _ in batch)]
    _compute(trainer, store, todo, rows, reporter)
    datasets = []
    for pairs, dataset in zip(sets, (trainer.train_dataset, trainer.eval_dataset), strict=True):
        of_pairs = [rows[store.key(pair)] for pair in pairs]
        with_chosen = dataset.add_column("ref_chosen_logps", [row.chosen for row in of_pairs])
        datasets.append(with_chosen.add_column("ref_rejected_logps", [row.rejected for row in of_pairs]))
    trainer.train_dataset, trainer.eval_dataset = datasets
    trainer.precompute_ref_logps = True


def _compute(
    trainer: Any,
    store: Store,
    todo: Sequence[Sequence[tuple[str, Ids]]],
    rows: dict[str, _Row],
    reporter: Reporter,
) -> None:
    """Compute the batches, dealt out to all processes; the first one writes."""
    writer = files.RowWriter(store.path) if distributed.is_main_process() and todo else None
    heartbeat = Heartbeat(reporter, len(todo), "reference batches")
    trainer.model.eval()
    for first in range(0, len(todo), distributed.world_size()):
        # Where weights are in shares, all must compute at once: who has no batch repeats the last one.
        found = _batch(trainer, todo[min(first + distributed.rank(), len(todo) - 1)])
        found = found if first + distributed.rank() < len(todo) else []
        if distributed.world_size() > 1:
            found = gather_object(found)
        if writer:
            writer.write(found)
        rows.update((row.key, row) for row in found)
        heartbeat.beat(first)
    trainer.model.train()
    if writer:
        writer.close()


def _batch(trainer: Any, batch: Sequence[tuple[str, Ids]]) -> list[_Row]:
    examples = [
        {"prompt_ids": pair.prompt, "chosen_ids": pair.chosen, "rejected_ids": pair.rejected}
        for _, pair in batch
    ]
    inputs = trainer._prepare_inputs(trainer.data_collator(examples))
    with torch.no_grad():
        chosen, rejected = trainer.compute_ref_log_probs(trainer.model, inputs)
    return [
        _Row(key, chosen_logp, rejected_logp)
        for (key, _), chosen_logp, rejected_logp in zip(
            batch, chosen.tolist(), rejected.tolist(), strict=True
        )
    ]
