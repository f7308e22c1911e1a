"""Find and load the plan file that a command names."""

import sys
from pathlib import Path

from app.cli import BAD_INPUT, PLAN
from app.plan.errors import PlanErrors
from app.plan.read import load_plan
from app.plan.schema import Plan


def load_plan_or_exit(path: Path, profile: str | None = None) -> Plan:
    """Return the plan with its profile applied; print its errors and exit if it is invalid."""
    try:
        return load_plan(path, profile)
    except PlanErrors as errors:
        print(errors, file=sys.stderr)
        raise SystemExit(BAD_INPUT) from None


def find_or_create_plan() -> Path:
    """Return the plan in the current folder; if there is none, write the Stage 1 plan there."""
    path = Path(PLAN)
    if not path.exists():
        path.write_bytes(find_shipped_plan().read_bytes())
        print(f"gonogo: {PLAN} does not exist; wrote the Stage 1 plan")
    return path


def find_shipped_plan() -> Path:
    """Return the Stage 1 plan: inside the installed package, or at the root of a checkout."""
    packaged = Path(__file__).parents[1] / PLAN
    return packaged if packaged.exists() else Path(__file__).parents[2] / PLAN
