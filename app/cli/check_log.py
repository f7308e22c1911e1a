"""`gonogo check --log FILE`: show what the plan's patterns and the presets find in a log."""

from pathlib import Path

from app.cli.plan_file import load_plan_or_exit
from app.errors import UserError
from app.monitor.log_format import LogFormat
from app.plan.log_check import examine_log, find_plan_warnings, list_readable_phases, suggest_preset


def check_log(log: Path, plan_path: Path, profile: str | None, *, needs_plan: bool) -> int:
    """Print what is found in a log, and return 0.

    Args:
        log: the log of a trainer.
        plan_path: the plan whose patterns to try.
        profile: plan profile to apply.
        needs_plan: whether the plan must exist.
    """
    try:
        preset = suggest_preset(log)
    except OSError as error:
        raise UserError(f"{log}: expected a log that can be read: {error.strerror}") from None
    if needs_plan or plan_path.exists():
        plan = load_plan_or_exit(plan_path, profile)
        for phase in list_readable_phases(plan):
            source = f'preset "{phase.metrics}"' if isinstance(phase.metrics, str) else "patterns"
            _print_section(f"{plan_path}, phase {phase.id}, {source}:", log, phase.log_format)
        for warning in find_plan_warnings(plan):
            print(f"warning: {warning}")
    if preset is None:
        _print_section("No preset finds a metric. Without one:", log, LogFormat())
        print(r'Write patterns with one group, such as metrics = { loss = "loss: (\\S+)" }')
    else:
        _print_section(f'metrics = "{preset}" finds:', log, LogFormat(preset=preset))
    return 0


def _print_section(title: str, log: Path, log_format: LogFormat) -> None:
    print(title)
    lines = examine_log(log, log_format).format_lines()
    for line in lines or ["nothing"]:
        print(f"  {line}")
