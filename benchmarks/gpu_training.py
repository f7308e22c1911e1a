"""Training steps on one GPU with random weights: the libraries' defaults against gonogo's settings.

Weights are drawn and quantised on the GPU layer by layer. A step is forward, backward and optimiser with the
parts that the phases use: TRL's chunked loss, packed rows, `phases.models.kernels`, LoRA in float32 and 8-bit
AdamW. The shape `tiny` runs on a CPU without quantisation.
"""

import gc
import itertools
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from trl.kernels import ChunkedLogProbFunction

from app.memory.formulas import estimate_training
from benchmarks import gpu_model
from phases.contract.micro_batch import MicroBatchSetting
from phases.models import distributed, kernels

GIB = 2**30
MEMORY_LIMIT = 79 * GIB
"""Memory that a measurement may use: that of an 80 GB card, also on a larger card."""
MEASURED_FLOPS = 790e12
"""Measured bfloat16 matrix products of an H100 or H200, in operations per second."""
RANK = 32
PACKED = "ours: packed rows, chunked loss"
RECOMPUTED_SHARES = (0.0, 0.25, 0.5, 1.0)
"""Shares of the layers that recompute their activations: the first with which the largest batch fits."""
CPU = torch.device("cpu")
Batch = dict[str, torch.Tensor]


@dataclass(frozen=True)
class BatchSizes:
    """Lengths of rows in tokens, and rows per batch."""

    shortest: int
    longest: int
    rows: int
    sequences: int
    packed: int
    pairs: int


FULL = BatchSizes(shortest=64, longest=512, rows=8, sequences=4, packed=1024, pairs=2)
SMALL = BatchSizes(shortest=8, longest=32, rows=4, sequences=2, packed=64, pairs=2)


def measure(shape: str, seconds: float) -> Iterator[dict[str, Any]]:
    """Yield a row for each way of training: what, engine, tokens_per_second, ceiling and peak_gib.

    Padding tokens are not counted. The ceiling is 6N operations per token. Our settings come second, so that
    an interrupted run includes them.

    Args:
        shape: a shape of `benchmarks.gpu_model`.
        seconds: the time for all five ways, without building models and finding what fits.
    """
    device = torch.device("cuda", torch.cuda.current_device()) if torch.cuda.is_available() else CPU
    sizes = SMALL if shape == "tiny" else FULL
    if device.type == "cuda":
        total = torch.cuda.get_device_properties(device).total_memory
        torch.cuda.set_per_process_memory_fraction(min(1.0, MEMORY_LIMIT / total), device)
    vocabulary = pad = gpu_model.SHAPES[shape]["vocab_size"] - 1
    padded, packed = (
        make_padded_batches(sizes, vocabulary, pad, device),
        make_packed_batches(sizes, vocabulary, device),
    )
    pairs = make_pair_batches(sizes, vocabulary, pad, device)

    start = time.perf_counter()
    run = _TrainingRun(shape, device, seconds / 5)
    yield {
        "what": "training: weights drawn and quantised",
        "peak_gib": round(_read_peak(device) / GIB, 2),
        "predicted_gib": round(gpu_model.load_memory_shape(shape).weight_bytes / GIB, 2),
        "seconds": round(time.perf_counter() - start, 1),
    }
    yield run.measure("SFT", "naive: padded rows, whole logits", padded, _full_logits_loss, (1.0,))
    run.free()

    run = _TrainingRun(shape, device, seconds / 5)
    fused = kernels.fuse_layers(run.model.get_base_model())
    note = "fused layers" if fused else "no fused layers: no GPU, or no liger-kernel"
    yield run.measure("SFT", PACKED, packed, _chunked_loss, RECOMPUTED_SHARES, note)
    run.add_reference()
    start = time.perf_counter()
    with_reference = [{**batch, "reference": _compute_reference(run.model, batch)} for batch in pairs]
    rows = sum(len(batch["input_ids"]) for batch in pairs)
    note += f", reference of {rows} rows before in {time.perf_counter() - start:.1f} s"
    yield run.measure("DPO", "ours: reference kept", with_reference, _dpo_loss, RECOMPUTED_SHARES, note)
    run.free()

    run = _TrainingRun(shape, device, seconds / 5)
    yield run.measure("SFT", "TRL: padded rows, chunked loss", padded, _chunked_loss, (1.0,))
    run.add_reference()
    yield run.measure("DPO", "naive: TRL, reference in each step", pairs, _dpo_loss, (1.0,))


def measure_packed_sft(shape: str, device: torch.device, seconds: float) -> dict[str, Any]:
    """Return the row of SFT with our settings; under a launcher, each process counts the tokens of all."""
    sizes = SMALL if shape == "tiny" else FULL
    batches = make_packed_batches(sizes, gpu_model.SHAPES[shape]["vocab_size"] - 1, device)
    run = _TrainingRun(shape, device, seconds)
    kernels.fuse_layers(run.model.get_base_model())
    return run.measure("SFT", PACKED, batches, _chunked_loss, RECOMPUTED_SHARES)


def _read_peak(device: torch.device) -> float:
    return float(torch.cuda.max_memory_allocated(device)) if device.type == "cuda" else 0.0


def _draw_lengths(sizes: BatchSizes, count: int) -> list[int]:
    rng = random.Random(0)
    return [rng.randint(sizes.shortest, sizes.longest) for _ in range(count)]


def make_padded_batches(sizes: BatchSizes, vocabulary: int, pad: int, device: torch.device) -> list[Batch]:
    """Return batches of rows in random order, padded to the longest row of each batch."""
    lengths = _draw_lengths(sizes, 8 * sizes.rows)
    return [
        _make_padded_batch(lengths[first : first + sizes.rows], vocabulary, pad, device)
        for first in range(0, len(lengths), sizes.rows)
    ]


def _make_padded_batch(lengths: Sequence[int], vocabulary: int, pad: int, device: torch.device) -> Batch:
    shape = (len(lengths), max(lengths))
    positions = torch.arange(shape[1], device=device).expand(shape)
    ends = torch.tensor(lengths, device=device)[:, None]
    mask = positions < ends
    ids = torch.randint(vocabulary, shape, device=device).where(mask, torch.tensor(pad, device=device))
    # The first third of a row is its prompt.
    answer = mask & (positions >= ends // 3)
    labels = ids.where(answer, torch.tensor(-100, device=device))
    return {"input_ids": ids, "attention_mask": mask.long(), "labels": labels}


def make_packed_batches(sizes: BatchSizes, vocabulary: int, device: torch.device) -> list[Batch]:
    """Return batches of sequences filled with rows; the positions of each row start at 0."""
    lengths = itertools.cycle(_draw_lengths(sizes, 512))
    positions, prompt_masks = [], []
    for _ in range(4 * sizes.sequences):
        sequence: list[int] = []
        is_prompt: list[bool] = []
        while sizes.packed - len(sequence) >= sizes.shortest:
            length = min(next(lengths), sizes.packed - len(sequence))
            sequence += range(length)
            is_prompt += [position < max(1, length // 3) for position in range(length)]
        padding = sizes.packed - len(sequence)
        positions.append(sequence + [0] * padding)
        prompt_masks.append(is_prompt + [True] * padding)
    batches = []
    for first in range(0, len(positions), sizes.sequences):
        position_ids = torch.tensor(positions[first : first + sizes.sequences], device=device)
        masked = torch.tensor(prompt_masks[first : first + sizes.sequences], device=device)
        ids = torch.randint(vocabulary, position_ids.shape, device=device)
        labels = ids.masked_fill(masked, -100)
        batches.append({"input_ids": ids, "position_ids": position_ids, "labels": labels})
    return batches


def make_pair_batches(sizes: BatchSizes, vocabulary: int, pad: int, device: torch.device) -> list[Batch]:
    """Return batches of pairs: the chosen rows, then the rejected ones."""
    lengths = _draw_lengths(sizes, 16 * sizes.pairs)
    count = 2 * sizes.pairs
    return [
        _make_padded_batch(lengths[first : first + count], vocabulary, pad, device)
        for first in range(0, len(lengths), count)
    ]


def _count_tokens(batch: Batch) -> int:
    if "attention_mask" in batch:
        return int(batch["attention_mask"].sum())
    positions = batch["position_ids"]
    # Padding consists of single tokens at position 0; rows are longer.
    following = torch.nn.functional.pad(positions[:, 1:], (0, 1))
    return int(((positions > 0) | (following == 1)).sum())


def _full_logits_loss(model: Any, batch: Batch) -> torch.Tensor:
    return model(**batch, use_cache=False).loss


def _model_inputs(batch: Batch) -> Batch:
    return {k: v for k, v in batch.items() if k in ("input_ids", "attention_mask", "position_ids")}


def _log_probabilities(model: Any, batch: Batch) -> torch.Tensor:
    """Return the log-probability of each label, zero without one, from the kernel of TRL's trainers."""
    base = model.get_base_model()
    hidden = base.model(**_model_inputs(batch), use_cache=False).last_hidden_state[:, :-1]
    labels = batch["labels"][:, 1:]
    mask = labels != -100
    log_probabilities = ChunkedLogProbFunction.apply(
        hidden[mask], base.lm_head.weight, None, labels[mask], 1.0, 32768, None, 1.0, ("entropy", "is_top1")
    )[0]
    return log_probabilities.new_zeros(mask.shape).masked_scatter(mask, log_probabilities)


def _chunked_loss(model: Any, batch: Batch) -> torch.Tensor:
    return -_log_probabilities(model, batch).sum() / (batch["labels"] != -100).sum()


def _compute_reference(model: Any, batch: Batch) -> torch.Tensor:
    """Return the reference log-probability of each answer, of shape [rows]."""
    with torch.no_grad(), _autocast(batch["input_ids"].device):
        return _log_probabilities(model, batch).sum(dim=1)


def _dpo_loss(model: Any, batch: Batch) -> torch.Tensor:
    reference = batch.get("reference")
    if reference is None:  # compute it in each step with the frozen copy of the adapter
        model.set_adapter("ref")
        reference = _compute_reference(model, batch)
        model.set_adapter("default")
    chosen, rejected = (_log_probabilities(model, batch).sum(dim=1) - reference).chunk(2)
    return -torch.nn.functional.logsigmoid(0.1 * (chosen - rejected)).mean()


def _autocast(device: torch.device) -> Any:
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=device.type == "cuda")


class _ModelWithLoss(torch.nn.Module):  # type: ignore[misc]
    """A model and its loss in one module, so that DDP sees the backward pass."""

    def __init__(self, model: Any, loss: Callable[[Any, Batch], torch.Tensor]) -> None:
        super().__init__()
        self.model = model
        self.loss = loss

    def forward(self, batch: Batch) -> torch.Tensor:
        return self.loss(self.model, batch)


class _TrainingRun:
    """Takes training steps with one model and one optimiser."""

    def __init__(self, shape: str, device: torch.device, seconds: float) -> None:
        self.shape = shape
        self.device = device
        self.seconds = seconds
        self.has_reference = False
        self.ceiling = MEASURED_FLOPS / (6 * gpu_model.count_parameters(shape))
        small = device.type == "cpu" or shape == "tiny"
        base = gpu_model.build_model(
            shape,
            str(device),
            nf4=not small,
            dtype="float32" if small else "bfloat16",
            attention=kernels.find_flash_attention(),
        )
        lora = LoraConfig(r=RANK, lora_alpha=RANK, target_modules="all-linear", task_type="CAUSAL_LM")
        self.model: Any = get_peft_model(base, lora)
        trained = [p for p in self.model.parameters() if p.requires_grad]
        if device.type == "cuda":
            import bitsandbytes as bnb

            self.optimiser: Any = bnb.optim.PagedAdamW8bit(trained, lr=1e-5)
        else:
            self.optimiser = torch.optim.AdamW(trained, lr=1e-5)

    def add_reference(self) -> None:
        """Add a frozen copy of the adapter, like TRL for DPO."""
        self.model.add_adapter("ref", self.model.peft_config["default"])
        self.model.set_adapter("default")
        self.has_reference = True

    def free(self) -> None:
        """Release the memory."""
        del self.model, self.optimiser
        gc.collect()
        if self.device.type == "cuda":
            torch.cuda.empty_cache()

    def measure(  # noqa: PLR0917 - the cells of a table row
        self,
        what: str,
        engine: str,
        batches: Sequence[Batch],
        loss: Callable[[Any, Batch], torch.Tensor],
        choices: Sequence[float],
        note: str = "",
    ) -> dict[str, Any]:
        """Return the row of this way, with the first share of recomputed layers that fits."""
        largest = max(batches, key=lambda batch: batch["input_ids"].numel())
        start = time.perf_counter()
        for share in choices:
            recomputed = round(share * kernels.count_layers(self.model))
            kernels.set_activation_checkpointing(self.model, recomputed)
            self._clear_memory()
            module = self._wrap(loss)
            if self._fits(largest, module):
                break
        else:
            return {"what": what, "engine": engine, "note": "out of memory"}
        tokens, steps, measuring = 0, 0, time.perf_counter()
        for batch in itertools.cycle(batches):
            self._take_step(batch, module)
            tokens += _count_tokens(batch) * distributed.world_size()
            steps += 1
            elapsed = time.perf_counter() - measuring
            if distributed.any_process(elapsed >= self.seconds and steps > 1)[0]:
                break
        size = "x".join(map(str, largest["input_ids"].shape))
        notes = (
            f"{size} at most, recomputing: {recomputed} layers, {steps} steps, "
            f"{measuring - start:.1f} s to see what fits"
        )
        return {
            "what": what,
            "engine": engine,
            "tokens_per_second": round(tokens / elapsed, 1),
            "ceiling": round(self.ceiling, 1),
            "peak_gib": round(_read_peak(self.device) / GIB, 2),
            "predicted_gib": round(self._predict(largest, recomputed, loss) / GIB, 2),
            "seconds": round(elapsed, 1),
            "note": ", ".join(filter(None, (notes, note))),
        }

    def _predict(self, batch: Batch, recomputed: int, loss: Callable[[Any, Batch], torch.Tensor]) -> float:
        """Return the peak that `gonogo check` predicts, without the memory of CUDA itself."""
        need = estimate_training(
            gpu_model.load_memory_shape(self.shape),
            setting=MicroBatchSetting(batch["input_ids"].numel(), recomputed),
            rank=RANK,
            fused=False,
            whole_logits=loss is _full_logits_loss,
            reference=self.has_reference,
        )
        return need.total - need.parts["CUDA"]

    def _wrap(self, loss: Callable[[Any, Batch], torch.Tensor]) -> torch.nn.Module:
        """Return the model with its loss; with several processes, DDP averages the gradients."""
        module = _ModelWithLoss(self.model, loss)
        if distributed.world_size() == 1:
            return module
        return torch.nn.parallel.DistributedDataParallel(module)

    def _fits(self, batch: Batch, module: torch.nn.Module) -> bool:
        try:
            self._take_step(batch, module)
        except torch.OutOfMemoryError:
            return False
        return True

    def _take_step(self, batch: Batch, module: torch.nn.Module) -> None:
        self.model.train()
        with _autocast(self.device):
            loss = module(batch)
        loss.backward()
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        if not torch.isfinite(loss):
            raise ArithmeticError("the loss is not finite")
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def _clear_memory(self) -> None:
        self.optimiser.zero_grad(set_to_none=True)
        gc.collect()
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats(self.device)
