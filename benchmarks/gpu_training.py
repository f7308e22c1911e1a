"""Training steps on one GPU with random weights: the libraries' defaults against the phases' trainers.

Weights are drawn and quantized on the GPU layer by layer. A step of the defaults is forward, backward and
optimizer over padded rows, with all layers recomputed. The shape `tiny` runs on a CPU without quantization.
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
from benchmarks import gpu_model, gpu_packed
from phases.contract.micro_batch import MicroBatchSetting
from phases.models import kernels

GIB = 2**30
MEMORY_LIMIT = 79 * GIB
"""Memory that a measurement may use: that of an 80 GB card, also on a larger card."""
RANK = 32
CPU = torch.device("cpu")
Batch = dict[str, torch.Tensor]


@dataclass(frozen=True)
class BatchSizes:
    """Lengths of rows in tokens, and rows per batch."""

    shortest: int
    longest: int
    rows: int
    pairs: int


FULL = BatchSizes(shortest=64, longest=512, rows=8, pairs=2)
SMALL = BatchSizes(shortest=8, longest=32, rows=4, pairs=2)


def measure(shape: str, seconds: float) -> Iterator[dict[str, Any]]:
    """Yield a row for each training method: what, engine, tokens_per_second, ceiling and peak_gib.

    Padding tokens are not counted. The ceiling is 4N operations per token, 6N where all layers recompute.
    Ours come second, so that an interrupted run includes them.

    Args:
        shape: a shape of `benchmarks.gpu_model`.
        seconds: the time for all methods, without building models and finding the largest micro-batch.
    """
    device = torch.device("cuda", torch.cuda.current_device()) if torch.cuda.is_available() else CPU
    sizes = SMALL if shape == "tiny" else FULL
    if device.type == "cuda":
        total = torch.cuda.get_device_properties(device).total_memory
        torch.cuda.set_per_process_memory_fraction(min(1.0, MEMORY_LIMIT / total), device)
    vocabulary = pad = gpu_model.SHAPES[shape]["vocab_size"] - 1
    padded = make_padded_batches(sizes, vocabulary, pad, device)
    pairs = make_pair_batches(sizes, vocabulary, pad, device)

    start = time.perf_counter()
    run = _TrainingRun(shape, device, seconds / 6)
    yield {
        "what": "training: weights drawn and quantised",
        "peak_gib": round(_read_peak(device) / GIB, 2),
        "predicted_gib": round(gpu_model.load_memory_shape(shape).weight_bytes / GIB, 2),
        "seconds": round(time.perf_counter() - start, 1),
    }
    yield run.measure("SFT", "naive: padded rows, whole logits", padded, _compute_full_logits_loss)
    run.free()
    yield from gpu_packed.measure(shape, seconds / 2)
    run = _TrainingRun(shape, device, seconds / 6)
    yield run.measure("SFT", "TRL: padded rows, chunked loss", padded, _compute_chunked_loss)
    run.add_reference()
    yield run.measure("DPO", "naive: TRL, reference in each step", pairs, _compute_dpo_loss)


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


def make_pair_batches(sizes: BatchSizes, vocabulary: int, pad: int, device: torch.device) -> list[Batch]:
    """Return batches of pairs: the chosen rows, then the rejected ones."""
    lengths = _draw_lengths(sizes, 16 * sizes.pairs)
    count = 2 * sizes.pairs
    return [
        _make_padded_batch(lengths[first : first + count], vocabulary, pad, device)
        for first in range(0, len(lengths), count)
    ]


def _count_tokens(batch: Batch) -> int:
    return int(batch["attention_mask"].sum())


def _compute_full_logits_loss(model: Any, batch: Batch) -> torch.Tensor:
    return model(**batch, use_cache=False).loss


def _select_model_inputs(batch: Batch) -> Batch:
    return {k: v for k, v in batch.items() if k in ("input_ids", "attention_mask", "position_ids")}


def _compute_log_probabilities(model: Any, batch: Batch) -> torch.Tensor:
    """Return the log-probability of each label, zero without one, from the kernel of TRL's trainers."""
    base = model.get_base_model()
    hidden = base.model(**_select_model_inputs(batch), use_cache=False).last_hidden_state[:, :-1]
    labels = batch["labels"][:, 1:]
    mask = labels != -100
    log_probabilities = ChunkedLogProbFunction.apply(
        hidden[mask], base.lm_head.weight, None, labels[mask], 1.0, 32768, None, 1.0, ("entropy", "is_top1")
    )[0]
    return log_probabilities.new_zeros(mask.shape).masked_scatter(mask, log_probabilities)


def _compute_chunked_loss(model: Any, batch: Batch) -> torch.Tensor:
    return -_compute_log_probabilities(model, batch).sum() / (batch["labels"] != -100).sum()


def _compute_reference(model: Any, batch: Batch) -> torch.Tensor:
    """Return the reference log-probability of each answer, of shape [rows]."""
    with torch.no_grad(), _autocast(batch["input_ids"].device):
        return _compute_log_probabilities(model, batch).sum(dim=1)


def _compute_dpo_loss(model: Any, batch: Batch) -> torch.Tensor:
    reference = batch.get("reference")
    if reference is None:  # compute it in each step with the frozen copy of the adapter
        model.set_adapter("ref")
        reference = _compute_reference(model, batch)
        model.set_adapter("default")
    chosen, rejected = (_compute_log_probabilities(model, batch).sum(dim=1) - reference).chunk(2)
    return -torch.nn.functional.logsigmoid(0.1 * (chosen - rejected)).mean()


def _autocast(device: torch.device) -> Any:
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=device.type == "cuda")


class _TrainingRun:
    """Takes training steps with one model and one optimizer."""

    def __init__(self, shape: str, device: torch.device, seconds: float) -> None:
        self.shape = shape
        self.device = device
        self.seconds = seconds
        self.has_reference = False
        small = device.type == "cpu" or shape == "tiny"
        base = gpu_model.build_model(
            shape,
            str(device),
            nf4=not small,
            dtype="float32" if small else "bfloat16",
        )
        lora = LoraConfig(r=RANK, lora_alpha=RANK, target_modules="all-linear", task_type="CAUSAL_LM")
        self.model: Any = get_peft_model(base, lora)
        trained = [p for p in self.model.parameters() if p.requires_grad]
        if device.type == "cuda":
            import bitsandbytes as bnb

            self.optimizer: Any = bnb.optim.PagedAdamW8bit(trained, lr=1e-5)
        else:
            self.optimizer = torch.optim.AdamW(trained, lr=1e-5)

    def add_reference(self) -> None:
        """Add a frozen copy of the adapter, like TRL for DPO."""
        self.model.add_adapter("ref", self.model.peft_config["default"])
        self.model.set_adapter("default")
        self.has_reference = True

    def free(self) -> None:
        """Release the memory."""
        del self.model, self.optimizer
        gc.collect()
        if self.device.type == "cuda":
            torch.cuda.empty_cache()

    def measure(
        self, what: str, engine: str, batches: Sequence[Batch], loss: Callable[[Any, Batch], torch.Tensor]
    ) -> dict[str, Any]:
        """Return the row of this method, with all layers recomputed."""
        largest = max(batches, key=lambda batch: batch["input_ids"].numel())
        layers = kernels.count_layers(self.model)
        kernels.set_activation_checkpointing(self.model, layers)
        self._clear_memory()
        try:
            self._take_step(largest, loss)
        except torch.OutOfMemoryError:
            return {"what": what, "engine": engine, "note": "out of memory"}
        tokens, steps, measuring = 0, 0, time.perf_counter()
        elapsed = 0.0
        for batch in itertools.cycle(batches):
            self._take_step(batch, loss)
            tokens += _count_tokens(batch)
            steps += 1
            elapsed = time.perf_counter() - measuring
            if elapsed >= self.seconds and steps > 1:
                break
        need = estimate_training(
            gpu_model.load_memory_shape(self.shape),
            setting=MicroBatchSetting(largest["input_ids"].numel(), layers),
            rank=RANK,
            fused=False,
            whole_logits=loss is _compute_full_logits_loss,
            reference=self.has_reference,
        )
        size = "x".join(map(str, largest["input_ids"].shape))
        operations = (gpu_packed.count_operations(self.shape, share) for share in (0, 1))
        ceiling, recomputed = (round(gpu_packed.MEASURED_FLOPS / count, 1) for count in operations)
        return {
            "what": what,
            "engine": engine,
            "tokens_per_second": round(tokens / elapsed, 1),
            "ceiling": ceiling,
            "ceiling_recomputed": recomputed,
            "peak_gib": round(_read_peak(self.device) / GIB, 2),
            "predicted_gib": round((need.total - need.parts["CUDA"]) / GIB, 2),
            "seconds": round(elapsed, 1),
            "note": f"{size} at most, all {layers} layers recompute, {steps} steps",
        }

    def _take_step(self, batch: Batch, compute_loss: Callable[[Any, Batch], torch.Tensor]) -> None:
        self.model.train()
        with _autocast(self.device):
            loss = compute_loss(self.model, batch)
        loss.backward()
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        if not torch.isfinite(loss):
            raise ArithmeticError("the loss is not finite")
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def _clear_memory(self) -> None:
        self.optimizer.zero_grad(set_to_none=True)
        gc.collect()
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats(self.device)
