"""Generation and judging with transformers: a plain `generate` loop, and our engine with a small model.

Each measurement is a function that yields rows. `benchmarks.gpu` runs each in its own process, so that one
that fails or hangs neither affects the others nor keeps memory.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import torch
from transformers import StoppingCriteria, StoppingCriteriaList

from app.memory.formulas import estimate_generation
from app.memory.shape import Shape, load_shape, make_config_reader
from benchmarks import gpu_model
from benchmarks.gpu_cards import Bound
from phases.contract.workload import Generation
from phases.datagen.constitution import load_constitution
from phases.generation.completion import PromptGroup, Sampling
from phases.generation.engine import EngineChoice, open_engine
from phases.models.source import locate_model
from phases.models.tokenizer import load_tokenizer
from phases.preference_pairs.spec import CONSTITUTION

Row = dict[str, Any]


@dataclass(frozen=True)
class Workload:
    """Sizes of prompts, answers and batches in tokens and rows."""

    prompt: int
    shared: int
    new: int
    rows: int
    naive_batches: tuple[int, ...]
    candidates: int
    judged: int


WORKLOADS: Final = {
    "Qwen2.5-32B": Workload(512, 450, 200, 2048, (16, 64), 4, 2048),
    "tiny": Workload(64, 48, 12, 24, (2, 4), 4, 3),
}


class _StopAtTime(StoppingCriteria):  # type: ignore[misc]
    """Ends generation at a time by the monotonic clock, and counts its steps."""

    def __init__(self, end: float) -> None:
        self.end, self.steps = end, 0

    def __call__(self, input_ids: Any, scores: Any, **kwargs: Any) -> Any:
        self.steps += 1
        is_over = time.monotonic() > self.end
        return torch.full((len(input_ids),), is_over, dtype=torch.bool, device=input_ids.device)


def measure_plain(shape: str, seconds: float) -> Iterator[Row]:
    """Measure plain `generate` with 4-bit weights, which processes the common prefix again for each row.

    Args:
        shape: the model's shape.
        seconds: the time for the few-shot answers; judging takes another quarter of it.
    """
    cuda = torch.cuda.is_available()
    device, work = "cuda" if cuda else "cpu", WORKLOADS[shape]
    yield from _measure_card(device)
    started = time.monotonic()
    model = gpu_model.build_model(shape, device, nf4=cuda)
    yield {
        "what": "build of the model",
        "engine": "naive",
        "seconds": time.monotonic() - started,
        "peak_gib": _read_peak_gib(),
    }
    tokenizer = load_tokenizer("embedded")
    [prompt] = gpu_model.make_prompts(tokenizer, 1, work.prompt, work.shared, seed=1)
    [pair] = make_judged_pairs(tokenizer, 1)
    judge_prompt = load_constitution(CONSTITUTION).format_prompt(*pair)
    few_shot = torch.tensor([tokenizer.encode_prompt(prompt)], device=device)
    to_judge = torch.tensor([tokenizer.encode_prompt(judge_prompt)], device=device)

    def generate(ids: torch.Tensor, batch: int, new: int, end: float) -> int:
        stop = _StopAtTime(end)
        rows = ids.repeat(batch, 1)
        with torch.inference_mode():
            model.generate(
                input_ids=rows,
                attention_mask=torch.ones_like(rows),
                max_new_tokens=new,
                do_sample=True,
                temperature=0.9,
                top_p=0.95,
                eos_token_id=None,
                pad_token_id=gpu_model.END_TOKEN,
                stopping_criteria=StoppingCriteriaList([stop]),
            )
        if cuda:
            torch.cuda.synchronize()
        return stop.steps

    generate(few_shot, 2, 2, time.monotonic() + seconds)  # kernels are loaded on first use
    end = time.monotonic() + seconds
    for number, batch in enumerate(work.naive_batches):
        if cuda:
            torch.cuda.reset_peak_memory_stats()
        started = time.monotonic()
        share = (end - started) / (len(work.naive_batches) - number)
        steps = generate(few_shot, batch, work.new, started + share)
        elapsed = time.monotonic() - started
        yield {
            "what": "few-shot answers",
            "engine": f"transformers generate, NF4, batch {batch}" if cuda else f"generate, batch {batch}",
            "tokens_per_second": steps * batch / elapsed,
            "tokens": steps * batch,
            "requests": batch,
            "prompt_tokens": few_shot.shape[1],
            "seconds": elapsed,
            "peak_gib": _read_peak_gib(),
            "predicted_gib": _predict_generation_gib(
                gpu_model.load_memory_shape(shape), Generation(batch, few_shot.shape[1], steps)
            ),
            "bound_by": Bound(shape, batch, few_shot.shape[1], max(1, steps), 0.56),
            "note": "" if steps == work.new else f"stopped after {steps} of {work.new} tokens",
        }
    batch, done = work.naive_batches[0], 0
    started = time.monotonic()
    while not done or (done < work.judged and time.monotonic() < started + seconds / 4):
        generate(to_judge, batch, 1, started + seconds)
        done += batch // 2
    elapsed = time.monotonic() - started
    yield {
        "what": "pairs judged in both orders",
        "engine": f"transformers generate, NF4, batch {batch}" if cuda else f"generate, batch {batch}",
        "pairs_per_second": done / elapsed,
        "prompt_tokens": to_judge.shape[1],
        "seconds": elapsed,
        "peak_gib": _read_peak_gib(),
    }


def make_judged_pairs(tokenizer: Any, count: int) -> list[tuple[str, str, str]]:
    """Return instructions of 30 tokens, each with two responses of 60."""
    instructions = gpu_model.make_prompts(tokenizer, count, 30, 1, seed=6)
    answers = gpu_model.make_prompts(tokenizer, 2 * count, 60, 1, seed=7)
    return list(zip(instructions, answers[:count], answers[count:], strict=True))


def measure_small_model(model: str, seconds: float) -> Iterator[Row]:
    """Measure a small real model with our engine on transformers, at a batch size that fills a GPU."""
    cuda = torch.cuda.is_available()
    batch, prompt, new = (512 if cuda else 8), 60, 64
    source = locate_model(model)
    shape = load_shape(source.path, make_config_reader(Path()))
    with open_engine(EngineChoice("transformers", "benchmark"), source, batch_size=batch) as engine:
        rows = gpu_model.make_prompts(engine.tokenizer, 2 * batch, prompt, 20, seed=5)
        measurements: tuple[tuple[str, Sampling, Literal["greedy", "nucleus"]], ...] = (
            ("answers, greedy", Sampling(new, stop=("\nInstruction:",)), "greedy"),
            ("candidates, top_p 0.95", Sampling(new, 0.9, 0.95, ("\n\n",)), "nucleus"),
        )
        for what, sampling, decoding in measurements:
            started = time.monotonic()
            batches = list(
                _take_until(
                    engine.generate([PromptGroup(rows, range(len(rows)), sampling)]), started + seconds / 2
                )
            )
            elapsed = time.monotonic() - started
            tokens = sum(completion.tokens for batch_ in batches for _, completion in batch_)
            yield {
                "what": f"small model: {what}",
                "engine": f"ours on transformers, batch {batch}",
                "tokens_per_second": tokens / elapsed,
                "tokens": tokens,
                "requests": sum(map(len, batches)),
                "seconds": elapsed,
                "peak_gib": _read_peak_gib(),
                "predicted_gib": _predict_generation_gib(shape, Generation(batch, prompt, new, decoding)),
            }


def _predict_generation_gib(shape: Shape, batch: Generation) -> float:
    """Return the peak that `gonogo check` predicts, without the memory of CUDA itself."""
    need = estimate_generation(shape, batch)
    return (need.total - need.parts["CUDA"]) / 2**30


def _take_until(
    batches: Iterator[Any], end: float, clock: Callable[[], float] = time.monotonic
) -> Iterable[Any]:
    for batch in batches:
        yield batch
        if clock() > end:
            batches.close()  # type: ignore[attr-defined]
            return


def _measure_card(device: str) -> Iterator[Row]:
    """Measure the limits of the card: a copy within its memory, and a matrix product."""
    if device == "cpu":
        return

    def time_operation(operation: Callable[[], object]) -> float:
        operation()
        torch.cuda.synchronize()
        started = time.monotonic()
        for _ in range(10):
            operation()
        torch.cuda.synchronize()
        return (time.monotonic() - started) / 10

    left = torch.randn(8192, 8192, device=device, dtype=torch.bfloat16)
    right = torch.randn(8192, 8192, device=device, dtype=torch.bfloat16)
    source = torch.empty(2**31, device=device, dtype=torch.uint8)
    target = torch.empty(2**31, device=device, dtype=torch.uint8)
    bandwidth = 2 * 2**31 / time_operation(lambda: target.copy_(source))
    flops = 2 * 8192**3 / time_operation(lambda: left @ right)
    yield {
        "what": "the card itself",
        "engine": "torch",
        "bytes_per_second": bandwidth,
        "flops": flops,
        "note": f"copies {bandwidth / 1e12:.1f} TB/s, multiplies {flops / 1e12:.0f} TFLOP/s in bfloat16",
    }


def _read_peak_gib() -> float | None:
    return torch.cuda.max_memory_allocated() / 2**30 if torch.cuda.is_available() else None
