"""Several GPUs against one: training under `accelerate launch`, and generation with an engine on each.

Each number of GPUs is measured by a program of its own (`python -m benchmarks.gpu_scaling KIND --gpus N`), as
the phases would use them: DDP over all processes of the launcher, and vLLM's engines on the GPUs that
`CUDA_VISIBLE_DEVICES` shows. Each GPU has as much work as one alone.
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

from benchmarks import gpu_cards, gpu_model
from benchmarks.gpu_cards import Bound
from benchmarks.gpu_generation import DUMMY, WORKLOADS, lengths
from phases.generation import vllm_engine
from phases.generation.completion import PromptGroup, Sampling
from phases.generation.engine import EngineChoice, open_engine
from phases.generation.gpus import list_visible_gpus
from phases.generation.vllm_replica import VllmReplica
from phases.generation.vllm_settings import OVERRIDES_VARIABLE, read_overrides
from phases.models import distributed

Row = dict[str, Any]
MARK: Final = "row: "
COUNTS: Final = "GONOGO_BENCHMARK_COUNTS"
"""A variable that names a folder: each engine writes there when it made how many tokens."""
LIMIT: Final = 240.0
"""Seconds that a measurement may take beside its own time."""


def measure(shape: str, seconds: float) -> Iterator[Row]:
    """Yield rows of training and of generation, each on one GPU and on all.

    Args:
        shape: of the model.
        seconds: for all four, starts not counted.
    """
    count = max(1, len(list_visible_gpus()))
    for kind in ("generation", "training"):
        for gpus in sorted({1, count}):
            yield _in_a_process(kind, shape, gpus, seconds / 4)


def _in_a_process(kind: str, shape: str, gpus: int, seconds: float) -> Row:
    many = kind == "training" and gpus > 1
    launch = ["-m", "accelerate.commands.launch", "--num_processes", str(gpus), "--multi_gpu"] if many else []
    asked = [kind, "--shape", shape, "--seconds", str(seconds), "--gpus", str(gpus)]
    visible = {"CUDA_VISIBLE_DEVICES": ",".join(map(str, range(gpus)))} if list_visible_gpus() else {}
    argv = [sys.executable, *launch, "-m", "benchmarks.gpu_scaling", *asked]
    with subprocess.Popen(argv, env=os.environ | visible, stdout=subprocess.PIPE, text=True) as process:
        try:
            said, _ = process.communicate(timeout=LIMIT + seconds)
        except subprocess.TimeoutExpired:
            process.terminate()  # a launcher ends its processes
            said, _ = process.communicate()
    print(said, flush=True)
    found = [line.removeprefix(MARK) for line in said.splitlines() if line.startswith(MARK)]
    if not found:
        return {"what": "failed", "engine": f"{kind}, {_called(gpus)}", "note": "the log says why"}
    row: Row = json.loads(found[-1])
    return row | ({"bound_by": Bound(**row["bound_by"])} if "bound_by" in row else {})


def training(shape: str, seconds: float, gpus: int) -> Row:
    """Measure QLoRA SFT by our way in each process; tokens of all of them.

    Args:
        shape: of the model.
        seconds: of steps.
        gpus: how many processes there are.
    """
    from accelerate import PartialState

    from benchmarks import gpu_training

    device = PartialState(cpu=gpu_cards.device_name() == "cpu").device
    row = gpu_training.ours(shape, device, seconds)
    assert distributed.world_size() == gpus
    more = {"engine": f"{row['engine']}, {_called(gpus)}", "gpus": gpus}
    return row | more | ({"ceiling": gpus * row["ceiling"]} if "ceiling" in row else {})


class Counted(VllmReplica):
    """vLLM, which writes down when it made how many tokens."""

    def __init__(self, arguments: Mapping[str, Any], *, adapter: str | None) -> None:
        super().__init__(arguments, adapter=adapter)
        self._engine.collective_rpc("sharpen")
        core = self._engine.engine_core
        get = core.get_output
        file = Path(os.environ[COUNTS], str(os.getpid())).open("a")  # noqa: SIM115 - as long as it runs

        def counted() -> Any:
            outputs = get()
            if tokens := sum(len(output.new_token_ids) for output in outputs.outputs):
                file.write(f"{time.monotonic()} {tokens}\n")
                file.flush()
            return outputs

        core.get_output = counted


def generation(shape: str, seconds: float, gpus: int) -> Row:
    """Measure candidates with the adapter, as the phase that makes preference pairs asks for them.

    Args:
        shape: of the model.
        seconds: of work; the first third is for filling up.
        gpus: how many GPUs there are.
    """
    work = WORKLOADS[shape]
    with tempfile.TemporaryDirectory() as place, mock.patch.object(vllm_engine, "VllmReplica", Counted):
        base = gpu_model.folder(shape, Path(place, "base"))
        tuned = gpu_model.adapter(shape, base, Path(place, "adapter"))
        counts = Path(place, "counts")
        counts.mkdir()
        os.environ[COUNTS] = str(counts)
        given = read_overrides(os.environ)
        os.environ[OVERRIDES_VARIABLE] = json.dumps(DUMMY | given)
        began = time.monotonic()
        with open_engine(EngineChoice("vllm", "benchmark"), tuned, batch_size=1) as engine:
            started = time.monotonic() - began
            settings = engine.provenance()["engine"]["settings"]
            # Each prompt has as many candidates as in the phase; enough of them that no engine runs dry.
            prompts = gpu_model.prompts(engine.tokenizer, gpus * work.rows // work.candidates, 60, 4, seed=4)
            asked = [text for text in prompts for _ in range(work.candidates)]
            new = lengths(work, settings["max_num_seqs"] * gpus, len(asked))
            groups = [
                PromptGroup([text], [seed], Sampling(tokens, 0.9, 0.95, ("\n\n",)))
                for seed, (text, tokens) in enumerate(zip(asked, new, strict=True))
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
            last = time.monotonic()
            peak = gpu_cards.used_gib()
        lines = [line.split() for file in counts.iterdir() for line in file.read_text().splitlines()]
        steps = [(float(when), int(tokens)) for when, tokens in lines]
    first = min(when for when, _ in steps)
    full = first + (last - first) / 3
    tokens = sum(tokens for when, tokens in steps if full <= when <= last)
    return {
        "what": f"{work.candidates} candidates a prompt, with the adapter",
        "engine": f"ours on vllm, {settings.get('quantization') or settings['dtype']}, {_called(gpus)}",
        "gpus": gpus,
        "tokens_per_second": tokens / (last - full),
        "tokens": tokens,
        "seconds": last - full,
        "peak_gib": peak,
        "bound_by": {
            "shape": shape,
            "batch": settings["max_num_seqs"],
            "prompt": 56,
            "new": work.new,
            "weight_bytes": 2.0,
            "shared": 4,
        },
        "note": f"started in {started:.0f} s",
    }


def _called(gpus: int) -> str:
    return f"{gpus} GPUs" if gpus > 1 else "1 GPU"


def main(argv: list[str] | None = None) -> None:
    """Measure one kind on some GPUs and print its row."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu_scaling")
    parser.add_argument("kind", choices=("training", "generation"))
    parser.add_argument("--shape", choices=sorted(gpu_model.SHAPES), required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--gpus", type=int, required=True)
    given = parser.parse_args(argv)
    row = {"training": training, "generation": generation}[given.kind](given.shape, given.seconds, given.gpus)
    if distributed.is_main_process():
        print(MARK + json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
