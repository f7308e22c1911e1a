"""The GPU benchmark: speed and memory of generation, judging and training on this machine's GPU.

    python -m benchmarks.gpu generation|training|all [--shape S] [--model FOLDER] [--seconds N] [--out FILE]
    python -m benchmarks.gpu section vllm|fp8|naive|small|training|scaling [the same options]
    python -m benchmarks.gpu report FILE...

Each section runs in its own process and appends its rows to FILE, one JSON object per line. A section that
fails or takes too long adds a row with the reason, and the next one starts. `report` renders such files as
`docs/performance.md`.
"""

import argparse
import contextlib
import dataclasses
import functools
import json
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from benchmarks import gpu_cards, gpu_generation, gpu_model, gpu_report, gpu_scaling, gpu_training, gpu_vllm

Row = dict[str, Any]
Section = Callable[[str, float], Iterator[Row]]

START_SECONDS: Final = 200.0
"""Additional seconds for a section's imports, model and engine."""


SECTIONS: Final[dict[str, Section]] = {
    "naive": gpu_generation.measure_plain,
    "vllm": gpu_vllm.measure_vllm,
    "fp8": functools.partial(gpu_vllm.measure_vllm, quantization="fp8"),
    "small": gpu_generation.measure_small_model,
    "training": gpu_training.measure,
    "scaling": gpu_scaling.measure,
}


def plan_sections(what: str, seconds: float, model: str | None) -> list[tuple[str, float]]:
    """Return the sections of a benchmark with the seconds for each."""
    shares = {"vllm": 0.4, "fp8": 0.35, "naive": 0.25}
    if model:
        shares = {"vllm": 0.35, "fp8": 0.3, "naive": 0.2, "small": 0.15}
    generation = [(section, share * seconds) for section, share in shares.items()]
    return {
        "generation": generation,
        "training": [("training", seconds)],
        "all": [*generation, ("training", seconds)],
    }[what]


def run_sections(what: str, shape: str, model: str | None, seconds: float, out: Path) -> int:
    """Run the sections of a benchmark, each in its own process; return the number of failures."""
    failed = 0
    for section, share in plan_sections(what, seconds, model):
        argv = [sys.executable, "-m", "benchmarks.gpu", "section", section, "--shape", shape]
        argv += ["--seconds", str(share), "--out", str(out), *(["--model", model] if model else [])]
        started = time.monotonic()
        process = subprocess.Popen(argv, start_new_session=True)
        try:
            code: int | str = process.wait(share + START_SECONDS)
        except subprocess.TimeoutExpired:
            code = "took too long"
        finally:  # also end the processes of an engine, which would keep the GPU
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        elapsed = time.monotonic() - started
        print(f"{section}: {code or 'done'} after {elapsed:.0f} s", flush=True)
        failed += bool(code)
        if code not in (0, 1):  # with 1 the section has added the row itself
            _append_row(out, {"section": section, "what": "failed", "note": str(code), "seconds": elapsed})
    print(gpu_report.format_measurements(gpu_report.load_rows([out])))
    return failed


def run_section(section: str, shape: str, model: str | None, seconds: float, out: Path) -> int:
    """Run one section in this process and append each row when it is measured."""
    device = gpu_cards.read_device_name()
    card = gpu_cards.find_card(device)
    subject = model if section == "small" and model else shape
    try:
        for row in SECTIONS[section](subject, seconds):
            bound = row.get("bound_by")
            if bound is not None:
                row["bound_by"] = dataclasses.asdict(bound)
                row["ceiling"] = bound.compute_tokens_per_second(card) * row.get("gpus", 1) if card else None
            _append_row(out, {"section": section, "shape": subject, "device": device, **row})
    except Exception as error:
        traceback.print_exc()
        _append_row(out, {"section": section, "what": "failed", "device": device, "note": repr(error)[:500]})
        return 1
    return 0


def _append_row(out: Path, row: Row) -> None:
    line = json.dumps({"date": time.strftime("%Y-%m-%d"), **row})
    print(line, flush=True)
    with out.open("a") as file:
        file.write(line + "\n")


def main(argv: list[str] | None = None) -> int:
    """Run the benchmark from its command line."""
    parser = argparse.ArgumentParser(prog="benchmarks.gpu", description=(__doc__ or "").split("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("generation", "training", "all", "section"):
        command = commands.add_parser(name)
        if name == "section":
            command.add_argument("section", choices=sorted(SECTIONS))
        command.add_argument("--shape", choices=sorted(gpu_model.SHAPES), default="Qwen2.5-32B")
        command.add_argument("--model", help="folder of a small real model to measure as well")
        command.add_argument("--seconds", type=float, default=150.0, help="measuring time without starts")
        command.add_argument("--out", type=Path, default=Path("gpu.jsonl"), help="file to append rows to")
    report = commands.add_parser("report")
    report.add_argument("files", nargs="+", type=Path)
    options = parser.parse_args(argv)
    if options.command == "report":
        print(gpu_report.format_page(gpu_report.load_rows(options.files)))
        return 0
    options.out.parent.mkdir(parents=True, exist_ok=True)
    if options.command == "section":
        return run_section(options.section, options.shape, options.model, options.seconds, options.out)
    return run_sections(options.command, options.shape, options.model, options.seconds, options.out)


if __name__ == "__main__":
    raise SystemExit(main())
