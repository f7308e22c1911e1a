"""The commands for plans: `check`, `init` and `drill`."""

import argparse
import sys
from pathlib import Path

from app.cli import BAD_INPUT, PLAN
from app.cli.check import check_plan
from app.cli.check_log import check_log
from app.cli.plan_file import load_plan_or_exit
from app.plan.errors import PlanErrors
from app.plan.init import find_terminal_input, init_plan
from app.session.pod.drill import run_drill

_ANSWERS = ("name", "model", "gpu", "usd_per_hour", "budget_usd")


def check(options: argparse.Namespace) -> int:
    """Validate a plan and print its estimates, or show what is found in a log."""
    if options.log is not None:
        plan = options.plan or Path(PLAN)
        return check_log(options.log, plan, options.profile, needs_plan=options.plan is not None)
    return check_plan(options.plan or Path(PLAN), options.profile, options.json, options.gpu)


def init(options: argparse.Namespace) -> int:
    """Write a plan that runs the scripts in a folder."""
    answers = {name: value for name, value in vars(options).items() if name in _ANSWERS}
    try:
        return init_plan(options.folder, answers, None if options.yes else find_terminal_input())
    except PlanErrors as errors:
        print(errors, file=sys.stderr)
        return BAD_INPUT


def drill(options: argparse.Namespace) -> int:
    """Dry-run the automatic stop of the pod."""
    plan = load_plan_or_exit(options.plan or Path(PLAN), options.profile)
    return 0 if run_drill(plan, lambda line: print(line, flush=True)) else 1
