"""`gonogo check`: validate a plan, and show its estimates, memory and budget."""

import sys
from pathlib import Path

import msgspec

from app.memory.needs import parse_gpu_budget
from app.monitor.gpu import read_gpu_names
from app.plan.check import render_summary, summarize_plan, to_json
from app.plan.errors import PlanErrors
from app.plan.estimates import MeasuredHours
from app.plan.log_check import find_plan_warnings
from app.plan.pipelines import find_pipeline_warnings
from app.plan.read import load_plan
from app.plan.schema import Plan
from app.session import calibration
from app.timeouts import HangingError


def check_plan(
    plan_path: Path, profile: str | None = None, as_json: bool = False, gpu: str | None = None
) -> int:
    """Print the summary of a plan and return 0, or print its errors and return 2.

    Args:
        plan_path: the plan.
        profile: plan profile to apply.
        as_json: print JSON instead of a table.
        gpu: GPUs to forecast memory for, such as `80GB` or `2x80GB`; by default the plan's `pod.gpu`.
    """
    try:
        plan = load_plan(plan_path, profile)
    except PlanErrors as errors:
        print(errors, file=sys.stderr)
        return 2
    gpus = parse_gpu_budget(gpu or plan.pod.gpu)
    if gpu and gpus is None:
        print(f"--gpu {gpu}: expected its memory, such as 80GB, or 2x80GB for two", file=sys.stderr)
        return 2
    for warning in (*find_plan_warnings(plan), *find_pipeline_warnings(plan)):
        print(f"{plan_path}: warning: {warning}", file=sys.stderr)
    summary = summarize_plan(plan, gpus, _calibrate(plan))
    if as_json:
        print(msgspec.json.format(msgspec.json.encode(to_json(summary))).decode())
    else:
        print(render_summary(summary))
    return 0


def _calibrate(plan: Plan) -> dict[str, MeasuredHours]:
    """Return the hours that earlier sessions on such a machine took, or none if its driver hangs."""
    try:
        names = read_gpu_names()
    except HangingError as error:
        print(f"{plan.path}: warning: {error}, so earlier sessions are not compared", file=sys.stderr)
        return {}
    return calibration.calibrate(plan, calibration.identify_machine_kind(names))
