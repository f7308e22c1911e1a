"""Train optimizer steps that are split into micro-batches, with the result of the complete step.

`batch_size` and `gradient_accumulation` define a step. How many tokens of it the GPU processes at once is up
to the memory (see `phases.training.probe`) and changes the result only by rounding: the loss of each
micro-batch is weighted by its share of the step, and the metrics of TRL are merged with the same weights.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import Any, Final

import torch

from phases.contract.micro_batch import FORWARD_TOKENS, TOKEN_COUNTS, MicroBatchSetting
from phases.models import distributed
from phases.models.packed_attention import PackedRuns
from phases.training.packing import Layout

SMALLEST_FORWARD: Final = 1_024
"""Tokens of the smallest micro-batch without gradients to try when memory runs out."""
UNMERGED_METRIC: Final = "num_tokens"
"""TRL's count of tokens since the start, which is not a mean; gonogo counts tokens itself."""


class RowBatch:
    """The rows of a step on one device: the batch of a data loader, which accelerate passes on unchanged."""

    def __init__(self, rows: Sequence[Mapping[str, Any]]) -> None:
        self.rows = rows

    def __contains__(self, name: str) -> bool:
        """Return False: the trainer looks for tensors of a single model input here."""
        return False


@dataclass(frozen=True)
class MicroBatch:
    """A part of a step that is processed at once.

    Attributes:
        tensors: what the loss is computed from.
        counts: how much of the step this is, in each unit that a loss or metric is a mean over.
        runs: the runs within which the model attends, or None if it finds boundaries itself or takes a mask.
    """

    tensors: Mapping[str, torch.Tensor]
    counts: Mapping[str, int]
    runs: PackedRuns | None = None

    @property
    def attention_inputs(self) -> dict[str, Any]:
        """The inputs of the model that say what attends to what."""
        return {} if self.runs is None else self.runs.as_model_inputs()

    def to(self, device: torch.device) -> "MicroBatch":
        """Return the micro-batch on a device."""
        moved = {name: tensor.to(device, non_blocking=True) for name, tensor in self.tensors.items()}
        return MicroBatch(moved, self.counts, None if self.runs is None else self.runs.to(device))


Shares = Mapping[str, float]
"""For each unit, the share of a micro-batch in the step, times the number of processes to be averaged."""


class MicroBatchTrainer:
    """Mixin of a TRL trainer whose batches are `RowBatch`.

    Attributes:
        layout: how rows become rectangles.
        setting: how a step is split.
        forward_tokens: maximum tokens of a micro-batch without gradients.
        is_sharded: whether each process holds a shard of the model.
        metric_units: the unit over which a metric of TRL is a mean, if not `default_unit`.
    """

    layout: Layout
    setting = MicroBatchSetting(TOKEN_COUNTS[0], 0)
    forward_tokens = FORWARD_TOKENS
    is_sharded = False
    metric_units: Mapping[str, str] = {}
    default_unit: str

    # Of the trainer that this is mixed into.
    accelerator: Any
    args: Any
    callback_handler: Any
    eval_dataset: Any
    train_dataset: Any
    compute_loss_context_manager: Callable[[], Any]
    control: Any
    model: Any
    model_wrapped: Any
    state: Any
    _metrics: dict[str, Any]

    def measure_row(self, row: Mapping[str, Any]) -> int:
        """Return the tokens that a row takes in a sequence."""
        raise NotImplementedError

    def collate(
        self, rows: Sequence[Mapping[str, Any]], sequences: Sequence[Sequence[int]], length: int
    ) -> MicroBatch:
        """Return a micro-batch of rows.

        Args:
            rows: the rows.
            sequences: the indices of the rows of each sequence.
            length: padded tokens of a sequence.
        """
        raise NotImplementedError

    def compute_share_of_loss(self, model: Any, batch: MicroBatch, shares: Shares) -> torch.Tensor:
        """Return the part of a micro-batch in the loss of the step."""
        raise NotImplementedError

    def split_rows(self, rows: Sequence[Mapping[str, Any]], tokens: int) -> Iterator[MicroBatch]:
        """Yield the micro-batches of rows."""
        lengths = [self.measure_row(row) for row in rows]
        for sequences in self.layout.split(lengths, tokens):
            longest = max(sum(lengths[i] for i in sequence) for sequence in sequences)
            yield self.collate(rows, sequences, self.layout.pad(longest))

    def _split_own_rows(self, rows: Sequence[Mapping[str, Any]], own: int, tokens: int) -> list[MicroBatch]:
        """Return the micro-batches of this process's first rows; if it has none, one that counts nothing."""
        if own:
            return list(self.split_rows(rows[:own], tokens))
        batch = next(self.split_rows(rows[:1], tokens))
        return [replace(batch, counts=dict.fromkeys(batch.counts, 0))]

    def training_step(self, model: Any, inputs: RowBatch, num_items_in_batch: object = None) -> torch.Tensor:
        """Add the gradients of a step; return this process's part of its loss."""
        model.train()
        size = self.args.per_device_train_batch_size
        first = self.state.global_step * size * distributed.world_size()
        own = count_own_rows(len(self.train_dataset) - first, size)
        batches = self._split_own_rows(inputs.rows, own, self.setting.tokens)
        loss = self._run(model, batches, self.callback_handler.on_substep_end, with_gradients=True)
        assert loss is not None
        return loss

    def prediction_step(
        self, model: Any, inputs: RowBatch, prediction_loss_only: bool, ignore_keys: object = None
    ) -> tuple[torch.Tensor, None, None]:
        """Return the loss of rows of all processes; it is the same on each.

        If memory runs out in a process, all try smaller micro-batches.
        """
        own = count_own_rows(len(self.eval_dataset), self.args.per_device_eval_batch_size)
        loss = None
        while loss is None:
            batches = self._split_own_rows(inputs.rows, own, self.forward_tokens)
            on_part = self.callback_handler.on_prediction_step
            with torch.no_grad():
                loss = self._run(model, batches, on_part, with_gradients=False)
            if loss is None:
                self.halve_forward_tokens()
        (total,) = distributed.sum_over_processes([loss.item() / distributed.world_size()])
        return torch.tensor(total, device=loss.device), None, None

    def can_halve_forward_tokens(self) -> bool:
        """Return whether smaller micro-batches without gradients may help if memory runs out.

        A process that runs out of memory leaves the others waiting in the middle of a sharded pass.
        """
        return self.forward_tokens > SMALLEST_FORWARD and not self.is_sharded

    def halve_forward_tokens(self) -> None:
        """Use smaller micro-batches without gradients. All processes must call it together."""
        self.forward_tokens //= 2
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def floating_point_ops(self, inputs: RowBatch) -> int:
        """Return 0: the library estimates operations from tensors, and nothing reads them."""
        return 0

    def try_micro_batch(self, batch: MicroBatch) -> None:
        """Run a micro-batch forward and backward without exchanging gradients, which are kept."""
        device_batch = batch.to(self.args.device)
        everything = dict.fromkeys(batch.counts, 1.0)
        with self.accelerator.no_sync(self.model_wrapped), gather_nothing(self.accelerator):
            with self.compute_loss_context_manager():
                loss = self.compute_share_of_loss(self.model_wrapped, device_batch, everything)
            self.accelerator.backward(loss)

    def compute_shares(self, batches: Sequence[MicroBatch]) -> list[Shares]:
        """Return the shares of each micro-batch in the step of all processes."""
        units = sorted(batches[0].counts)
        sums = [float(sum(batch.counts[unit] for batch in batches)) for unit in units]
        totals = dict(zip(units, distributed.sum_over_processes(sums), strict=True))
        processes = distributed.world_size()
        return [
            {unit: processes * count / max(1.0, totals[unit]) for unit, count in batch.counts.items()}
            for batch in batches
        ]

    def _run(
        self,
        model: Any,
        batches: Sequence[MicroBatch],
        on_part: Callable[[Any, Any, Any], Any],
        *,
        with_gradients: bool,
    ) -> torch.Tensor | None:
        """Compute micro-batches and merge their metrics; return the sum of their losses.

        `on_part` is called after each micro-batch but the last. Without gradients, None is returned if memory
        ran out in any process.
        """
        mode = "train" if model.training else "eval"
        shares = self.compute_shares(batches)
        nothing = dict.fromkeys(shares[0], 0.0)
        # All processes make the same number of passes, because gradients and sharded layers are exchanged.
        passes = distributed.find_largest_over_processes(len(batches))
        device = self.args.device
        loss_sum = torch.zeros((), device=device)
        earlier, metrics = self._metrics[mode], defaultdict[str, float](float)
        for number in range(passes):
            is_extra = number >= len(batches)
            batch = batches[-1 if is_extra else number].to(device)
            share = nothing if is_extra else shares[number]
            self._metrics[mode] = defaultdict(list)
            is_last = number == passes - 1
            # The last micro-batch averages the gradients over the processes.
            self.accelerator.gradient_state._set_sync_gradients(is_last)
            is_out_of_memory = False
            try:
                with nullcontext() if is_last else self.accelerator.no_sync(model):
                    with self.compute_loss_context_manager(), gather_nothing(self.accelerator):
                        loss = self.compute_share_of_loss(model, batch, share)
                    if with_gradients:
                        self.accelerator.backward(loss)
            except torch.OutOfMemoryError:
                if with_gradients or not self.can_halve_forward_tokens():
                    raise
                is_out_of_memory = True
            if not with_gradients and distributed.reduce_any(is_out_of_memory)[0]:
                self._metrics[mode] = earlier
                return None
            for name, values in self._metrics[mode].items():
                metrics[name] += sum(values) * share[self.metric_units.get(name, self.default_unit)]
            loss_sum += loss.detach()
            if not is_last:
                self.control = on_part(self.args, self.state, self.control)
        self._metrics[mode] = earlier
        metrics.pop(UNMERGED_METRIC, None)
        names = sorted(metrics)
        sums = distributed.sum_over_processes([metrics[name] for name in names])
        for name, value in zip(names, sums, strict=True):
            earlier[name].append(value / distributed.world_size())
        return loss_sum


def count_own_rows(remaining: int, size: int) -> int:
    """Return how many rows of its batch this process must count.

    accelerate completes the last batches of all processes with rows from the beginning of the dataset.

    Args:
        remaining: rows of the dataset from the first one of this step on.
        size: rows of a batch of each process.
    """
    return min(size, max(0, remaining - distributed.rank() * size))


@contextmanager
def gather_nothing(accelerator: Any) -> Iterator[None]:
    """Make TRL's metrics those of this process: micro-batches of different sizes cannot be gathered."""
    accelerator.gather = accelerator.gather_for_metrics = _return_values
    try:
        yield
    finally:
        del accelerator.gather, accelerator.gather_for_metrics


def _return_values(values: Any, *more: object, **options: object) -> Any:
    return values
