"""Several GPUs against one: training under `accelerate launch`, and generation with one engine per GPU.

Each number of GPUs is measured in its own process (`python -m benchmarks.gpu_scaling KIND --gpus N`), set up
as in the phases: DDP over the processes of the launcher, and vLLM engines on the GPUs in
`CUDA_VISIBLE_DEVICES`. The work per GPU is constant.
"""

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from unittest import mock

from benchmarks import gpu_cards, gpu_model, gpu_packed
from benchmarks.gpu_cards import Bound
from benchmarks.gpu_generation import WORKLOADS
from benchmarks.gpu_vllm import DUMMY_WEIGHTS, draw_lengths
from phases.generation import vllm_engine
from phases.generation.completion import PromptGroup, Sampling
from phases.generation.engine import EngineChoice, open_engine
from phases.generation.gpus import list_visible_gpus
from phases.generation.vllm_replica import VllmReplica
from phases.generation.vllm_settings import OVERRIDES_VARIABLE, read_overrides
from phases.models import distributed

Row = dict[str, Any]
KINDS: Final = ("generation", "sft", "dpo")
ROW_PREFIX: Final = "row: "
COUNTS_VARIABLE: Final = "GONOGO_BENCHMARK_COUNTS"
"""Environment variable with the folder in which each engine logs the time and number of its tokens."""
START_LIMIT: Final = 240.0
"""Additional seconds for a measurement's start."""


def measure(shape: str, seconds: float) -> Iterator[Row]:
    """Yield rows of generation and training, each on one GPU and on all.

    Args:
        shape: the model's shape.
        seconds: the time for all measurements, without starts.
    """
    count = max(1, len(list_visible_gpus()))
    for kind in KINDS:
        for gpus in sorted({1, count}):
            yield _run_in_process(kind, shape, gpus, seconds / (2 * len(KINDS)))


def _run_in_process(kind: str, shape: str, gpus: int, seconds: float) -> Row:
    launcher = []
    if kind != "generation" and gpus > 1:
        launcher = ["-m", "accelerate.commands.launch", "--num_processes", str(gpus), "--multi_gpu"]
    options = [kind, "--shape", shape, "--seconds", str(seconds), "--gpus", str(gpus)]
    visible = {"CUDA_VISIBLE_DEVICES": ",".join(map(str, range(gpus)))} if list_visible_gpus() else {}
    argv = [sys.executable, *launcher, "-m", "benchmarks.gpu_scaling", *options]
    with subprocess.Popen(argv, env=os.environ | visible, stdout=subprocess.PIPE, text=True) as process:
        try:
            output, _ = process.communicate(timeout=START_LIMIT + seconds)
        except subprocess.TimeoutExpired:
            process.terminate()  # the launcher terminates its processes
            output, _ = process.communicate()
    print(output, flush=True)
    rows = [line.removeprefix(ROW_PREFIX) for line in output.splitlines() if line.startswith(ROW_PREFIX)]
    if not rows:
        return {"what": "failed", "engine": f"{kind}, {_describe_gpus(gpus)}", "note": "see the log"}
    row: Row = json.loads(rows[-1])
    return row | ({"bound_by": Bound(**row["bound_by"])} if "bound_by" in row else {})


def measure_training(kind: str, shape: str, seconds: float, gpus: int) -> Row:
    """Measure a training in each process, counting the tokens of all.

    Args:
        kind: `sft` or `dpo`.
        shape: the model's shape.
        seconds: the time for training steps.
        gpus: the number of processes.
    """
    *_, row = gpu_packed.measure(shape, seconds, kinds=(kind,), lengths=("session",))
    assert distributed.world_size() == gpus
    return {**row, "engine": f"{row['engine']}, {_describe_gpus(gpus)}", "gpus": gpus}


class CountingReplica(VllmReplica):
    """A vLLM replica that logs the time and number of its tokens."""

    def __init__(self, arguments: Mapping[str, Any], *, adapter: str | None) -> None:
        super().__init__(arguments, adapter=adapter)
        self._engine.collective_rpc("sharpen_logits")
        core = self._engine.engine_core
        get_output = core.get_output
        file = Path(os.environ[COUNTS_VARIABLE], str(os.getpid())).open("a")  # noqa: SIM115 - open while the engine runs

        def count_tokens() -> Any:
            outputs = get_output()
            if tokens := sum(len(output.new_token_ids) for output in outputs.outputs):
                file.write(f"{time.monotonic()} {tokens}\n")
                file.flush()
            return outputs

        core.get_output = count_tokens


def measure_generation(shape: str, seconds: float, gpus: int) -> Row:
    """Measure candidates with the adapter, as the preference pairs phase requests them.

    Args:
        shape: the model's shape.
        seconds: the time for generation; batches fill up in the first third.
        gpus: the number of GPUs.
    """
    work = WORKLOADS[shape]
    with (
        tempfile.TemporaryDirectory() as folder,
        mock.patch.object(vllm_engine, "VllmReplica", CountingReplica),
    ):
        base = gpu_model.write_model_folder(shape, Path(folder, "base"))
        adapter = gpu_model.write_adapter(shape, base, Path(folder, "adapter"))
        counts = Path(folder, "counts")
        counts.mkdir()
        os.environ[COUNTS_VARIABLE] = str(counts)
        overrides = read_overrides(os.environ)
        os.environ[OVERRIDES_VARIABLE] = json.dumps(DUMMY_WEIGHTS | overrides)
        opened = time.monotonic()
        with open_engine(EngineChoice("vllm", "benchmark"), adapter, batch_size=1) as engine:
            start_seconds = time.monotonic() - opened
            settings = engine.describe_provenance()["engine"]["settings"]
            # As many candidates per prompt as in the phase, and enough prompts to keep every engine busy.
            prompts = gpu_model.make_prompts(
                engine.tokenizer, gpus * work.rows // work.candidates, 60, 4, seed=4
            )
            repeated = [prompt for prompt in prompts for _ in range(work.candidates)]
            answer_lengths = draw_lengths(work, settings["max_num_seqs"] * gpus, len(repeated))
            groups = [
                PromptGroup([text], [seed], Sampling(tokens, 0.9, 0.95, ("\n\n",)))
                for seed, (text, tokens) in enumerate(zip(repeated, answer_lengths, strict=True))
            ]
            end = time.monotonic() + 10 * seconds

            def on_step() -> None:
                nonlocal end
                if any(file.stat().st_size for file in counts.iterdir()):
                    end = min(end, time.monotonic() + seconds)
                if time.monotonic() > end:
                    raise TimeoutError

            with contextlib.suppress(TimeoutError):
                for _ in engine.generate(groups, on_step=on_step):
                    pass
            ended = time.monotonic()
            peak = gpu_cards.read_used_gib()
        lines = [line.split() for file in counts.iterdir() for line in file.read_text().splitlines()]
        steps = [(float(time_), int(tokens)) for time_, tokens in lines]
    first = min(time_ for time_, _ in steps)
    full_batch_time = first + (ended - first) / 3
    tokens = sum(tokens for time_, tokens in steps if full_batch_time <= time_ <= ended)
    measured_seconds = ended - full_batch_time
    weights = settings.get("quantization") or settings["dtype"]
    return {
        "what": f"{work.candidates} candidates a prompt, with the adapter",
        "engine": f"ours on vllm, {weights}, {_describe_gpus(gpus)}",
        "gpus": gpus,
        "tokens_per_second": tokens / measured_seconds,
        "tokens": tokens,
        "seconds": measured_seconds,
        "peak_gib": peak,
        "bound_by": {
            "shape": shape,
            "batch": settings["max_num_seqs"],
            "prompt": 56,
            "new": work.new,
            "weight_bytes": 2.0,
            "shared": 4,
        },
        "note": f"started in {start_seconds:.0f} s",
    }


def _describe_gpus(gpus: int) -> str:
    return f"{gpus} GPUs" if gpus > 1 else "1 GPU"


def main(argv: list[str] | None = None) -> None:
    """Measure training or generation on some GPUs and print the row."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu_scaling")
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("--shape", choices=sorted(gpu_model.SHAPES), required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--gpus", type=int, required=True)
    options = parser.parse_args(argv)
    if options.kind == "generation":
        row = measure_generation(options.shape, options.seconds, options.gpus)
    else:
        row = measure_training(options.kind, options.shape, options.seconds, options.gpus)
    if distributed.is_main_process():
        print(ROW_PREFIX + json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
