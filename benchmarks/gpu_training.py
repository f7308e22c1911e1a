"""Training on one GPU, the libraries' plain way and gonogo's, on a model's shape with random weights.

Nothing is downloaded: weights are drawn on the GPU and quantised there, layer by layer. What is measured are
steps (forward, backward, optimiser) with the parts that the phases use: TRL's chunked loss, packed rows,
`phases.models.kernels`, LoRA in float32, AdamW in 8 bits. The shape `tiny` runs on a CPU, not quantised.
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
from phases.models import distributed, kernels
from phases.models.kernels import Checkpointing

GIB = 2**30
CARD = 79 * GIB
"""Memory that a measurement may use: that of an 80 GB card, also on a larger one."""
TFLOPS = 790e12
"""What an H100 or H200 makes of bfloat16 matrix products, measured."""
RANK = 32
OURS = "ours: packed rows, chunked loss"
AUTO = (Checkpointing.OFF, Checkpointing.EVERY_SECOND, Checkpointing.ALL)
"""Which layers recompute: the first of these whose largest batch fits."""
FORECAST_NAMES = {Checkpointing.OFF: "off", Checkpointing.EVERY_SECOND: "half", Checkpointing.ALL: "on"}
CPU = torch.device("cpu")
Batch = dict[str, torch.Tensor]


@dataclass(frozen=True)
class Sizes:
    """How long rows are and how many make a batch."""

    shortest: int
    longest: int
    rows: int
    sequences: int
    packed: int
    pairs: int


FULL = Sizes(shortest=64, longest=512, rows=8, sequences=4, packed=1024, pairs=2)
SMALL = Sizes(shortest=8, longest=32, rows=4, sequences=2, packed=64, pairs=2)


def measure(shape: str, seconds: float) -> Iterator[dict[str, Any]]:
    """Yield what was measured, a row at a time: what, engine, tokens_per_second, ceiling and peak_gib.

    Tokens are those of rows: padding is not counted. The ceiling is 6N operations a token. Our ways come
    after one plain one, so that a run that is cut off has them.

    Args:
        shape: one of `benchmarks.gpu_model`.
        seconds: for all five ways; building and trying what fits are not counted.
    """
    device = torch.device("cuda", torch.cuda.current_device()) if torch.cuda.is_available() else CPU
    sizes = SMALL if shape == "tiny" else FULL
    if device.type == "cuda":
        total = torch.cuda.get_device_properties(device).total_memory
        torch.cuda.set_per_process_memory_fraction(min(1.0, CARD / total), device)
    vocabulary = pad = gpu_model.SHAPES[shape]["vocab_size"] - 1
    padded, packed = rows_of(sizes, vocabulary, pad, device), sequences_of(sizes, vocabulary, device)
    pairs = pairs_of(sizes, vocabulary, pad, device)

    started = time.perf_counter()
    run = _Run(shape, device, seconds / 5)
    yield {
        "what": "training: weights drawn and quantised",
        "peak_gib": round(_peak(device) / GIB, 2),
        "predicted_gib": round(gpu_model.memory_shape(shape).weight_bytes / GIB, 2),
        "seconds": round(time.perf_counter() - started, 1),
    }
    yield run.timed("SFT", "naive: padded rows, whole logits", padded, _whole_loss, (Checkpointing.ALL,))
    run.free()

    run = _Run(shape, device, seconds / 5)
    fused = kernels.fuse_layers(run.model.get_base_model())
    note = "fused layers" if fused else "no fused layers: no GPU, or no liger-kernel"
    yield run.timed("SFT", OURS, packed, _chunked_loss, AUTO, note)
    run.add_reference()
    began = time.perf_counter()
    kept = [{**batch, "reference": _answer_logps(run.model, batch)} for batch in pairs]
    rows = sum(len(batch["input_ids"]) for batch in pairs)
    note += f", reference of {rows} rows before in {time.perf_counter() - began:.1f} s"
    yield run.timed("DPO", "ours: reference kept", kept, _dpo_loss, AUTO, note)
    run.free()

    run = _Run(shape, device, seconds / 5)
    yield run.timed("SFT", "TRL: padded rows, chunked loss", padded, _chunked_loss, (Checkpointing.ALL,))
    run.add_reference()
    yield run.timed("DPO", "naive: TRL, reference in each step", pairs, _dpo_loss, (Checkpointing.ALL,))


def ours(shape: str, device: torch.device, seconds: float) -> dict[str, Any]:
    """Return the row of SFT by our way alone; under a launcher, in each of its processes that of all."""
    sizes = SMALL if shape == "tiny" else FULL
    batches = sequences_of(sizes, gpu_model.SHAPES[shape]["vocab_size"] - 1, device)
    run = _Run(shape, device, seconds)
    kernels.fuse_layers(run.model.get_base_model())
    return run.timed("SFT", OURS, batches, _chunked_loss, AUTO)


def _peak(device: torch.device) -> float:
    return float(torch.cuda.max_memory_allocated(device)) if device.type == "cuda" else 0.0


# Batches: the same rows for all, so that what differs is the way


def _lengths(sizes: Sizes, count: int) -> list[int]:
    chance = random.Random(0)
    return [chance.randint(sizes.shortest, sizes.longest) for _ in range(count)]


def rows_of(sizes: Sizes, vocabulary: int, pad: int, device: torch.device) -> list[Batch]:
    """Return batches of rows as they come, padded to the longest of each."""
    lengths = _lengths(sizes, 8 * sizes.rows)
    return [
        _padded(lengths[first : first + sizes.rows], vocabulary, pad, device)
        for first in range(0, len(lengths), sizes.rows)
    ]


def _padded(lengths: Sequence[int], vocabulary: int, pad: int, device: torch.device) -> Batch:
    shape = (len(lengths), max(lengths))
    places = torch.arange(shape[1], device=device).expand(shape)
    ends = torch.tensor(lengths, device=device)[:, None]
    mask = places < ends
    ids = torch.randint(vocabulary, shape, device=device).where(mask, torch.tensor(pad, device=device))
    # The first third of a row is its prompt.
    answer = mask & (places >= ends // 3)
    labels = ids.where(answer, torch.tensor(-100, device=device))
    return {"input_ids": ids, "attention_mask": mask.long(), "labels": labels}


def sequences_of(sizes: Sizes, vocabulary: int, device: torch.device) -> list[Batch]:
    """Return batches of sequences filled with rows, the positions of each row from 0."""
    lengths, positions, starts = iter(itertools.cycle(_lengths(sizes, 512))), [], []
    for _ in range(4 * sizes.sequences):
        sequence: list[int] = []
        prompt: list[bool] = []
        while sizes.packed - len(sequence) >= sizes.shortest:
            length = min(next(lengths), sizes.packed - len(sequence))
            sequence += range(length)
            prompt += [place < max(1, length // 3) for place in range(length)]
        empty = sizes.packed - len(sequence)
        positions.append(sequence + [0] * empty)
        starts.append(prompt + [True] * empty)
    batches = []
    for first in range(0, len(positions), sizes.sequences):
        place = torch.tensor(positions[first : first + sizes.sequences], device=device)
        masked = torch.tensor(starts[first : first + sizes.sequences], device=device)
        ids = torch.randint(vocabulary, place.shape, device=device)
        batches.append({"input_ids": ids, "position_ids": place, "labels": ids.masked_fill(masked, -100)})
    return batches


def pairs_of(sizes: Sizes, vocabulary: int, pad: int, device: torch.device) -> list[Batch]:
    """Return batches of pairs: the chosen rows, then the rejected."""
    lengths = _lengths(sizes, 16 * sizes.pairs)
    count = 2 * sizes.pairs
    return [
        _padded(lengths[first : first + count], vocabulary, pad, device)
        for first in range(0, len(lengths), count)
    ]


def _tokens(batch: Batch) -> int:
    if "attention_mask" in batch:
        return int(batch["attention_mask"].sum())
    place = batch["position_ids"]
    # Padding is single tokens at position 0; rows are longer.
    following = torch.nn.functional.pad(place[:, 1:], (0, 1))
    return int(((place > 0) | (following == 1)).sum())


# Losses


def _whole_loss(model: Any, batch: Batch) -> torch.Tensor:
    return model(**batch, use_cache=False).loss


def _inputs(batch: Batch) -> Batch:
    return {k: v for k, v in batch.items() if k in ("input_ids", "attention_mask", "position_ids")}


def _log_probabilities(model: Any, batch: Batch) -> torch.Tensor:
    """Return the log-probability of each label, zero where there is none, by the kernel of TRL's trainers."""
    base = model.get_base_model()
    hidden = base.model(**_inputs(batch), use_cache=False).last_hidden_state[:, :-1]
    labels = batch["labels"][:, 1:]
    mask = labels != -100
    found = ChunkedLogProbFunction.apply(
        hidden[mask], base.lm_head.weight, None, labels[mask], 1.0, 32768, None, 1.0, ("entropy", "is_top1")
    )[0]
    return found.new_zeros(mask.shape).masked_scatter(mask, found)


def _chunked_loss(model: Any, batch: Batch) -> torch.Tensor:
    return -_log_probabilities(model, batch).sum() / (batch["labels"] != -100).sum()


def _answer_logps(model: Any, batch: Batch) -> torch.Tensor:
    """Return what the model says of each answer, as a reference: [rows]."""
    with torch.no_grad(), _autocast(batch["input_ids"].device):
        return _log_probabilities(model, batch).sum(dim=1)


def _dpo_loss(model: Any, batch: Batch) -> torch.Tensor:
    reference = batch.get("reference")
    if reference is None:  # a frozen copy of the adapter says it in each step
        model.set_adapter("ref")
        reference = _answer_logps(model, batch)
        model.set_adapter("default")
    chosen, rejected = (_log_probabilities(model, batch).sum(dim=1) - reference).chunk(2)
    return -torch.nn.functional.logsigmoid(0.1 * (chosen - rejected)).mean()


# Steps


def _autocast(device: torch.device) -> Any:
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=device.type == "cuda")


class _Loss(torch.nn.Module):  # type: ignore[misc]
    """A model with its loss: what is called, so that DDP sees the backward pass."""

    def __init__(self, model: Any, loss: Callable[[Any, Batch], torch.Tensor]) -> None:
        super().__init__()
        self.model = model
        self.loss = loss

    def forward(self, batch: Batch) -> torch.Tensor:
        return self.loss(self.model, batch)


class _Run:
    """Takes steps with one model and one optimiser."""

    def __init__(self, shape: str, device: torch.device, seconds: float) -> None:
        self.shape = shape
        self.device = device
        self.seconds = seconds
        self.reference = False
        self.ceiling = TFLOPS / (6 * gpu_model.parameters(shape))
        small = device.type == "cpu" or shape == "tiny"
        base = gpu_model.model(
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
        """Hold a frozen copy of the adapter, as TRL does for DPO."""
        self.model.add_adapter("ref", self.model.peft_config["default"])
        self.model.set_adapter("default")
        self.reference = True

    def free(self) -> None:
        """Give the memory back."""
        del self.model, self.optimiser
        gc.collect()
        if self.device.type == "cuda":
            torch.cuda.empty_cache()

    def timed(  # noqa: PLR0917 - a line of the table
        self,
        what: str,
        engine: str,
        batches: Sequence[Batch],
        loss: Callable[[Any, Batch], torch.Tensor],
        choices: Sequence[Checkpointing],
        note: str = "",
    ) -> dict[str, Any]:
        """Return the row of this way: the first choice of recomputing layers whose largest batch fits."""
        largest = max(batches, key=lambda batch: batch["input_ids"].numel())
        began = time.perf_counter()
        for checkpointing in choices:
            kernels.set_activation_checkpointing(self.model, checkpointing)
            self._clean()
            called = self._shared(loss)
            if self._fits(largest, called):
                break
        else:
            return {"what": what, "engine": engine, "note": "out of memory"}
        tokens, steps, started = 0, 0, time.perf_counter()
        for batch in itertools.cycle(batches):
            self._step(batch, called)
            tokens += _tokens(batch) * distributed.world_size()
            steps += 1
            spent = time.perf_counter() - started
            if distributed.any_process(spent >= self.seconds and steps > 1)[0]:
                break
        size = "x".join(map(str, largest["input_ids"].shape))
        notes = (
            f"{size} at most, recomputing: {checkpointing.value}, {steps} steps, "
            f"{started - began:.1f} s to see what fits"
        )
        return {
            "what": what,
            "engine": engine,
            "tokens_per_second": round(tokens / spent, 1),
            "ceiling": round(self.ceiling, 1),
            "peak_gib": round(_peak(self.device) / GIB, 2),
            "predicted_gib": round(self._predicted(largest, checkpointing, loss) / GIB, 2),
            "seconds": round(spent, 1),
            "note": ", ".join(filter(None, (notes, note))),
        }

    def _predicted(
        self, batch: Batch, checkpointing: Checkpointing, loss: Callable[[Any, Batch], torch.Tensor]
    ) -> float:
        """Return the peak that `gonogo check` would predict, without what CUDA takes beside torch."""
        need = estimate_training(
            gpu_model.memory_shape(self.shape),
            tokens=batch["input_ids"].numel(),
            rank=RANK,
            checkpointing=FORECAST_NAMES[checkpointing],
            whole_logits=loss is _whole_loss,
            reference=self.reference,
        )
        return need.total - need.parts["CUDA"]

    def _shared(self, loss: Callable[[Any, Batch], torch.Tensor]) -> torch.nn.Module:
        """Return the loss, its gradients shared by all processes if there are several."""
        called = _Loss(self.model, loss)
        if distributed.world_size() == 1:
            return called
        return torch.nn.parallel.DistributedDataParallel(called)

    def _fits(self, batch: Batch, called: torch.nn.Module) -> bool:
        try:
            self._step(batch, called)
        except torch.OutOfMemoryError:
            return False
        return True

    def _step(self, batch: Batch, called: torch.nn.Module) -> None:
        self.model.train()
        with _autocast(self.device):
            found = called(batch)
        found.backward()
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        if not torch.isfinite(found):
            raise ArithmeticError("the loss is not finite")
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def _clean(self) -> None:
        self.optimiser.zero_grad(set_to_none=True)
        gc.collect()
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats(self.device)
