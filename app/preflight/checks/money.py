"""Check that the operator is notified, that the pod can be stopped, and that it costs what the plan says."""

import re
from collections.abc import Iterator
from pathlib import Path

from app.plan.schema import Plan
from app.preflight.checks.finding import Outcome, fail, ok, warn
from app.preflight.checks.plan import is_executable
from app.preflight.probes import POD_ID_VARIABLE, ProbeError, Probes
from app.units import format_usd

_PRICE_TOLERANCE = 0.02


def check_notification(plan: Plan, probes: Probes) -> Iterator[Outcome]:
    """Send a test notification through the plan's channels."""
    names = plan.notify.urls
    if not names:
        yield warn(
            "no notification is sent when a gate waits", "Name a variable with an Apprise URL in notify.urls"
        )
        return
    problems = probes.send_test_notification(names)
    for problem in problems:
        yield fail(problem, "Correct the variable's URL; see https://appriseit.com for its form")
    if not problems:
        yield ok(f"sent through {', '.join(names)}; check that it arrived")


def check_stop_command(plan: Plan, probes: Probes) -> Iterator[Outcome]:
    """Check that the pod can be stopped automatically."""
    if not plan.pod.stop_command:
        message = "no stop command, so the pod is not stopped when a gate stays unanswered"
        advice = 'Set pod.stop_command, such as ["runpodctl", "stop", "pod", "$RUNPOD_POD_ID"]'
        is_paid = probes.environment.get(POD_ID_VARIABLE) and plan.profile != "rehearsal"
        yield fail(message, advice) if is_paid else warn(message, advice)
        return
    commands = [("stop_command", plan.pod.stop_command), ("stopped_command", plan.pod.stopped_command)]
    commands += [(f"stop_fallbacks[{n}]", command) for n, command in enumerate(plan.pod.stop_fallbacks)]
    problems = [p for key, command in commands if command for p in _check_command(key, command, probes)]
    yield from problems
    if not problems:
        yield ok(f"{' '.join(plan.pod.stop_command)}; try the automatic stop with `gonogo drill`")
    if plan.pod.outside_limit:
        yield ok(f"limit outside the pod: {plan.pod.outside_limit}")
    else:
        yield warn(
            "nothing outside the pod stops it if all its processes are killed",
            "Set the provider's own limit or a timer elsewhere, and name it in pod.outside_limit",
        )


def _check_command(key: str, command: tuple[str, ...], probes: Probes) -> Iterator[Outcome]:
    program = command[0]
    if "/" in program and not program.startswith("/"):
        yield fail(f"{key}: {program} is a relative path, but it runs in /", "Give the absolute path")
    elif not is_executable(program, Path("/"), probes):
        yield fail(
            f"{key}: {program} is not on the PATH or not executable", "Install it, or correct the plan"
        )
    is_shell = program.rpartition("/")[2] in ("sh", "bash")
    for word in command:
        variable = re.fullmatch(r"\$(?:(\w+)|\{(\w+)\})", word)
        if variable:
            name = variable[1] or variable[2]
            if not probes.environment.get(name):
                yield fail(f"{key}: {name} is not set", f"export {name}=..., or write its value in the plan")
        elif not is_shell and re.search(r"\$\{?[A-Za-z_]", word):
            yield fail(
                f"{key}: the variable in {word} is not expanded, only complete words are",
                'Write it as a word: "$NAME"',
            )


def check_pod(plan: Plan, probes: Probes) -> Iterator[Outcome]:
    """Check that the pod costs what the plan says."""
    pod = probes.environment.get(POD_ID_VARIABLE, "")
    if not pod:
        yield ok("not on a RunPod pod; cost counts from the session's start")
        return
    planned = plan.pod.usd_per_hour
    try:
        price = probes.read_pod_price(pod)
    except ProbeError as error:
        yield warn(f"{pod}: price unknown: {error}", f"Check that it costs {format_usd(planned)} an hour")
        return
    message = f"{pod} at {format_usd(price)}/h"
    if abs(price - planned) > _PRICE_TOLERANCE * max(price, planned):
        yield warn(f"{message}; planned {format_usd(planned)}/h", f"Set pod.usd_per_hour = {price:.2f}")
    else:
        yield ok(message)
