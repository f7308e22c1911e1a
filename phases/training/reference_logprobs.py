"""Log-probabilities of DPO's reference model: computed once per pair, stored, and reused after a resume.

The key of a stored pair covers its token ids and the reference model, so values are never reused for another
pair or reference. Batches are those of the training's first epoch: with the same padding, they equal the
policy's own values bit for bit before its first step.
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


class EncodedPair(Protocol):
    """The token ids of a preference pair."""

    @property
    def prompt(self) -> list[int]:
        """The prompt's ids."""

    @property
    def chosen(self) -> list[int]:
        """The ids of the chosen answer."""

    @property
    def rejected(self) -> list[int]:
        """The ids of the rejected answer."""


class _StoredPair(msgspec.Struct, frozen=True):
    """A stored line: the log-probabilities of both answers."""

    key: str
    chosen: float
    rejected: float


KeyedPair = tuple[str, EncodedPair]


class Store:
    """The file of log-probabilities, with one line per pair; a torn last line is ignored."""

    def __init__(self, path: Path, reference: LoadedModel) -> None:
        self.path = path
        self._reference = [reference.source.sha256, reference.dtype, reference.four_bit, reference.attention]

    def key(self, pair: EncodedPair) -> str:
        """Return the hash of a pair's ids and the reference."""
        content = msgspec.json.encode([self._reference, pair.prompt, pair.chosen, pair.rejected])
        return hashlib.sha256(content).hexdigest()

    def read(self) -> dict[str, _StoredPair]:
        """Return the stored pairs by key."""
        if not self.path.is_file():
            return {}
        rows = (msgspec.convert(row, _StoredPair) for row in files.read_rows(self.path))
        return {row.key: row for row in rows}

    def remove(self) -> None:
        """Delete the file."""
        if distributed.is_main_process():
            self.path.unlink(missing_ok=True)


def add_to_datasets(
    trainer: Any, store: Store, sets: Sequence[Sequence[EncodedPair]], batch_size: int, reporter: Reporter
) -> None:
    """Add the reference's log-probabilities to a DPO trainer's datasets, computing those that are not stored.

    Args:
        trainer: a DPO trainer before its training, whose datasets hold these pairs.
        store: where they are stored.
        sets: the training pairs and the held-out pairs, in the order of the trainer's datasets.
        batch_size: pairs per device and batch.
        reporter: receives progress.
    """
    contents = [store.read() if distributed.is_main_process() else {}]
    if distributed.world_size() > 1:
        broadcast_object_list(contents)
    stored: dict[str, _StoredPair] = contents[0]
    missing: list[list[KeyedPair]] = []
    for pairs in sets:
        unique = list({store.key(pair): pair for pair in pairs}.items())
        batches = [unique[start : start + batch_size] for start in range(0, len(unique), batch_size)]
        missing += [batch for batch in batches if any(key not in stored for key, _ in batch)]
    _compute(trainer, store, missing, stored, reporter)
    datasets = []
    for pairs, dataset in zip(sets, (trainer.train_dataset, trainer.eval_dataset), strict=True):
        rows = [stored[store.key(pair)] for pair in pairs]
        with_chosen = dataset.add_column("ref_chosen_logps", [row.chosen for row in rows])
        datasets.append(with_chosen.add_column("ref_rejected_logps", [row.rejected for row in rows]))
    trainer.train_dataset, trainer.eval_dataset = datasets
    trainer.precompute_ref_logps = True


def _compute(
    trainer: Any,
    store: Store,
    batches: Sequence[Sequence[KeyedPair]],
    stored: dict[str, _StoredPair],
    reporter: Reporter,
) -> None:
    """Compute batches in turn on all processes; the main process writes them to the store."""
    writer = files.RowWriter(store.path) if distributed.is_main_process() and batches else None
    heartbeat = Heartbeat(reporter, len(batches), "reference batches")
    trainer.model.eval()
    for start in range(0, len(batches), distributed.world_size()):
        # With sharded weights all processes must compute together: one without a batch repeats the last.
        index = start + distributed.rank()
        rows = _compute_batch(trainer, batches[min(index, len(batches) - 1)])
        if index >= len(batches):
            rows = []
        if distributed.world_size() > 1:
            rows = gather_object(rows)
        if writer:
            writer.write(rows)
        stored.update((row.key, row) for row in rows)
        heartbeat.beat(start)
    trainer.model.train()
    if writer:
        writer.close()


def _compute_batch(trainer: Any, batch: Sequence[KeyedPair]) -> list[_StoredPair]:
    examples = [
        {"prompt_ids": pair.prompt, "chosen_ids": pair.chosen, "rejected_ids": pair.rejected}
        for _, pair in batch
    ]
    inputs = trainer._prepare_inputs(trainer.data_collator(examples))
    with torch.no_grad():
        chosen, rejected = trainer.compute_ref_log_probs(trainer.model, inputs)
    logps = zip(chosen.tolist(), rejected.tolist(), strict=True)
    return [
        _StoredPair(key, chosen_logp, rejected_logp)
        for (key, _), (chosen_logp, rejected_logp) in zip(batch, logps, strict=True)
    ]
