"""Run a study: `python -m tools.study --model DIR --out OUT --results DIR --minutes 9.5`.

The command runs what is not finished yet, within the time limit, and writes the results so far. Run it again
to continue: it exits with 0 once everything is finished, with 3 if something remains, and with 1 if a task
failed.
"""

import argparse
import json
import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from app.plan.read import load_plan
from tools.study.report import write_results
from tools.study.schedule import Schedule
from tools.study.tasks import Study

INCOMPLETE = 3
PLAN = Path(__file__).parents[2] / "session_plan.toml"


def main(argv: Sequence[str] | None = None) -> int:
    """Run a study within the time limit, and write its results so far."""
    options = _parse(argv)
    plan = load_plan(options.plan, options.profile)
    study = Study(
        plan,
        options.out.resolve(),
        seeds=options.seeds,
        model=options.model,
        suites=options.suite,
        changes=_read_changes(options.set),
    )
    tasks = study.list_tasks()
    if options.dry_run:
        for task in tasks:
            print(f"{task.name}: {shlex.join(task.argv)}")  # noqa: T201
        return 0
    threads = str(max(1, (os.cpu_count() or 1) // options.jobs))
    environment = {name: os.environ.get(name, threads) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS")}
    schedule = Schedule(tasks, study.folder / "tasks", options.jobs, _print, environment, options.gpus)
    schedule.run(60 * options.minutes)
    write_results(study, schedule, options.results or study.folder / "results")
    if failed := schedule.list_failed():
        _print(f"failed: {', '.join(failed)}; their output is in {schedule.folder}")
        return 1
    remaining = schedule.list_unfinished()
    _print(f"{len(tasks) - len(remaining)} of {len(tasks)} tasks are finished")
    return INCOMPLETE if remaining else 0


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tools.study", description=__doc__)
    parser.add_argument("--plan", type=Path, default=PLAN, help="plan whose recipe to study")
    parser.add_argument("--profile", default="gemma-270m", help="profile of the plan")
    parser.add_argument("--model", default="", help="base model: hub id or folder (default: the plan's)")
    parser.add_argument("--out", type=Path, required=True, help="folder for models, data and evaluations")
    parser.add_argument("--results", type=Path, help="folder for the merged results (default: OUT/results)")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3], help="training seeds")
    parser.add_argument(
        "--suite", action="append", default=[], help="further suite for the first seed's models"
    )
    parser.add_argument("--jobs", type=int, default=5, help="phases that run at once")
    parser.add_argument("--gpus", type=int, default=1, help="GPUs among which phases are divided")
    parser.add_argument("--minutes", type=float, default=9.5, help="time limit of this run")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="PHASE.NAME=VALUE",
        help="change a parameter (JSON value)",
    )
    parser.add_argument("--dry-run", action="store_true", help="print the commands and exit")
    return parser.parse_args(argv)


def _read_changes(assignments: Sequence[str]) -> dict[str, dict[str, object]]:
    """Return the parameters to change, by phase id."""
    changes: dict[str, dict[str, object]] = {}
    for assignment in assignments:
        place, _, text = assignment.partition("=")
        phase, _, name = place.partition(".")
        if not (phase and name and text):
            raise SystemExit(f"--set {assignment}: expected PHASE.NAME=VALUE, as in sft_data.count=500")
        try:
            value = json.loads(text)
        except ValueError:
            value = text
        changes.setdefault(phase, {})[name] = value
    return changes


def _print(message: str) -> None:
    print(message, flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
