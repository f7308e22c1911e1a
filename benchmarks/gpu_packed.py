"""Training through the phases' own trainers on one GPU or, under a launcher, on several, with random weights.

    python -m benchmarks.gpu_packed [--shape S] [--seconds N] [--gib 79] [--lengths session] [--out FILE]

Rows are drawn with the lengths of the Stage 1 session and of two others. The probe, the packing, the loss and
the optimizer are those of `phases.sft_training` and `phases.dpo_training`.
"""

import argparse
import gc
import json
import logging
import random
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import torch
from accelerate import PartialState
from peft import LoraConfig, get_peft_model
from transformers import TrainerCallback

from app.memory.formulas import GIB, estimate_training
from benchmarks import gpu_model
from phases.contract.reporter import Reporter
from phases.dpo_training import recipe as dpo_training
from phases.dpo_training import reference_logprobs
from phases.dpo_training.packed_pairs import count_packed_tokens
from phases.models import distributed, kernels
from phases.models.fused_lora import count_fused_modules
from phases.models.loader import LoadedModel
from phases.models.tokenizer import load_tokenizer
from phases.sft_training import recipe as sft_training
from phases.training.arguments import count_step_tokens
from phases.training.probe import MicroBatchProbe
from phases.training.split import TrainingData

Row = dict[str, Any]
MEASURED_FLOPS: Final = 790e12
"""Measured bfloat16 matrix products of an H100 or H200, in operations per second."""
RANK: Final = 32
LENGTHS: Final = ("session", "long", "short")
WARM_UP_STEPS: Final = 1
ROWS_PER_STEP: Final = {"session": 128, "long": 64, "short": 256}
"""Rows of a step of SFT, and of both answers in one of DPO."""
POOL_STEPS: Final = 4
"""Different steps; they repeat."""


def draw_row(rng: random.Random, lengths: str, scale: float = 1.0) -> tuple[int, int]:
    """Return the tokens of a prompt and of its answer."""
    if lengths == "session":
        prompt, answer = rng.randint(30, 90), max(4, min(400, int(rng.lognormvariate(4.2, 0.7))))
    elif lengths == "long":
        prompt, answer = rng.randint(60, 200), rng.randint(60, 400)
    else:
        prompt, answer = rng.randint(20, 60), rng.randint(4, 60)
    return max(2, round(scale * prompt)), max(2, round(scale * answer))


def count_operations(shape: str, recomputed_share: float) -> float:
    """Return the operations of a trained token: the weights are frozen, so they have no gradients.

    Each parameter takes two operations in the forward pass and two for the gradient of its input, and two
    more where the forward pass is repeated.
    """
    return (4 + 2 * recomputed_share) * gpu_model.count_parameters(shape)


class _Clock(TrainerCallback):
    """Times steps after a warm-up and stops the training when the time is over."""

    def __init__(self, seconds: float, device: torch.device) -> None:
        self.first = self.last = 0
        self.elapsed = 0.0
        self._seconds = seconds
        self._device = device
        self._started = 0.0

    def on_step_end(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        """Take the time."""
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
        now = time.perf_counter()
        if state.global_step == WARM_UP_STEPS:
            self._started, self.first = now, state.global_step
            if self._device.type == "cuda":
                torch.cuda.reset_peak_memory_stats(self._device)
        self.elapsed, self.last = now - self._started, state.global_step
        is_over = state.global_step > WARM_UP_STEPS and self.elapsed >= self._seconds
        control.should_training_stop = distributed.reduce_any(is_over)[0]


class PackedTraining:
    """A model with random weights that the phases' trainers train."""

    def __init__(self, shape: str, seconds: float) -> None:
        device = PartialState(cpu=not torch.cuda.is_available()).device
        self._shape = shape
        self._device = device
        self._seconds = seconds
        self._is_small = device.type == "cpu" or shape == "tiny"
        self._scale = 0.1 if self._is_small else 1.0
        self._folder = tempfile.TemporaryDirectory()
        self._vocabulary = gpu_model.SHAPES[shape]["vocab_size"] - 1
        self._model = gpu_model.build_model(
            shape,
            str(device),
            nf4=not self._is_small,
            dtype="float32" if self._is_small else "bfloat16",
            attention="sdpa",
        )
        self._fused_layers = kernels.fuse_layers(self._model)
        self._source = gpu_model.write_model_folder(shape, Path(self._folder.name, "model"))
        self._tokenizer = load_tokenizer(self._source)

    def measure_sft(self, lengths: str, rows_per_step: int | None = None) -> Row:
        """Return the row of SFT."""
        self._clear_peak()
        parameters = sft_training.Parameters(
            train_file=["x"],
            output_dir=self._make_folder(),
            batch_size=rows_per_step or self._rows(lengths),
            packing=True,
            learning_rate=1e-6,
            lora_r=RANK,
        )
        rng = random.Random(0)
        examples = []
        for _ in range(POOL_STEPS * parameters.batch_size):
            prompt, answer = draw_row(rng, lengths, self._scale)
            ids = self._draw_ids(rng, prompt + answer)
            examples.append(sft_training.Example(sft_training.Row("", ""), ids, prompt))
        pool = len(examples)
        examples *= self._count_repeats(sum(len(example.ids) for example in examples))
        data = TrainingData(examples, examples[:1], pool, 0)
        row_tokens = [len(example.ids) for example in examples]
        steps = count_step_tokens(row_tokens, parameters)
        loaded = self._load(self._model)
        trainer = sft_training.build_trainer(parameters, loaded, len(steps), data)
        row = self._train("SFT", lengths, trainer, parameters, row_tokens, steps)
        self._model = trainer.model.unload()
        return row

    def measure_dpo(self, lengths: str, rows_per_step: int | None = None) -> Iterator[Row]:
        """Yield the row of the reference sweep and that of DPO."""
        self._clear_peak()
        parameters = dpo_training.Parameters(
            sft_model="x",
            preference_file=["x"],
            output_dir=self._make_folder(),
            batch_size=rows_per_step or self._rows(lengths) // 2,
            learning_rate=1e-6,
        )
        rng = random.Random(0)
        pairs = []
        for _ in range(POOL_STEPS * parameters.batch_size):
            (prompt, chosen), (_, rejected) = (draw_row(rng, lengths, self._scale) for _ in range(2))
            ids = [self._draw_ids(rng, count) for count in (prompt, chosen, rejected)]
            pairs.append(dpo_training.Pair(dpo_training.Row("", "", ""), *ids))
        pool = list(pairs)
        pairs *= self._count_repeats(sum(map(count_packed_tokens, pairs)))
        data = TrainingData(pairs, pool[:1], len(pool), 0)
        row_tokens = [count_packed_tokens(pair) for pair in pairs]
        steps = count_step_tokens(row_tokens, parameters)
        lora = LoraConfig(r=RANK, lora_alpha=RANK, target_modules="all-linear", task_type="CAUSAL_LM")
        loaded = self._load(get_peft_model(self._model, lora))
        trainer = dpo_training.build_trainer(parameters, loaded, len(steps), data)
        both_rows = sum(pair.tokens for pair in pool) / sum(map(count_packed_tokens, pool))
        yield self._sweep(lengths, trainer, loaded, [pairs, pool[:1]], both_rows)
        row = self._train("DPO", lengths, trainer, parameters, row_tokens, steps)
        yield row | {"both_rows_per_second": round(row.get("tokens_per_second", 0.0) * both_rows, 1)}
        self._model = trainer.model.unload()

    def _sweep(
        self,
        lengths: str,
        trainer: Any,
        loaded: LoadedModel,
        sets: Sequence[Sequence[dpo_training.Pair]],
        both_rows: float,
    ) -> Row:
        store = reference_logprobs.LogprobStore(self._make_folder() / "reference.jsonl", loaded)
        # Micro-batches mix the pairs, so those of the warm-up are computed again.
        tokens = sum(map(count_packed_tokens, {id(pair): pair for pair in sets[0]}.values()))
        reporter = Reporter(Path(self._folder.name), {})
        # The first micro-batches prepare kernels.
        warm_up = sets[0][: self._rows(lengths)]
        started = time.perf_counter()
        reference_logprobs.compute_missing(trainer, store, [warm_up, sets[1]], reporter)
        warm = time.perf_counter() - started
        self._clear_peak()
        started = time.perf_counter()
        reference_logprobs.add_to_datasets(trainer, store, sets, reporter)
        seconds = time.perf_counter() - started
        rate = tokens / seconds
        return {
            "what": "reference log-probabilities",
            "engine": f"ours: packed pairs, {lengths} rows",
            "lengths": lengths,
            "tokens_per_second": round(rate, 1),
            "both_rows_per_second": round(rate * both_rows, 1),
            "ceiling": round(MEASURED_FLOPS * distributed.world_size() / (2 * self._count_parameters()), 1),
            "peak_gib": self._read_peak(),
            "seconds": round(seconds, 1),
            "note": f"{trainer.forward_tokens} tokens at once, first micro-batches {warm:.1f} s",
        }

    def _train(  # noqa: PLR0917 - what the phases pass to their trainer
        self,
        what: str,
        lengths: str,
        trainer: Any,
        parameters: Any,
        row_tokens: Sequence[int],
        step_tokens: Sequence[int],
    ) -> Row:
        probe = MicroBatchProbe(trainer, row_tokens, parameters, logging.getLogger("benchmark"))
        clock = _Clock(self._seconds, self._device)
        trainer.add_callback(probe)
        trainer.add_callback(clock)
        started = time.perf_counter()
        trainer.train()
        whole = time.perf_counter() - started
        setting, layers = trainer.setting, kernels.count_layers(trainer.model)
        tokens = sum(step_tokens[clock.first : clock.last])
        share = setting.recomputed_layers / layers
        need = estimate_training(
            gpu_model.load_memory_shape(self._shape),
            setting=setting,
            rank=RANK,
            fused=count_fused_modules(trainer.model) > 0,
            reference=what == "DPO",
        )
        processes = distributed.world_size()
        peak = max(self._read_peak() or 0.0, probe.peak_gib or 0.0)
        return {
            "what": what,
            "engine": f"ours: packed, {lengths} rows, {parameters.batch_size} a step",
            "lengths": lengths,
            "tokens_per_second": round(tokens / max(clock.elapsed, 1e-9), 1),
            "ceiling": round(processes * MEASURED_FLOPS / count_operations(self._shape, 0), 1),
            "ceiling_recomputed": round(processes * MEASURED_FLOPS / count_operations(self._shape, share), 1),
            "peak_gib": round(peak, 2) or None,
            "predicted_gib": round((need.total - need.parts["CUDA"]) / GIB, 2),
            "seconds": round(clock.elapsed, 1),
            "note": f"{setting.tokens} tokens at once, "
            f"{setting.recomputed_layers} of {layers} layers recompute, {clock.last - clock.first} steps, "
            f"{whole - clock.elapsed:.1f} s to see what fits and warm up, "
            f"{count_fused_modules(trainer.model)} fused modules, "
            f"{'packed attention' if trainer.attends_in_runs else 'attention masks'}",
        }

    def close(self) -> None:
        """Release the memory and the files."""
        del self._model
        self._folder.cleanup()
        gc.collect()

    def _count_parameters(self) -> int:
        return gpu_model.count_parameters(self._shape)

    def _rows(self, lengths: str) -> int:
        return 4 if self._is_small else ROWS_PER_STEP[lengths]

    def _count_repeats(self, pool_tokens: int) -> int:
        """Return how often the pool is repeated, so that it lasts at 10,000 tokens a second."""
        wanted = 10_000 * (self._seconds + 10) * distributed.world_size()
        return 2 if self._is_small else max(2, -(-int(wanted) // pool_tokens))

    def _draw_ids(self, rng: random.Random, count: int) -> list[int]:
        return [rng.randrange(1, self._vocabulary) for _ in range(count)]

    def _make_folder(self) -> Path:
        return Path(tempfile.mkdtemp(dir=self._folder.name))

    def _load(self, model: Any) -> LoadedModel:
        return LoadedModel(
            model,
            self._tokenizer,
            self._source,
            str(self._device),
            not self._is_small,
            fused_layers=self._fused_layers,
        )

    def _clear_peak(self) -> None:
        gc.collect()
        if self._device.type == "cuda":
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats(self._device)

    def _read_peak(self) -> float | None:
        if self._device.type != "cuda":
            return None
        return round(torch.cuda.max_memory_allocated(self._device) / GIB, 2)


def measure(
    shape: str,
    seconds: float,
    *,
    kinds: Sequence[str] = ("sft", "dpo"),
    lengths: Sequence[str] = LENGTHS,
    rows_per_step: int | None = None,
) -> Iterator[Row]:
    """Yield a row for each kind of training and each distribution of lengths.

    Args:
        shape: a shape of `benchmarks.gpu_model`.
        seconds: the time for the steps of all, without building models and finding the largest micro-batch.
        kinds: `sft` and `dpo`.
        lengths: names of distributions.
        rows_per_step: rows, or pairs, of an optimizer step on each device.
    """
    training = PackedTraining(shape, seconds / (len(kinds) * len(lengths)))
    for name in lengths:
        if "sft" in kinds:
            yield training.measure_sft(name, rows_per_step)
        if "dpo" in kinds:
            yield from training.measure_dpo(name, rows_per_step)
    training.close()


def main(argv: list[str] | None = None) -> None:
    """Measure and append rows to a file."""
    parser = argparse.ArgumentParser(prog="benchmarks.gpu_packed", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--shape", choices=sorted(gpu_model.SHAPES), default="Qwen2.5-32B")
    parser.add_argument("--seconds", type=float, default=150.0, help="measuring time without starts")
    parser.add_argument("--gib", type=float, help="memory to use, as on a smaller card")
    parser.add_argument("--kinds", default="sft,dpo", help="what to measure")
    parser.add_argument("--lengths", default=",".join(LENGTHS), help="distributions of lengths")
    parser.add_argument("--rows", type=int, help="rows, or pairs, of an optimizer step on each device")
    parser.add_argument("--out", type=Path, default=Path("packed.jsonl"), help="file to append rows to")
    options = parser.parse_args(argv)
    if options.gib and torch.cuda.is_available():
        total = torch.cuda.get_device_properties(0).total_memory
        torch.cuda.set_per_process_memory_fraction(min(1.0, options.gib * GIB / total))
    device = torch.cuda.get_device_name(0) if torch.cuda.is_available() else "cpu"
    rows = measure(
        options.shape,
        options.seconds,
        kinds=options.kinds.split(","),
        lengths=options.lengths.split(","),
        rows_per_step=options.rows,
    )
    for row in rows:
        more = {
            "date": time.strftime("%Y-%m-%d"),
            "section": "training",
            "shape": options.shape,
            "device": device,
        }
        line = json.dumps({**more, "limit_gib": options.gib, **row})
        if distributed.is_main_process():
            print(line, flush=True)
            with options.out.open("a") as file:
                file.write(line + "\n")


if __name__ == "__main__":
    main()
