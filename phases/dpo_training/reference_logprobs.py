"""Log-probabilities of DPO's reference model: computed once per pair, stored, and reused after a resume.

One sweep over packed micro-batches computes them without gradients. The key of a stored pair covers its token
ids and the reference model, so values are never reused for another pair or reference. The held-out pairs are
split as the evaluation splits them, so that their values equal the policy's own bit for bit before its first
step; those of the training pairs are equal up to rounding.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
import torch
from accelerate.utils import broadcast_object_list, gather_object

from phases.contract import files
from phases.contract.reporter import Reporter, Stopped
from phases.contract.throttled_progress import ThrottledProgress
from phases.dpo_training.packed_pairs import PairTokens
from phases.models import distributed
from phases.models.loader import LoadedModel
from phases.training.callbacks import StopRequest

PROGRESS_UNIT: Final = "reference pairs"
"""Unit of progress, which the spec of DPO training declares."""


class _StoredPair(msgspec.Struct, frozen=True):
    """A stored line: the log-probabilities of both answers."""

    key: str
    chosen: float
    rejected: float


class LogprobStore:
    """The file of log-probabilities, with one line per pair; a torn last line is ignored."""

    def __init__(self, path: Path, reference: LoadedModel) -> None:
        self.path = path
        self._reference = [reference.source.sha256, reference.dtype, reference.four_bit, reference.attention]

    def compute_key(self, pair: PairTokens) -> str:
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
    trainer: Any, store: LogprobStore, sets: Sequence[Sequence[PairTokens]], reporter: Reporter
) -> None:
    """Add the reference's log-probabilities to a DPO trainer's datasets, computing those that are not stored.

    Args:
        trainer: a `PackedPairsTrainer` before its training, whose datasets hold these pairs.
        store: where they are stored.
        sets: the training pairs and the held-out pairs, in the order of the trainer's datasets.
        reporter: receives progress.
    """
    stored = compute_missing(trainer, store, sets, reporter)
    datasets = []
    for pairs, dataset in zip(sets, (trainer.train_dataset, trainer.eval_dataset), strict=True):
        rows = [stored[store.compute_key(pair)] for pair in pairs]
        with_chosen = dataset.add_column("ref_chosen_logps", [row.chosen for row in rows])
        datasets.append(with_chosen.add_column("ref_rejected_logps", [row.rejected for row in rows]))
    trainer.train_dataset, trainer.eval_dataset = datasets
    trainer.precompute_ref_logps = True


def compute_missing(
    trainer: Any, store: LogprobStore, sets: Sequence[Sequence[PairTokens]], reporter: Reporter
) -> dict[str, _StoredPair]:
    """Compute the missing values; return all stored pairs by key. See `add_to_datasets`."""
    contents = [store.read() if distributed.is_main_process() else {}]
    if distributed.world_size() > 1:
        broadcast_object_list(contents)
    stored: dict[str, _StoredPair] = contents[0]
    _Sweep(trainer, store, stored, reporter).run(*sets)
    return stored


@dataclass(frozen=True)
class _PairBatch:
    """A micro-batch: the sequences that hold some of the pairs."""

    pairs: Sequence[PairTokens]
    sequences: Sequence[Sequence[int]]

    @property
    def order(self) -> list[int]:
        """The indices of the pairs in the order of their values."""
        return [index for sequence in self.sequences for index in sequence]


class _Sweep:
    """Computes micro-batches in turn on all processes; the main process writes them to the store."""

    def __init__(
        self, trainer: Any, store: LogprobStore, stored: dict[str, _StoredPair], reporter: Reporter
    ) -> None:
        self._trainer = trainer
        self._store = store
        self._stored = stored
        self._reporter = reporter
        self._stop = StopRequest()

    def run(self, training: Sequence[PairTokens], held_out: Sequence[PairTokens]) -> None:
        """Compute the missing values, with smaller micro-batches if memory runs out.

        Raises:
            Stopped: a process received SIGTERM; the values that were computed are stored.
        """
        # The processes stop together: on a GPU, one would not notice that one that it waits for has ended.
        with self._stop:
            while not self._compute(self._list_missing(training, held_out)):
                self._trainer.halve_forward_tokens()
                # The evaluation will split held-out pairs differently, so they are computed again.
                for pair in held_out:
                    self._stored.pop(self._store.compute_key(pair), None)
            if self._stop.is_set_anywhere():
                raise Stopped

    def _list_missing(
        self, training: Sequence[PairTokens], held_out: Sequence[PairTokens]
    ) -> list[_PairBatch]:
        parts = [*self._split_held_out(held_out), *self._split_training(training)]
        return [part for part in parts if not self._is_stored(part)]

    def _is_stored(self, part: _PairBatch) -> bool:
        return all(self._store.compute_key(part.pairs[i]) in self._stored for i in part.order)

    def _split_training(self, pairs: Sequence[PairTokens]) -> list[_PairBatch]:
        return self._split(list({self._store.compute_key(pair): pair for pair in pairs}.values()))

    def _split_held_out(self, pairs: Sequence[PairTokens]) -> list[_PairBatch]:
        """Return the micro-batches in which the processes evaluate."""
        size = self._trainer.args.per_device_eval_batch_size
        shares = [pairs[start : start + size] for start in range(0, len(pairs), size)]
        return [part for share in shares for part in self._split(share)]

    def _split(self, pairs: Sequence[PairTokens]) -> list[_PairBatch]:
        lengths = [self._trainer.measure_pair(pair) for pair in pairs]
        plan = self._trainer.layout.split(lengths, self._trainer.forward_tokens)
        return [_PairBatch(pairs, sequences) for sequences in plan]

    def _compute(self, parts: Sequence[_PairBatch]) -> bool:
        """Compute and store micro-batches; return False if memory ran out."""
        writer = files.RowWriter(self._store.path) if distributed.is_main_process() and parts else None
        total = sum(len(part.order) for part in parts)
        progress = ThrottledProgress(self._reporter, total, PROGRESS_UNIT)
        done = 0
        if parts:
            self._reporter.progress(done, total, PROGRESS_UNIT)
        self._trainer.model.eval()
        try:
            for start in range(0, len(parts), distributed.world_size()):
                # With sharded weights all processes compute together: one without a part repeats the last.
                index = start + distributed.rank()
                rows = self._compute_part(parts[min(index, len(parts) - 1)])
                is_out_of_memory, must_stop = distributed.reduce_any(rows is None, self._stop.is_set)
                if is_out_of_memory:
                    return False
                if index >= len(parts):
                    rows = []
                if distributed.world_size() > 1:
                    rows = gather_object(rows)
                if writer:
                    writer.write(rows or [])
                self._stored.update((row.key, row) for row in rows or [])
                done += sum(len(part.order) for part in parts[start : start + distributed.world_size()])
                progress.update(done)
                if must_stop:
                    raise Stopped
            if parts:
                self._reporter.progress(done, total, PROGRESS_UNIT)
            return True
        finally:
            self._trainer.model.train()
            if writer:
                writer.close()

    def _compute_part(self, part: _PairBatch) -> list[_StoredPair] | None:
        """Return the values of the pairs, or None if memory ran out."""
        try:
            chosen, rejected = self._trainer.compute_reference(part.pairs, part.sequences)
        except torch.OutOfMemoryError:
            if not self._trainer.can_halve_forward_tokens():
                raise
            return None
        logps = zip(part.order, chosen, rejected, strict=True)
        return [_StoredPair(self._store.compute_key(part.pairs[i]), c, r) for i, c, r in logps]
