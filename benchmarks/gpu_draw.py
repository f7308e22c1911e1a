"""What choosing tokens costs in vLLM: its own ways, with and without seeds and a nucleus, and ours.

A shape of few layers shows it best. Logits are alike for all tokens at first, the worst case of looking for a
nucleus, then as peaked as those of a language model.
"""

import json
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks import gpu_cards, gpu_model
from benchmarks.gpu_generation import DUMMY, WORKLOADS, Bench
from phases.common.engine import Choice, open_engine
from phases.common.recorded import Sampling

Row = dict[str, Any]


def measure(shape: str, seconds: float) -> Iterator[Row]:
    """Yield a row for each way, on an engine without our logits processor, then on one with it.

    Args:
        shape: one of `benchmarks.gpu_model`.
        seconds: for all ten, the two starts not counted.
    """
    work = WORKLOADS[shape]
    given = json.loads(os.environ.get("GONOGO_ENGINE_ARGS", "{}"))
    for ours in (False, True):
        settings = {**DUMMY, "quantization": None, "enforce_eager": True, **given}
        if not ours:
            settings["logits_processors"] = None
        os.environ["GONOGO_ENGINE_ARGS"] = json.dumps(settings)
        with tempfile.TemporaryDirectory() as place:
            source = gpu_model.folder(shape, Path(place))
            began = time.monotonic()
            with open_engine(Choice("vllm", "benchmark"), source, batch_size=1) as engine:
                yield {
                    "what": "start of the engine",
                    "engine": "with our processor" if ours else "without it",
                    "seconds": time.monotonic() - began,
                    "peak_gib": gpu_cards.used_gib(),
                }
                bench = Bench(engine, work, shape, engine.provenance()["engine"]["weights"], seconds / 10)
                bench.warm_up()
                for logits in ("flat logits", "peaked logits"):
                    yield from _ways(bench, logits, ours=ours)
                    bench.sharpen()


def _ways(bench: Bench, logits: str, *, ours: bool) -> Iterator[Row]:
    work = bench.work
    prompts = gpu_model.prompts(bench.engine.tokenizer, work.rows, work.prompt, work.shared, seed=2)
    if ours:
        yield bench.own(f"{logits}, no seed, top_p 1, our processor idle", prompts)
        sampling = Sampling(work.new, 0.9, 0.95)
        yield bench.ours(f"{logits}, drawn by us", prompts, sampling, base=True, shared=work.shared)
        return
    nucleus = {"temperature": 0.9, "top_p": 0.95}
    yield bench.own(f"{logits}, no seed, top_p 1", prompts)
    yield bench.own(f"{logits}, seeds, top_p 1", prompts, seeded=True)
    yield bench.own(f"{logits}, seeds, top_p 0.95", prompts, seeded=True, **nucleus)
