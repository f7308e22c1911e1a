"""Generation and judging on a GPU: as one would first write it, vLLM as it is, and our engine on top.

Each measurement is a function that yields rows; `benchmarks.gpu` runs each in a process of its own, so that
one that fails or hangs costs the others nothing and leaves no memory taken.
"""

import itertools
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks import gpu_cards, gpu_model
from benchmarks.gpu_cards import Bound
from phases.common.engine import Choice, Engine, Group, open_engine
from phases.common.judge import judge, load_constitution
from phases.common.recorded import Sampling
from phases.preference_pairs import CONSTITUTION

Row = dict[str, Any]


@dataclass(frozen=True)
class Workload:
    """What is asked: the document's few-shot prompts and answers, or less of them to try the benchmark."""

    prompt: int
    shared: int
    new: int
    rows: int
    naive_batches: tuple[int, ...]
    instructions: int
    candidates: int
    judged: int


WORKLOADS: Final = {
    "Qwen2.5-32B": Workload(512, 450, 200, 512, (16, 64), 128, 4, 256),
    "tiny": Workload(64, 48, 12, 24, (2, 4), 4, 4, 3),
}


def naive(shape: str, seconds: float) -> Iterator[Row]:
    """Measure `generate` on 4-bit weights, the few-shot prompt read anew for each row."""
    import torch
    from transformers import StoppingCriteria, StoppingCriteriaList

    cuda = torch.cuda.is_available()
    device, work = "cuda" if cuda else "cpu", WORKLOADS[shape]
    yield from _card_rows(device)
    began = time.monotonic()
    model = gpu_model.model(shape, device, nf4=cuda)
    yield {
        "what": "build of the model",
        "engine": "naive",
        "seconds": time.monotonic() - began,
        "peak_gib": _peak(),
    }
    one = next(iter(gpu_model.prompts(_tokenizer(), 1, work.prompt, work.shared, seed=1)))
    ids = torch.tensor([_tokenizer().prompt_ids(one)], device=device)

    class Until(StoppingCriteria):  # type: ignore[misc]
        def __init__(self, end: float) -> None:
            self.end, self.steps = end, 0

        def __call__(self, input_ids: Any, scores: Any, **kwargs: Any) -> Any:
            self.steps += 1
            late = time.monotonic() > self.end
            return torch.full((len(input_ids),), late, dtype=torch.bool, device=input_ids.device)

    def run(batch: int, new: int, end: float) -> int:
        until = Until(end)
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
                pad_token_id=gpu_model.END,
                stopping_criteria=StoppingCriteriaList([until]),
            )
        if cuda:
            torch.cuda.synchronize()
        return until.steps

    run(2, 2, time.monotonic() + seconds)  # kernels are loaded on first use
    left = time.monotonic() + seconds
    for number, batch in enumerate(work.naive_batches):
        if cuda:
            torch.cuda.reset_peak_memory_stats()
        began = time.monotonic()
        share = (left - began) / (len(work.naive_batches) - number)
        steps = run(batch, work.new, began + share)
        took = time.monotonic() - began
        yield {
            "what": "few-shot answers",
            "engine": f"transformers generate, NF4, batch {batch}" if cuda else f"generate, batch {batch}",
            "tokens_per_second": steps * batch / took,
            "tokens": steps * batch,
            "requests": batch,
            "prompt_tokens": ids.shape[1],
            "seconds": took,
            "peak_gib": _peak(),
            "bound_by": Bound(shape, batch, ids.shape[1], max(1, steps), 0.56),
            "note": "" if steps == work.new else f"stopped after {steps} of {work.new} tokens",
        }


def vllm(shape: str, seconds: float) -> Iterator[Row]:
    """Measure vLLM's own loop and our engine on the same process, then candidates and judging."""
    work = WORKLOADS[shape]
    with tempfile.TemporaryDirectory() as place:
        base = gpu_model.folder(shape, Path(place, "base"))
        tuned = gpu_model.adapter(shape, base, Path(place, "adapter"))
        given = json.loads(os.environ.get("GONOGO_ENGINE_ARGS", "{}"))
        os.environ["GONOGO_ENGINE_ARGS"] = json.dumps({"load_format": "dummy", **given})
        began = time.monotonic()
        with open_engine(Choice("vllm", "benchmark"), tuned, batch_size=1) as engine:
            settings = engine.provenance()["engine"]
            yield {
                "what": "start of the engine",
                "engine": "vllm",
                "seconds": time.monotonic() - began,
                "peak_gib": gpu_cards.used_gib(),
                "note": json.dumps(settings["settings"]),
            }
            warm = Group(
                gpu_model.prompts(engine.tokenizer, 4, 20, 1, seed=1), range(4), Sampling(4, 0.9, 0.95)
            )
            for plain in (True, False):  # kernels are compiled on first use
                list(engine.generate([warm], base=plain))
            engine.next_token([[1, 2, 3]], [4, 5], base=True)
            end = time.monotonic() + seconds
            few_shot = [
                gpu_model.prompts(engine.tokenizer, work.rows, work.prompt, work.shared, seed)
                for seed in (2, 3)
            ]
            yield _own_loop(engine, few_shot[0], work, shape, end - 0.6 * seconds)
            sampling = Sampling(work.new, 0.9, 0.95, ("\n\n",))
            soon = end - 0.3 * seconds
            yield _ours(engine, "few-shot answers", few_shot[1], sampling, shape=shape, end=soon, base=True)
            bare = gpu_model.prompts(engine.tokenizer, work.instructions, 60, 4, seed=4)
            several = [text for text in bare for _ in range(work.candidates)]
            what = f"{work.candidates} candidates a prompt, with the adapter"
            yield _ours(engine, what, several, sampling, shape=shape, end=end, base=False, shared=4)
            yield _judging(engine, work)


def small(model: str, seconds: float) -> Iterator[Row]:
    """Measure a small real model through our engine on transformers, at a batch that fills a GPU."""
    import torch

    from phases.common.model import locate

    cuda = torch.cuda.is_available()
    batch = 512 if cuda else 8
    with open_engine(Choice("transformers", "benchmark"), locate(model), batch_size=batch) as engine:
        rows = gpu_model.prompts(engine.tokenizer, 2 * batch, 60, 20, seed=5)
        for what, sampling in (
            ("answers, greedy", Sampling(64, stop=("\nInstruction:",))),
            ("candidates, top_p 0.95", Sampling(64, 0.9, 0.95, ("\n\n",))),
        ):
            began = time.monotonic()
            landed = list(
                _until(engine.generate([Group(rows, range(len(rows)), sampling)]), began + seconds / 2)
            )
            took = time.monotonic() - began
            tokens = sum(c.tokens for some in landed for _, c in some)
            yield {
                "what": f"small model: {what}",
                "engine": f"ours on transformers, batch {batch}",
                "tokens_per_second": tokens / took,
                "tokens": tokens,
                "requests": sum(map(len, landed)),
                "seconds": took,
                "peak_gib": _peak(),
            }


def _own_loop(engine: Engine, prompts: list[str], work: Workload, shape: str, end: float) -> Row:
    """Measure vLLM's offline throughput: its own requests and steps, as its benchmark makes them."""
    own = engine._core._engine  # type: ignore[attr-defined]
    from vllm import SamplingParams
    from vllm.sampling_params import RequestOutputKind

    sampling = SamplingParams(
        max_tokens=work.new, temperature=1.0, ignore_eos=True, output_kind=RequestOutputKind.FINAL_ONLY
    )
    ids = [engine.tokenizer.prompt_ids(text) for text in prompts]
    began = time.monotonic()
    for number, row in enumerate(ids):
        own.add_request(f"own {number}", {"prompt_token_ids": row}, sampling)
    tokens = requests = 0
    while own.has_unfinished_requests() and time.monotonic() < end:
        for output in own.step():
            requests += output.finished
            tokens += len(output.outputs[0].token_ids) if output.finished else 0
    took = time.monotonic() - began
    own.abort_request([f"own {number}" for number in range(len(ids))])
    return {
        "what": "few-shot answers",
        "engine": "vllm, its own loop",
        **_rates(tokens, requests, len(ids), took),
        "prompt_tokens": sum(map(len, ids)) / len(ids),
        "peak_gib": gpu_cards.used_gib(),
        "bound_by": Bound(shape, 256, work.prompt - work.shared, work.new, 2.0, work.shared),
    }


def _ours(
    engine: Engine,
    what: str,
    prompts: list[str],
    sampling: Sampling,
    *,
    shape: str,
    end: float,
    base: bool,
    shared: int | None = None,
) -> Row:
    work = WORKLOADS[shape]
    shared = work.shared if shared is None else shared
    length = len(engine.tokenizer.prompt_ids(prompts[0]))
    began = time.monotonic()
    landing = engine.generate([Group(prompts, range(len(prompts)), sampling)], base=base)
    landed = list(itertools.chain.from_iterable(_until(landing, end)))
    took = time.monotonic() - began
    return {
        "what": what,
        "engine": "ours on vllm",
        **_rates(sum(c.tokens for _, c in landed), len(landed), len(prompts), took),
        "prompt_tokens": length,
        "peak_gib": gpu_cards.used_gib(),
        "bound_by": Bound(shape, 256, max(1, length - shared), work.new, 2.0, shared),
    }


def _judging(engine: Engine, work: Workload) -> Row:
    """Pairs judged in both orders: the constitution and its examples before each, responses of 60 tokens."""
    constitution = load_constitution(CONSTITUTION)
    asked = gpu_model.prompts(engine.tokenizer, work.judged, 30, 1, seed=6)
    answers = gpu_model.prompts(engine.tokenizer, 2 * work.judged, 60, 1, seed=7)
    pairs = list(zip(asked, answers[: work.judged], answers[work.judged :], strict=True))
    length = len(engine.tokenizer.prompt_ids(constitution.prompt(*pairs[0])))
    began = time.monotonic()
    judge(engine, constitution, pairs)
    took = time.monotonic() - began
    return {
        "what": "pairs judged in both orders",
        "engine": "ours on vllm",
        "pairs_per_second": len(pairs) / took,
        "requests": 2 * len(pairs),
        "prompt_tokens": length,
        "seconds": took,
        "peak_gib": gpu_cards.used_gib(),
    }


def _rates(tokens: int, requests: int, asked: int, took: float) -> Row:
    note = (
        ""
        if requests == asked
        else f"stopped with {requests} of {asked} requests done; tokens of the others are not counted"
    )
    return {
        "tokens_per_second": tokens / took,
        "tokens": tokens,
        "requests": requests,
        "seconds": took,
        "note": note,
    }


def _until(landing: Iterator[Any], end: float, clock: Callable[[], float] = time.monotonic) -> Iterable[Any]:
    for some in landing:
        yield some
        if clock() > end:
            landing.close()  # type: ignore[attr-defined]
            return


def _card_rows(device: str) -> Iterator[Row]:
    """Say what the card does at best: a copy within its memory, and a product of matrices."""
    if device == "cpu":
        return
    import torch

    def timed(work: Callable[[], object]) -> float:
        work()
        torch.cuda.synchronize()
        began = time.monotonic()
        for _ in range(10):
            work()
        torch.cuda.synchronize()
        return (time.monotonic() - began) / 10

    a, b = (torch.randn(8192, 8192, device=device, dtype=torch.bfloat16) for _ in range(2))
    one, other = (torch.empty(2**31, device=device, dtype=torch.uint8) for _ in range(2))
    copied, multiplied = 2 * 2**31 / timed(lambda: one.copy_(other)), 2 * 8192**3 / timed(lambda: a @ b)
    yield {
        "what": "the card itself",
        "engine": "torch",
        "bytes_per_second": copied,
        "flops": multiplied,
        "note": f"copies {copied / 1e12:.1f} TB/s, multiplies {multiplied / 1e12:.0f} TFLOP/s in bfloat16",
    }


def _tokenizer() -> Any:
    from phases.common.model import load_tokenizer

    return load_tokenizer("embedded")


def _peak() -> float | None:
    import torch

    return torch.cuda.max_memory_allocated() / 2**30 if torch.cuda.is_available() else None
