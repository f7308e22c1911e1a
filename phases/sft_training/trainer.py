"""An SFT trainer of packed or padded rows: TRL's loss and metrics over our data path."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import torch
from trl import SFTTrainer

from phases.models.packed_attention import PackedRuns, Run, pack_runs, use_packed_attention
from phases.training.micro_batches import MicroBatch, MicroBatchTrainer, Shares
from phases.training.packing import PACKED_LENGTH, PACKED_MULTIPLE, WHOLE_MICRO_BATCH, Layout

IGNORED_LABEL: Final = -100
PADDED_MULTIPLE: Final = 8


class PackedRowsTrainer(MicroBatchTrainer, SFTTrainer):  # type: ignore[misc]
    """An SFT trainer of encoded rows, each of which attends to itself alone."""

    default_unit = "tokens"

    def choose_layout(self, *, is_packed: bool) -> None:
        """Choose whether a sequence may have several rows."""
        self.attends_in_runs = is_packed and use_packed_attention(self.model)
        packed_length = WHOLE_MICRO_BATCH if self.attends_in_runs else PACKED_LENGTH
        multiple = PACKED_MULTIPLE if is_packed else PADDED_MULTIPLE
        has_gpu = self.args.device.type == "cuda"
        self.layout = Layout(packed_length if is_packed else 0, multiple if has_gpu else 1)

    def measure_row(self, row: Mapping[str, Any]) -> int:
        """Return the tokens that a row takes in a sequence."""
        return len(row["input_ids"])

    def collate(
        self, rows: Sequence[Mapping[str, Any]], sequences: Sequence[Sequence[int]], length: int
    ) -> MicroBatch:
        """Return a micro-batch of rows."""
        tensors = collate_rows(
            rows,
            sequences,
            length=length,
            pad_id=self.processing_class.pad_token_id,
            is_packed=self.layout.capacity > 0,
        )
        runs = list_runs(rows, sequences, length) if self.attends_in_runs else None
        return MicroBatch(tensors, {"tokens": int((tensors["labels"] != IGNORED_LABEL).sum())}, runs)

    def compute_share_of_loss(self, model: Any, batch: MicroBatch, shares: Shares) -> torch.Tensor:
        """Return the part of a micro-batch in the loss of the step."""
        return self.compute_loss(model, {**batch.tensors, **batch.attention_inputs}) * shares["tokens"]


def collate_rows(
    rows: Sequence[Mapping[str, Any]],
    sequences: Sequence[Sequence[int]],
    *,
    length: int,
    pad_id: int,
    is_packed: bool,
) -> dict[str, torch.Tensor]:
    """Return rows as a rectangle of tokens.

    A model finds the boundaries of packed rows from position ids that restart, if there is no attention mask;
    each padding token is a row by itself. Rows that are alone in their sequence need no mask: padding follows
    them.

    Args:
        rows: each with `input_ids` and `labels`.
        sequences: the indices of the rows of each sequence.
        length: tokens of a sequence, padding included.
        pad_id: the id that fills sequences.
        is_packed: whether a sequence may have several rows.

    Returns:
        `input_ids`, `position_ids` and `labels`, all [sequences, length].
    """
    shape = (len(sequences), length)
    ids = torch.full(shape, pad_id)
    labels = torch.full(shape, IGNORED_LABEL)
    positions = torch.zeros(shape, dtype=torch.long)
    if not is_packed:
        positions[:] = torch.arange(length)
    for number, sequence in enumerate(sequences):
        start = 0
        for index in sequence:
            end = start + len(rows[index]["input_ids"])
            ids[number, start:end] = torch.tensor(rows[index]["input_ids"])
            labels[number, start:end] = torch.tensor(rows[index]["labels"])
            # The first token of a row must not be predicted from the row before it.
            labels[number, start] = IGNORED_LABEL
            positions[number, start:end] = torch.arange(end - start)
            start = end
    return {"input_ids": ids, "position_ids": positions, "labels": labels}


def list_runs(
    rows: Sequence[Mapping[str, Any]], sequences: Sequence[Sequence[int]], length: int
) -> PackedRuns:
    """Return the runs of a rectangle: its rows, and the padding of each sequence."""
    runs: list[Run] = []
    for sequence in sequences:
        tokens = [len(rows[i]["input_ids"]) for i in sequence]
        runs += [Run(count) for count in (*tokens, length - sum(tokens))]
    return pack_runs(runs)
