"""Check the plan and the files, programs and secrets that it names."""

import glob
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from app.plan import estimates
from app.plan.schema import Plan
from app.preflight.checks.finding import Outcome, fail, ok, warn
from app.preflight.probes import Probes
from app.session import approval, calibration
from app.session.attempt import variables
from app.units import format_hours, format_usd_range, format_usd_short

_WANDB_KEY = "WANDB_API_KEY"
_VARIABLE = re.compile(r"\$\{?([A-Za-z_][A-Za-z0-9_]*)")
_HUB_TOKEN = "HF_TOKEN"  # noqa: S105 - the name of a variable


def check_plan(plan: Plan, probes: Probes) -> Iterator[Outcome]:
    """Check that only its owner can write the plan, and that its budget covers its estimate."""
    for path in (plan.path, plan.folder):
        if problem := approval.describe_unsafe_permissions(path):
            yield fail(f"{path} {problem}", "Make it writable only by you: chmod go-w")
    total = estimates.sum_ranges([estimates.estimate_usd(plan, phase) for phase in plan.phases])
    budget = plan.session.budget_usd
    message = f"estimate {format_usd_range(total)} of {format_usd_short(budget)}"
    if total.low > budget:
        yield fail(message, "Raise session.budget_usd or plan less; the session would be stopped")
    elif total.high > budget:
        yield warn(message, "Raise session.budget_usd or plan less; the budget may end the session early")
    else:
        yield ok(f"{len(plan.phases)} phases, {message}")


def check_estimates(plan: Plan, probes: Probes) -> Iterator[Outcome]:
    """Check that the plan's hours are near those measured on a machine like this."""
    kind = calibration.identify_machine_kind(gpu.name for gpu in probes.list_gpus().devices)
    measured = calibration.calibrate(plan, kind)
    slower = 0
    for phase in plan.phases:
        hours = measured.get(phase.id)
        if hours is not None and hours.hours.low > phase.estimate.hours[1]:
            slower += 1
            yield warn(
                f"{phase.id} took {format_hours(hours.hours)} in session {hours.session}; "
                f"planned {format_hours(estimates.estimate_hours(phase))}",
                "Raise its estimate so that the budget is right, or plan less work",
            )
    if not measured:
        yield ok("no session with this model has run on such a machine; only the plan's estimates are known")
    elif not slower:
        yield ok(f"{len(measured)} of {len(plan.phases)} phases were measured, none slower than planned")


def check_files(plan: Plan, probes: Probes) -> Iterator[Outcome]:
    """Check that the files exist that the plan names and that its phases read from outside."""
    named = [*(("session.files", pattern) for pattern in plan.session.files), *_find_inputs(plan)]
    missing = [(key, pattern) for key, pattern in named if not _has_match(plan.folder, pattern)]
    for key, pattern in missing:
        yield fail(f"{pattern} does not exist ({key})", f"Transfer it to {plan.folder}")
    if not named:
        yield ok("the plan names no files (session.files)")
    elif not missing:
        yield ok(f"found: {', '.join(dict.fromkeys(pattern for _, pattern in named))}")


def _find_inputs(plan: Plan) -> Iterator[tuple[str, str]]:
    """Yield the file parameters of built-in phases that are not artifacts of the session."""
    artifacts = plan.artifacts.resolve()
    for phase in plan.phases:
        for name, value in phase.params.items() if phase.run else ():
            if not name.endswith(("_file", "_files")):
                continue
            for item in value if isinstance(value, list | tuple) else [value]:
                if isinstance(item, str) and not (plan.folder / item).resolve().is_relative_to(artifacts):
                    yield f"{phase.id}.{name}", item


def _has_match(folder: Path, pattern: str) -> bool:
    return bool(glob.glob(str(folder / pattern)))  # noqa: PTH207 - the pattern may be absolute


def check_programs(plan: Plan, probes: Probes) -> Iterator[Outcome]:
    """Check that the programs and scripts of phases with a command exist."""
    commands = [phase for phase in plan.phases if phase.command]
    has_failed = False
    for phase in commands:
        program, *words = phase.command or ()
        if not is_executable(program, plan.folder, probes):
            has_failed = True
            yield fail(
                f"{phase.id}: {program} is not on the PATH or not executable", "Install or transfer it"
            )
        for word in words:
            if word.endswith((".py", ".sh")) and not (plan.folder / word).exists():
                has_failed = True
                yield fail(f"{phase.id}: {word} does not exist", f"Transfer it to {plan.folder}")
    if not has_failed:
        yield ok(f"{len(commands)} commands, {len(plan.phases) - len(commands)} built-in phases")


def is_executable(program: str, folder: Path, probes: Probes) -> bool:
    """Return whether a program can be run in a folder, by its path or by the PATH."""
    if "/" in program:
        return os.access(folder / program, os.X_OK)
    return probes.find_program(program) is not None


def check_secrets(plan: Plan, probes: Probes) -> Iterator[Outcome]:
    """Check that the variables that the plan names as secrets are set; no value is shown."""
    unset = [name for name in plan.session.secrets if not probes.environment.get(name, "").strip()]
    for name in unset:
        yield warn(f"{name} is not set", f"export {name}=..., or remove it from session.secrets")
    named = (*plan.session.secrets, *plan.session.environment)
    if _HUB_TOKEN not in named and probes.environment.get(_HUB_TOKEN, "").strip():
        yield warn(
            f"{_HUB_TOKEN} is set but not passed to the phases, because the plan does not name it",
            f'Add session.secrets = ["{_HUB_TOKEN}"] if they need it',
        )
    elif not unset:
        names = ", ".join(plan.session.secrets)
        yield ok(f"set: {names}" if names else "the plan names no secrets")


def check_trackers(plan: Plan, probes: Probes) -> Iterator[Outcome]:
    """Check that the trackers are installed that trainings report to, and say what they send."""
    trackers = {name for phase in plan.phases if phase.run for name in _list_trackers(phase.params)}
    for name in sorted(trackers):
        version = probes.find_installed_version(name)
        if version is None:
            yield fail(f"{name} is not installed, but report_to names it", "pip install 'gonogo[trackers]'")
            continue
        has_key = _WANDB_KEY in plan.session.secrets and probes.environment.get(_WANDB_KEY)
        has_space = probes.environment.get("TRACKIO_SPACE_ID")
        is_sent = (name == "wandb" and has_key) or (name == "trackio" and has_space)
        yield ok(
            f"{name} {version}: " + ("metrics leave this machine" if is_sent else "stays on this machine")
        )
    if not trackers:
        yield ok("no training reports to a tracker (report_to)")


def _list_trackers(params: Mapping[str, Any]) -> list[str]:
    names = params.get("report_to", [])
    return [names] if isinstance(names, str) else list(names)


def check_environment(plan: Plan, probes: Probes) -> Iterator[Outcome]:
    """List the variables that phases do not receive, and warn of those that a command uses."""
    withheld = variables.list_withheld(plan, probes.environment)
    has_failed = False
    for phase in plan.phases:
        used = {name for word in phase.command or () for name in _VARIABLE.findall(word)}
        for name in sorted(used.intersection(withheld)):
            has_failed = True
            key = "secrets" if variables.is_secret(name) else "environment"
            yield warn(f"{phase.id} uses ${name}, which is withheld from phases", f"Add it to session.{key}")
    if not has_failed:
        passed = len(variables.select_variables(plan, probes.environment))
        names = ", ".join(withheld)
        note = f"; withheld: {names} (session.environment passes more)" if withheld else ", none withheld"
        yield ok(f"{passed} variables are passed to phases{note}")
