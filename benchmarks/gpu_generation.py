"""Generation and judging on a GPU: as one would first write it, vLLM as it is, and our engine on top.

Each measurement is a function that yields rows; `benchmarks.gpu` runs each in a process of its own, so that
one that fails or hangs costs the others nothing and leaves no memory taken.
"""

import json
import os
import re
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, Final

import msgspec

from app.memory.formulas import estimate_generation
from app.memory.shape import Shape, load_shape, local_config
from benchmarks import gpu_cards, gpu_model
from benchmarks.gpu_cards import Bound
from phases.contract.workload import Generation
from phases.datagen.judge import judge, load_constitution
from phases.generation.completion import PromptGroup, Sampling
from phases.generation.engine import Engine, EngineChoice, open_engine
from phases.generation.gpus import list_visible_gpus
from phases.preference_pairs.spec import CONSTITUTION

Row = dict[str, Any]


@dataclass(frozen=True)
class Workload:
    """What is asked: the document's few-shot prompts and answers, or less of them to try the benchmark."""

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


DUMMY: Final = {"load_format": "dummy", "worker_extension_cls": "benchmarks.gpu_worker.Extension"}
"""Arguments of vLLM's engine for weights that are made where they are needed."""


def naive(shape: str, seconds: float) -> Iterator[Row]:
    """Measure `generate` on 4-bit weights, the common beginning of prompts read anew for each row.

    Args:
        shape: of the model.
        seconds: for the few-shot answers; judging takes another quarter of it.
    """
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
    tokenizer = _tokenizer()
    [asked] = gpu_model.prompts(tokenizer, 1, work.prompt, work.shared, seed=1)
    [pair] = _pairs(tokenizer, 1)
    judged = load_constitution(CONSTITUTION).prompt(*pair)
    few_shot, to_judge = (
        torch.tensor([tokenizer.encode_prompt(text)], device=device) for text in (asked, judged)
    )

    class Until(StoppingCriteria):  # type: ignore[misc]
        def __init__(self, end: float) -> None:
            self.end, self.steps = end, 0

        def __call__(self, input_ids: Any, scores: Any, **kwargs: Any) -> Any:
            self.steps += 1
            late = time.monotonic() > self.end
            return torch.full((len(input_ids),), late, dtype=torch.bool, device=input_ids.device)

    def run(ids: torch.Tensor, batch: int, new: int, end: float) -> int:
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

    run(few_shot, 2, 2, time.monotonic() + seconds)  # kernels are loaded on first use
    left = time.monotonic() + seconds
    for number, batch in enumerate(work.naive_batches):
        if cuda:
            torch.cuda.reset_peak_memory_stats()
        began = time.monotonic()
        share = (left - began) / (len(work.naive_batches) - number)
        steps = run(few_shot, batch, work.new, began + share)
        took = time.monotonic() - began
        yield {
            "what": "few-shot answers",
            "engine": f"transformers generate, NF4, batch {batch}" if cuda else f"generate, batch {batch}",
            "tokens_per_second": steps * batch / took,
            "tokens": steps * batch,
            "requests": batch,
            "prompt_tokens": few_shot.shape[1],
            "seconds": took,
            "peak_gib": _peak(),
            "predicted_gib": _generating_gib(
                gpu_model.memory_shape(shape), Generation(batch, few_shot.shape[1], steps)
            ),
            "bound_by": Bound(shape, batch, few_shot.shape[1], max(1, steps), 0.56),
            "note": "" if steps == work.new else f"stopped after {steps} of {work.new} tokens",
        }
    batch, done = work.naive_batches[0], 0
    began = time.monotonic()
    while not done or (done < work.judged and time.monotonic() < began + seconds / 4):
        run(to_judge, batch, 1, began + seconds)
        done += batch // 2
    took = time.monotonic() - began
    yield {
        "what": "pairs judged in both orders",
        "engine": f"transformers generate, NF4, batch {batch}" if cuda else f"generate, batch {batch}",
        "pairs_per_second": done / took,
        "prompt_tokens": to_judge.shape[1],
        "seconds": took,
        "peak_gib": _peak(),
    }


def _pairs(tokenizer: Any, count: int) -> list[tuple[str, str, str]]:
    """Return instructions of 30 tokens, each with two responses of 60."""
    asked = gpu_model.prompts(tokenizer, count, 30, 1, seed=6)
    answers = gpu_model.prompts(tokenizer, 2 * count, 60, 1, seed=7)
    return list(zip(asked, answers[:count], answers[count:], strict=True))


def vllm(shape: str, seconds: float, quantization: str | None = None) -> Iterator[Row]:
    """Measure vLLM's own loop and our engine on the same process, by base and adapter, then judging.

    Args:
        shape: of the model.
        seconds: for all four, the start not counted.
        quantization: of the weights; None leaves them whole, whatever the engine would choose.
    """
    work = WORKLOADS[shape]
    with tempfile.TemporaryDirectory() as place:
        base = gpu_model.folder(shape, Path(place, "base"))
        tuned = gpu_model.adapter(shape, base, Path(place, "adapter"))
        log = _keep_log(Path(place))
        given = json.loads(os.environ.get("GONOGO_ENGINE_ARGS", "{}"))
        os.environ["GONOGO_ENGINE_ARGS"] = json.dumps({**DUMMY, "quantization": quantization, **given})
        began = time.monotonic()
        with open_engine(EngineChoice("vllm", "benchmark"), tuned, batch_size=1) as engine:
            made_by = engine.provenance()["engine"]
            kind = made_by["weights"]
            yield {
                "what": "start of the engine",
                "engine": f"vllm, {kind}",
                "seconds": time.monotonic() - began,
                "peak_gib": gpu_cards.used_gib(),
                "predicted_gib": _served_gib(made_by["settings"]),
                "note": stages(log.read_text()) if log.exists() else "",
                "settings": made_by["settings"],
            }
            rows = made_by["settings"]["max_num_seqs"]
            yield from _measured(Bench(engine, work, shape, kind, rows, seconds / 4))


def _measured(bench: "Bench") -> Iterator[Row]:
    work, tokenizer = bench.work, bench.engine.tokenizer
    bench.sharpen()
    bench.warm_up()
    few_shot = [
        gpu_model.prompts(tokenizer, work.rows, work.prompt, work.shared, seed=seed) for seed in (2, 3)
    ]
    sampling = Sampling(work.new, 0.9, 0.95, ("\n\n",))
    yield bench.own("few-shot answers", few_shot[0])
    yield bench.ours("few-shot answers", few_shot[1], sampling, base=True, shared=work.shared)
    bare = gpu_model.prompts(tokenizer, work.rows // work.candidates, 60, 4, seed=4)
    several = [text for text in bare for _ in range(work.candidates)]
    what = f"{work.candidates} candidates a prompt, with the adapter"
    yield bench.ours(what, several, sampling, base=False, shared=4)
    yield bench.judging()


def small(model: str, seconds: float) -> Iterator[Row]:
    """Measure a small real model through our engine on transformers, at a batch that fills a GPU."""
    import torch

    from phases.models.source import locate_model

    cuda = torch.cuda.is_available()
    batch, prompt, new = (512 if cuda else 8), 60, 64
    source = locate_model(model)
    shape = load_shape(source.path, local_config(Path()))
    with open_engine(EngineChoice("transformers", "benchmark"), source, batch_size=batch) as engine:
        rows = gpu_model.prompts(engine.tokenizer, 2 * batch, prompt, 20, seed=5)
        for what, sampling, choice in (
            ("answers, greedy", Sampling(new, stop=("\nInstruction:",)), "greedy"),
            ("candidates, top_p 0.95", Sampling(new, 0.9, 0.95, ("\n\n",)), "nucleus"),
        ):
            began = time.monotonic()
            landed = list(
                _until(engine.generate([PromptGroup(rows, range(len(rows)), sampling)]), began + seconds / 2)
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
                "predicted_gib": _generating_gib(shape, Generation(batch, prompt, new, choice)),
            }


class _Over(Exception):  # noqa: N818 - nothing went wrong
    """The window is over."""


class Window:
    """Counts what vLLM's core makes in a while, once it is at full work, whoever asked for it.

    Whole answers take longer than a benchmark has; so their tokens are counted as they come, after some time
    in which the batch fills up, and what is unfinished at the end is given up.
    """

    def __init__(self, core: Any, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin to wait for the first tokens.

        Args:
            core: vLLM's client of its engine core.
            seconds: the first third is for filling up.
            clock: seconds, from any origin.
        """
        self._core, self._seconds, self._clock = core, seconds, clock
        self._counts: list[tuple[float, int]] = []

    def __enter__(self) -> "Window":
        get = self._core.get_output

        def counted() -> Any:
            outputs = get()
            if tokens := sum(len(output.new_token_ids) for output in outputs.outputs):
                self._counts.append((self._clock(), tokens))
            return outputs

        self._core.get_output = counted
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: object) -> bool:
        del self._core.get_output  # the instance's: the class's own comes back
        return kind is _Over

    def on_step(self) -> None:
        """End the work when the time is over."""
        if self._counts and self._clock() - self._counts[0][0] >= self._seconds:
            raise _Over

    def found(self) -> Row:
        """Return tokens, seconds, tokens_per_second, and how many rows a step had."""
        if len(self._counts) < 2:
            return {"note": "nothing was made"}
        full = self._counts[0][0] + min(self._seconds, self._counts[-1][0] - self._counts[0][0]) / 3
        first = next(place for place, (when, _) in enumerate(self._counts) if when >= full)
        first = min(first, len(self._counts) - 2)
        began, counted = self._counts[first][0], [tokens for _, tokens in self._counts[first + 1 :]]
        took = self._counts[-1][0] - began
        return {
            "tokens_per_second": sum(counted) / took,
            "tokens": sum(counted),
            "seconds": took,
            "rows_a_step": sum(counted) / len(counted),
            "note": f"{sum(counted) / len(counted):.0f} rows a step, {1000 * took / len(counted):.1f} ms",
        }


def lengths(work: Workload, at_once: int, count: int) -> list[int]:
    """Return how long answers get: the first ones of any length, so that rows do not end all at once."""
    chance = Random(0)
    first = [chance.randint(1, work.new) for _ in range(min(at_once, count // 2))]
    return first + [work.new] * (count - len(first))


@dataclass(frozen=True)
class Bench:
    """An engine under measurement."""

    engine: Engine
    work: Workload
    shape: str
    kind: str
    rows: int
    seconds: float

    @property
    def _own(self) -> Any:
        return self.engine._core._engine  # type: ignore[attr-defined]

    def sharpen(self) -> None:
        """Let the dummy weights prefer some tokens."""
        self._own.collective_rpc("sharpen")

    def warm_up(self) -> None:
        """Load what is loaded on first use."""
        few = gpu_model.prompts(self.engine.tokenizer, 32, 20, 1, seed=1)
        for base in (True, False):
            list(self.engine.generate([PromptGroup(few, range(len(few)), Sampling(4, 0.9, 0.95))], base=base))
        self.engine.score_next_tokens([[1, 2, 3]], [4, 5], base=True)

    def own(self, what: str, prompts: list[str]) -> Row:
        """Measure vLLM's offline throughput: its own requests and steps, as its benchmark makes them.

        Args:
            what: the row's name.
            prompts: what is asked.
        """
        from vllm import SamplingParams
        from vllm.sampling_params import RequestOutputKind

        own, kept = self._own, RequestOutputKind.FINAL_ONLY
        ids = [self.engine.tokenizer.encode_prompt(text) for text in prompts]
        for number, (row, new) in enumerate(
            zip(ids, lengths(self.work, self.rows, self.work.rows), strict=True)
        ):
            sampling = SamplingParams(max_tokens=new, ignore_eos=True, output_kind=kept, temperature=1.0)
            own.add_request(f"own {number}", {"prompt_token_ids": row}, sampling)
        with Window(own.engine_core, self.seconds) as window:
            while own.has_unfinished_requests():
                own.step()
                window.on_step()
        own.abort_request([f"own {number}" for number in range(len(ids))])
        return self._row(what, "vllm, its own loop", window, len(ids[0]), self.work.shared)

    def ours(self, what: str, prompts: list[str], sampling: Sampling, *, base: bool, shared: int) -> Row:
        """Measure our engine, as phases use it."""
        groups = [
            PromptGroup([text], [seed], msgspec.structs.replace(sampling, max_new_tokens=new))
            for seed, (text, new) in enumerate(
                zip(prompts, lengths(self.work, self.rows, self.work.rows), strict=True)
            )
        ]
        with Window(self._own.engine_core, self.seconds) as window:
            for _ in self.engine.generate(groups, base=base, on_step=window.on_step):
                pass
        length = len(self.engine.tokenizer.encode_prompt(prompts[0]))
        return self._row(what, "ours on vllm", window, length, shared)

    def judging(self) -> Row:
        """Measure pairs judged in both orders, the constitution before each; responses of 60 tokens."""
        constitution, tokenizer = load_constitution(CONSTITUTION), self.engine.tokenizer
        pairs = _pairs(tokenizer, self.work.judged)
        with Window(self._own.engine_core, self.seconds) as window:
            judge(self.engine, constitution, pairs, on_step=window.on_step)
        found = window.found()
        rate = found.pop("tokens_per_second", 0.0)  # a token is generated for each order
        return {
            "what": "pairs judged in both orders",
            "engine": f"ours on vllm, {self.kind}",
            **found,
            "pairs_per_second": rate / 2,
            "prompt_tokens": len(tokenizer.encode_prompt(constitution.prompt(*pairs[0]))),
            "peak_gib": gpu_cards.used_gib(),
        }

    def _row(self, what: str, by: str, window: Window, length: int, shared: int) -> Row:
        weight = 1.0 if self.kind == "fp8" else 2.0
        return {
            "what": what,
            "engine": f"{by}, {self.kind}",
            **window.found(),
            "prompt_tokens": length,
            "peak_gib": gpu_cards.used_gib(),
            "bound_by": Bound(self.shape, self.rows, max(1, length - shared), self.work.new, weight, shared),
        }


_STAGES: Final = {
    "weights": r"Model loading took .* ([\d.]+) seconds",
    "torch.compile": r"torch\.compile took ([\d.]+) s in total",
    "first run": r"profiling/warmup run took ([\d.]+) s",
    "CUDA graphs": r"Graph capturing finished in ([\d.]+) secs",
    "of those, memory, compile and graphs": r"init engine .* took ([\d.]+) s",
}


def stages(log: str) -> str:
    """Return what vLLM's log says of its start: the seconds of each stage."""
    found = {name: re.findall(pattern, log) for name, pattern in _STAGES.items()}
    return ", ".join(f"{name} {float(values[-1]):.0f} s" for name, values in found.items() if values)


def _keep_log(folder: Path) -> Path:
    """Let vLLM, in all its processes, write its log to a file, too."""
    file = folder / "vllm.log"
    handlers = {
        "file": {"class": "logging.FileHandler", "filename": str(file), "formatter": "timed"},
        "shown": {"class": "logging.StreamHandler", "stream": "ext://sys.stdout", "formatter": "timed"},
    }
    settings = {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"timed": {"format": "%(asctime)s %(message)s"}},
        "handlers": handlers,
        "loggers": {"vllm": {"handlers": list(handlers), "level": "INFO", "propagate": False}},
    }
    (folder / "logging.json").write_text(json.dumps(settings))
    os.environ["VLLM_LOGGING_CONFIG_PATH"] = str(folder / "logging.json")
    return file


def _generating_gib(shape: Shape, batch: Generation) -> float:
    """Return the peak that `gonogo check` would predict, without what CUDA takes beside torch."""
    need = estimate_generation(shape, batch)
    return (need.total - need.parts["CUDA"]) / 2**30


def _served_gib(settings: Mapping[str, Any]) -> float | None:
    """Return the memory that vLLM takes: its share of the card."""
    card, share = next(iter(list_visible_gpus()), None), settings.get("gpu_memory_utilization")
    return share * card.total / 2**30 if card and share else None


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
    from phases.models.tokenizer import load_tokenizer

    return load_tokenizer("embedded")


def _peak() -> float | None:
    import torch

    return torch.cuda.max_memory_allocated() / 2**30 if torch.cuda.is_available() else None
