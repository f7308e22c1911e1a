"""Generation and judging with vLLM: its own loop, and our engine on the same process."""

import json
import os
import re
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, Final

import msgspec

from benchmarks import gpu_cards, gpu_model
from benchmarks.gpu_cards import Bound
from benchmarks.gpu_generation import WORKLOADS, Row, Workload, make_judged_pairs
from phases.datagen.constitution import load_constitution
from phases.datagen.judge import judge_by_choice
from phases.generation.completion import PromptGroup, Sampling
from phases.generation.engine import Engine, EngineChoice, open_engine
from phases.generation.gpus import list_visible_gpus
from phases.preference_pairs.spec import CONSTITUTION

DUMMY_WEIGHTS: Final = {
    "load_format": "dummy",
    "worker_extension_cls": "benchmarks.gpu_worker.WorkerExtension",
}
"""Arguments of vLLM's engine that fill the weights with dummy values on the GPU."""


def measure_vllm(shape: str, seconds: float, quantization: str | None = None) -> Iterator[Row]:
    """Measure vLLM's own loop and our engine in the same process, with base and adapter, then judging.

    Args:
        shape: the model's shape.
        seconds: the time for all four measurements, without the start.
        quantization: the weights' quantization; None keeps bfloat16, whatever the engine would choose.
    """
    work = WORKLOADS[shape]
    with tempfile.TemporaryDirectory() as folder:
        base = gpu_model.write_model_folder(shape, Path(folder, "base"))
        adapter = gpu_model.write_adapter(shape, base, Path(folder, "adapter"))
        log = _redirect_vllm_log(Path(folder))
        overrides = json.loads(os.environ.get("GONOGO_ENGINE_ARGS", "{}"))
        os.environ["GONOGO_ENGINE_ARGS"] = json.dumps(
            {**DUMMY_WEIGHTS, "quantization": quantization, **overrides}
        )
        started = time.monotonic()
        with open_engine(EngineChoice("vllm", "benchmark"), adapter, batch_size=1) as engine:
            provenance = engine.describe_provenance()["engine"]
            weights = provenance["weights"]
            yield {
                "what": "start of the engine",
                "engine": f"vllm, {weights}",
                "seconds": time.monotonic() - started,
                "peak_gib": gpu_cards.read_used_gib(),
                "predicted_gib": _predict_served_gib(provenance["settings"]),
                "note": read_start_stages(log.read_text()) if log.exists() else "",
                "settings": provenance["settings"],
            }
            rows = provenance["settings"]["max_num_seqs"]
            yield from _measure_engine(VllmBenchmark(engine, work, shape, weights, rows, seconds / 4))


def _measure_engine(benchmark: "VllmBenchmark") -> Iterator[Row]:
    work, tokenizer = benchmark.work, benchmark.engine.tokenizer
    benchmark.sharpen_logits()
    benchmark.warm_up()
    few_shot = [
        gpu_model.make_prompts(tokenizer, work.rows, work.prompt, work.shared, seed=seed) for seed in (2, 3)
    ]
    sampling = Sampling(work.new, 0.9, 0.95, ("\n\n",))
    yield benchmark.measure_vllm_loop("few-shot answers", few_shot[0])
    yield benchmark.measure_our_engine(
        "few-shot answers", few_shot[1], sampling, base=True, shared=work.shared
    )
    prompts = gpu_model.make_prompts(tokenizer, work.rows // work.candidates, 60, 4, seed=4)
    repeated = [prompt for prompt in prompts for _ in range(work.candidates)]
    what = f"{work.candidates} candidates a prompt, with the adapter"
    yield benchmark.measure_our_engine(what, repeated, sampling, base=False, shared=4)
    yield benchmark.measure_judging()


class _WindowEnded(Exception):  # noqa: N818 - not an error
    """Ends the work when the measuring time is over."""


class ThroughputWindow:
    """Counts the tokens that vLLM's core generates in a period of full batches.

    Complete answers take longer than the benchmark. Tokens are therefore counted as they arrive, after a
    first third in which the batch fills up, and unfinished answers are dropped at the end.
    """

    def __init__(self, core: Any, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        """Prepare to count.

        Args:
            core: vLLM's client of its engine core.
            seconds: the length of the window after the first token.
            clock: a clock in seconds with any origin.
        """
        self._core, self._seconds, self._clock = core, seconds, clock
        self._counts: list[tuple[float, int]] = []

    def __enter__(self) -> "ThroughputWindow":
        get_output = self._core.get_output

        def count_tokens() -> Any:
            outputs = get_output()
            if tokens := sum(len(output.new_token_ids) for output in outputs.outputs):
                self._counts.append((self._clock(), tokens))
            return outputs

        self._core.get_output = count_tokens
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: object) -> bool:
        del self._core.get_output  # restores the method of the class
        return kind is _WindowEnded

    def on_step(self) -> None:
        """Raise an exception that ends the work once the window is over."""
        if self._counts and self._clock() - self._counts[0][0] >= self._seconds:
            raise _WindowEnded

    def to_row(self) -> Row:
        """Return tokens, seconds, tokens per second and rows per step."""
        if len(self._counts) < 2:
            return {"note": "no tokens"}
        measured = self._counts[-1][0] - self._counts[0][0]
        full_batch_time = self._counts[0][0] + min(self._seconds, measured) / 3
        first = next(index for index, (time_, _) in enumerate(self._counts) if time_ >= full_batch_time)
        first = min(first, len(self._counts) - 2)
        counts = [tokens for _, tokens in self._counts[first + 1 :]]
        seconds = self._counts[-1][0] - self._counts[first][0]
        rows_per_step = sum(counts) / len(counts)
        return {
            "tokens_per_second": sum(counts) / seconds,
            "tokens": sum(counts),
            "seconds": seconds,
            "rows_a_step": rows_per_step,
            "note": f"{rows_per_step:.0f} rows a step, {1000 * seconds / len(counts):.1f} ms",
        }


def draw_lengths(work: Workload, batch: int, count: int) -> list[int]:
    """Return the length of each answer; those of the first batch vary, so that rows do not end together."""
    rng = Random(0)
    first = [rng.randint(1, work.new) for _ in range(min(batch, count // 2))]
    return first + [work.new] * (count - len(first))


@dataclass(frozen=True)
class VllmBenchmark:
    """An open engine under measurement; `weights` is the data type of its weights, `rows` its batch size."""

    engine: Engine
    work: Workload
    shape: str
    weights: str
    rows: int
    seconds: float

    @property
    def _vllm(self) -> Any:
        return self.engine._core._engine  # type: ignore[attr-defined]

    def sharpen_logits(self) -> None:
        """Give the dummy weights a peaked distribution over the next token."""
        self._vllm.collective_rpc("sharpen_logits")

    def warm_up(self) -> None:
        """Load kernels and adapters that are loaded on first use."""
        prompts = gpu_model.make_prompts(self.engine.tokenizer, 32, 20, 1, seed=1)
        for base in (True, False):
            list(
                self.engine.generate(
                    [PromptGroup(prompts, range(len(prompts)), Sampling(4, 0.9, 0.95))], base=base
                )
            )
        self.engine.score_next_tokens([[1, 2, 3]], [4, 5], base=True)

    def measure_vllm_loop(self, what: str, prompts: list[str]) -> Row:
        """Measure vLLM's offline throughput with its own requests and steps, as in its own benchmark."""
        from vllm import SamplingParams
        from vllm.sampling_params import RequestOutputKind

        vllm, output_kind = self._vllm, RequestOutputKind.FINAL_ONLY
        ids = [self.engine.tokenizer.encode_prompt(text) for text in prompts]
        for number, (row, new) in enumerate(
            zip(ids, draw_lengths(self.work, self.rows, self.work.rows), strict=True)
        ):
            sampling = SamplingParams(
                max_tokens=new, ignore_eos=True, output_kind=output_kind, temperature=1.0
            )
            vllm.add_request(f"own {number}", {"prompt_token_ids": row}, sampling)
        with ThroughputWindow(vllm.engine_core, self.seconds) as window:
            while vllm.has_unfinished_requests():
                vllm.step()
                window.on_step()
        vllm.abort_request([f"own {number}" for number in range(len(ids))])
        return self._build_row(what, "vllm, its own loop", window, len(ids[0]), self.work.shared)

    def measure_our_engine(
        self, what: str, prompts: list[str], sampling: Sampling, *, base: bool, shared: int
    ) -> Row:
        """Measure our engine as the phases use it."""
        groups = [
            PromptGroup([text], [seed], msgspec.structs.replace(sampling, max_new_tokens=new))
            for seed, (text, new) in enumerate(
                zip(prompts, draw_lengths(self.work, self.rows, self.work.rows), strict=True)
            )
        ]
        with ThroughputWindow(self._vllm.engine_core, self.seconds) as window:
            for _ in self.engine.generate(groups, base=base, on_step=window.on_step):
                pass
        length = len(self.engine.tokenizer.encode_prompt(prompts[0]))
        return self._build_row(what, "ours on vllm", window, length, shared)

    def measure_judging(self) -> Row:
        """Measure pairs judged in both orders after the constitution, with responses of 60 tokens."""
        constitution, tokenizer = load_constitution(CONSTITUTION), self.engine.tokenizer
        pairs = make_judged_pairs(tokenizer, self.work.judged)
        with ThroughputWindow(self._vllm.engine_core, self.seconds) as window:
            judge_by_choice(self.engine, constitution, pairs, on_step=window.on_step)
        row = window.to_row()
        rate = row.pop("tokens_per_second", 0.0)  # each order generates one token
        return {
            "what": "pairs judged in both orders",
            "engine": f"ours on vllm, {self.weights}",
            **row,
            "pairs_per_second": rate / 2,
            "prompt_tokens": len(tokenizer.encode_prompt(constitution.format_prompt(*pairs[0]))),
            "peak_gib": gpu_cards.read_used_gib(),
        }

    def _build_row(self, what: str, engine: str, window: ThroughputWindow, length: int, shared: int) -> Row:
        weight_bytes = 1.0 if self.weights == "fp8" else 2.0
        return {
            "what": what,
            "engine": f"{engine}, {self.weights}",
            **window.to_row(),
            "prompt_tokens": length,
            "peak_gib": gpu_cards.read_used_gib(),
            "bound_by": Bound(
                self.shape, self.rows, max(1, length - shared), self.work.new, weight_bytes, shared
            ),
        }


_STAGES: Final = {
    "weights": r"Model loading took .* ([\d.]+) seconds",
    "torch.compile": r"torch\.compile took ([\d.]+) s in total",
    "first run": r"profiling/warmup run took ([\d.]+) s",
    "CUDA graphs": r"Graph capturing finished in ([\d.]+) secs",
    "of those, memory, compile and graphs": r"init engine .* took ([\d.]+) s",
}


def read_start_stages(log: str) -> str:
    """Return the seconds of each stage of the start, according to vLLM's log."""
    matches = {name: re.findall(pattern, log) for name, pattern in _STAGES.items()}
    return ", ".join(f"{name} {float(values[-1]):.0f} s" for name, values in matches.items() if values)


def _redirect_vllm_log(folder: Path) -> Path:
    """Make all of vLLM's processes write their log to a file as well; return the file."""
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


def _predict_served_gib(settings: Mapping[str, Any]) -> float | None:
    """Return the memory that vLLM reserves: a share of the GPU."""
    gpu = next(iter(list_visible_gpus()), None)
    share = settings.get("gpu_memory_utilization")
    return share * gpu.total / 2**30 if gpu and share else None
