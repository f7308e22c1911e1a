"""The GPU benchmark: what generation, judging and training cost on the card that is here.

    python -m benchmarks.gpu generation|training|all [--shape S] [--model FOLDER] [--seconds N] [--out FILE]
    python -m benchmarks.gpu section vllm|fp8|naive|small|training|scaling [the same options]
    python -m benchmarks.gpu report FILE... [--usd-per-hour H100=2.69 ...]

Each section runs in a process of its own and writes its rows to FILE as they come, one JSON object a line.
A section that fails or takes too long is a row that says so, and the next one begins. `report` makes
`docs/performance.md` of such files.
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

from benchmarks import gpu_cards, gpu_generation, gpu_model, gpu_report, gpu_scaling

Row = dict[str, Any]
Section = Callable[[str, float], Iterator[Row]]

START: Final = 200.0
"""Seconds that a section gets for imports, building a model and starting an engine, beside its own time."""


def training(shape: str, seconds: float) -> Iterator[Row]:
    """Measure training; see `benchmarks.gpu_training`."""
    from benchmarks import gpu_training

    yield from gpu_training.measure(shape, seconds)


SECTIONS: Final[dict[str, Section]] = {
    "naive": gpu_generation.naive,
    "vllm": gpu_generation.vllm,
    "fp8": functools.partial(gpu_generation.vllm, quantization="fp8"),
    "small": gpu_generation.small,
    "training": training,
    "scaling": gpu_scaling.measure,
}


def plan(what: str, seconds: float, model: str | None) -> list[tuple[str, float]]:
    """Return the sections to run, with the seconds of each: the rest of the time is for starts and builds."""
    shares = {"vllm": 0.4, "fp8": 0.35, "naive": 0.25}
    if model:
        shares = {"vllm": 0.35, "fp8": 0.3, "naive": 0.2, "small": 0.15}
    generation = [(section, share * seconds) for section, share in shares.items()]
    return {
        "generation": generation,
        "training": [("training", seconds)],
        "all": [*generation, ("training", seconds)],
    }[what]


def run(what: str, shape: str, model: str | None, seconds: float, out: Path) -> int:
    """Run sections, each in its own process; return how many failed."""
    failed = 0
    for section, share in plan(what, seconds, model):
        argv = [sys.executable, "-m", "benchmarks.gpu", "section", section, "--shape", shape]
        argv += ["--seconds", str(share), "--out", str(out), *(["--model", model] if model else [])]
        began = time.monotonic()
        process = subprocess.Popen(argv, start_new_session=True)
        try:
            code: int | str = process.wait(share + START)
        except subprocess.TimeoutExpired:
            code = "took too long"
        finally:  # an engine's own processes, too: they would hold the GPU
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        took = time.monotonic() - began
        print(f"{section}: {code or 'done'} after {took:.0f} s", flush=True)
        failed += bool(code)
        if code not in (0, 1):  # otherwise it has said so itself
            _write(out, {"section": section, "what": "failed", "note": str(code), "seconds": took})
    print(gpu_report.table(gpu_report.read([out])))
    return failed


def one_section(section: str, shape: str, model: str | None, seconds: float, out: Path) -> int:
    """Run one section in this process, each row written as it comes."""
    device = gpu_cards.device_name()
    card = gpu_cards.sheet_of(device)
    of_what = model if section == "small" and model else shape
    try:
        for row in SECTIONS[section](of_what, seconds):
            bound = row.get("bound_by")
            if bound is not None:
                row["bound_by"] = dataclasses.asdict(bound)
                row["ceiling"] = bound.tokens_per_second(card) * row.get("gpus", 1) if card else None
            _write(out, {"section": section, "shape": of_what, "device": device, **row})
    except Exception as error:
        traceback.print_exc()
        _write(out, {"section": section, "what": "failed", "device": device, "note": repr(error)[:500]})
        return 1
    return 0


def _write(out: Path, row: Row) -> None:
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
        command.add_argument("--model", help="folder of a small real model, measured as well")
        command.add_argument(
            "--seconds", type=float, default=150.0, help="time of measuring, starts not counted"
        )
        command.add_argument("--out", type=Path, default=Path("gpu.jsonl"), help="rows are appended here")
    report = commands.add_parser("report")
    report.add_argument("files", nargs="+", type=Path)
    report.add_argument("--usd-per-hour", nargs="*", default=["A100=1.74"], metavar="CARD=USD")
    given = parser.parse_args(argv)
    if given.command == "report":
        prices = {name: float(usd) for name, usd in (text.split("=") for text in given.usd_per_hour)}
        print(gpu_report.document(gpu_report.read(given.files), prices))
        return 0
    given.out.parent.mkdir(parents=True, exist_ok=True)
    if given.command == "section":
        return one_section(given.section, given.shape, given.model, given.seconds, given.out)
    return run(given.command, given.shape, given.model, given.seconds, given.out)


if __name__ == "__main__":
    raise SystemExit(main())
