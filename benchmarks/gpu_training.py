"""Training on one GPU, the libraries' plain way and gonogo's, on a model's shape with random weights.

Nothing is downloaded: weights are drawn on the GPU and quantised there, layer by layer. What is measured are
steps (forward, backward, optimiser) with the parts that the phases use: TRL's chunked loss, packed rows,
`phases.common.kernels`, LoRA in float32, AdamW in 8 bits. The shape `tiny` runs on a CPU, not quantised.
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
from transformers import Qwen2ForCausalLM
from trl.kernels import ChunkedLogProbFunction

from benchmarks import gpu_model
from phases.common import kernels

GIB = 2**30
CARD = 79 * GIB
"""Memory that a measurement may use: that of an 80 GB card, also on a larger one."""
TFLOPS = 790e12
"""What an H100 or H200 makes of bfloat16 matrix products, measured."""
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

    Tokens are those of rows: padding is not counted. The ceiling is 6N operations a token.

    Args:
        shape: one of `benchmarks.gpu_model`.
        seconds: for all rows; building and warming up are not counted.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    sizes = SMALL if shape == "tiny" else FULL
    if device.type == "cuda":
        total = torch.cuda.get_device_properties(device).total_memory
        torch.cuda.set_per_process_memory_fraction(min(1.0, CARD / total), 0)

    started = time.perf_counter()
    base = build(shape, device)
    yield {
        "what": "training: weights drawn and quantised",
        "peak_gib": round(_peak(device) / GIB, 2),
        "seconds": round(time.perf_counter() - started, 1),
    }
    lora = LoraConfig(r=32, lora_alpha=32, target_modules="all-linear", task_type="CAUSAL_LM")
    model = get_peft_model(base, lora)
    model.add_adapter("ref", lora)
    model.set_adapter("default")
    run = _Run(model, device, seconds / 5, TFLOPS / (6 * gpu_model.parameters(shape)))

    vocabulary = pad = base.config.vocab_size - 1
    padded, packed = rows_of(sizes, vocabulary, pad, device), sequences_of(sizes, vocabulary, device)
    pairs = pairs_of(sizes, vocabulary, pad, device)
    yield run.timed("SFT", "naive: padded rows, whole logits", padded, _whole_loss, (kernels.ALL,))
    yield run.timed("SFT", "TRL: padded rows, chunked loss", padded, _chunked_loss, (kernels.ALL,))
    yield run.timed("DPO", "naive: TRL, reference in each step", pairs, _dpo_loss, (kernels.ALL,))
    fused = kernels.fuse_layers(base)
    auto = (kernels.NEVER, kernels.HALF, kernels.ALL)
    note = "fused layers" if fused else "no fused layers: no GPU, or no liger-kernel"
    yield run.timed("SFT", "ours: packed rows, chunked loss", packed, _chunked_loss, auto, note)
    kept = [{**batch, "reference": _answer_logps(model, batch)} for batch in pairs]
    yield run.timed("DPO", "ours: reference kept", kept, _dpo_loss, auto, note)


def _peak(device: torch.device) -> float:
    return float(torch.cuda.max_memory_allocated(device)) if device.type == "cuda" else 0.0


def build(shape: str, device: torch.device) -> Any:
    """Return a model of that shape with random weights: NF4 on a GPU, float32 on a CPU."""
    config = gpu_model.config(shape)
    config._attn_implementation = kernels.attention() or "sdpa"
    torch.manual_seed(0)
    if device.type == "cpu" or shape == "tiny":
        return Qwen2ForCausalLM(config).to(device)
    import bitsandbytes as bnb

    with torch.device("meta"):
        model = Qwen2ForCausalLM(config).to(torch.bfloat16)
    for layer in model.model.layers:
        for block in (layer.self_attn, layer.mlp):
            for name, old in list(block.named_children()):
                if isinstance(old, torch.nn.Linear):
                    setattr(block, name, _quantised(old, bnb, device))
    for module in model.modules():
        for name, parameter in list(module.named_parameters(recurse=False)):
            if parameter.is_meta:
                drawn = torch.empty(parameter.shape, dtype=torch.bfloat16, device=device)
                drawn = drawn.fill_(1.0) if drawn.dim() == 1 else drawn.normal_(std=0.02)
                setattr(module, name, torch.nn.Parameter(drawn, requires_grad=False))
    model.model.rotary_emb = type(model.model.rotary_emb)(config=config).to(device)
    model.is_loaded_in_4bit = True  # what PEFT looks at
    return model.requires_grad_(False)


def _quantised(old: torch.nn.Linear, bnb: Any, device: torch.device) -> Any:
    new = bnb.nn.Linear4bit(
        old.in_features,
        old.out_features,
        bias=old.bias is not None,
        compute_dtype=torch.bfloat16,
        compress_statistics=True,
        quant_type="nf4",
        device="meta",
    )
    weight = torch.empty(old.out_features, old.in_features, dtype=torch.bfloat16, device=device)
    new.weight = bnb.nn.Params4bit(
        weight.normal_(std=0.02), requires_grad=False, compress_statistics=True, quant_type="nf4", module=new
    ).to(device)
    if old.bias is not None:
        zeros = torch.zeros(old.out_features, dtype=torch.bfloat16, device=device)
        new.bias = torch.nn.Parameter(zeros, requires_grad=False)
    return new


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
    """Return what the reference says of each answer."""
    model.set_adapter("ref")
    with torch.no_grad(), _autocast(batch["input_ids"].device):
        found = _log_probabilities(model, batch).sum(dim=1)
    model.set_adapter("default")
    return found


def _dpo_loss(model: Any, batch: Batch) -> torch.Tensor:
    reference = batch["reference"] if "reference" in batch else _answer_logps(model, batch)
    chosen, rejected = (_log_probabilities(model, batch).sum(dim=1) - reference).chunk(2)
    return -torch.nn.functional.logsigmoid(0.1 * (chosen - rejected)).mean()


# Steps


def _autocast(device: torch.device) -> Any:
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=device.type == "cuda")


class _Run:
    """Takes steps with one model and one optimiser."""

    def __init__(self, model: Any, device: torch.device, seconds: float, ceiling: float) -> None:
        self.model = model
        self.device = device
        self.seconds = seconds
        self.ceiling = ceiling
        trained = [p for p in model.parameters() if p.requires_grad]
        if device.type == "cuda":
            import bitsandbytes as bnb

            self.optimiser: Any = bnb.optim.PagedAdamW8bit(trained, lr=1e-5)
        else:
            self.optimiser = torch.optim.AdamW(trained, lr=1e-5)

    def timed(  # noqa: PLR0917 - a line of the table
        self,
        what: str,
        engine: str,
        batches: Sequence[Batch],
        loss: Callable[[Any, Batch], torch.Tensor],
        choices: Sequence[int],
        note: str = "",
    ) -> dict[str, Any]:
        """Return the row of this way: the first choice of recomputing layers whose largest batch fits."""
        largest = max(batches, key=lambda batch: batch["input_ids"].numel())
        for every in choices:
            kernels.recompute(self.model, every)
            self._clean()
            if self._fits(largest, loss):
                break
        else:
            return {"what": what, "engine": engine, "note": "out of memory"}
        tokens, steps, started = 0, 0, time.perf_counter()
        for batch in itertools.cycle(batches):
            self._step(batch, loss)
            tokens += _tokens(batch)
            steps += 1
            spent = time.perf_counter() - started
            if spent >= self.seconds and steps > 1:
                break
        size = "x".join(map(str, largest["input_ids"].shape))
        notes = f"{size} at most, recomputing: {kernels.CHECKPOINTING[every]}, {steps} steps"
        return {
            "what": what,
            "engine": engine,
            "tokens_per_second": round(tokens / spent, 1),
            "ceiling": round(self.ceiling, 1),
            "peak_gib": round(_peak(self.device) / GIB, 2),
            "seconds": round(spent, 1),
            "note": ", ".join(filter(None, (notes, note))),
        }

    def _fits(self, batch: Batch, loss: Callable[[Any, Batch], torch.Tensor]) -> bool:
        try:
            self._step(batch, loss)
        except torch.OutOfMemoryError:
            return False
        return True

    def _step(self, batch: Batch, loss: Callable[[Any, Batch], torch.Tensor]) -> None:
        self.model.train()
        with _autocast(self.device):
            found = loss(self.model, batch)
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
