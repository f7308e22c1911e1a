"""The commands that start a session: `run`, `rehearse` and `reproduce`."""

import argparse
import sys
from pathlib import Path

from app.cli.approve import approve_session, ask_for_approval, describe_approver
from app.cli.attach import follow_session, prepare_screen, show_session
from app.cli.plan_file import find_or_create_plan, find_shipped_plan, load_plan_or_exit
from app.errors import UserError
from app.monitor.sanitize import clean_line
from app.plan.schema import Plan
from app.session import approval, registry, start
from app.session import reproduce as reproduction
from app.session.registry import find_session


def rehearse(options: argparse.Namespace) -> int:
    """Run the plan's rehearsal profile."""
    options.profile = "rehearsal"
    return run(options)


def run(options: argparse.Namespace) -> int:
    """Start a session, or rejoin the unfinished one."""
    plan = load_plan_or_exit(options.plan or find_or_create_plan(), options.profile)
    if options.seed is not None:
        plan = start.override_seed(plan, options.seed)
    if options.model is not None:
        plan = start.override_model(plan, options.model)
    return _start_session(plan, options)


def reproduce(options: argparse.Namespace) -> int:
    """List what differs from a recorded session, then run its plan again."""
    recorded = find_session(Path(), options.session)
    plan = reproduction.load_recorded_plan(recorded, Path())
    if (unfinished := start.find_unfinished(plan)) is not None:
        raise UserError(f"session {unfinished.name} is unfinished; end it with `gonogo stop` first")
    environment = reproduction.collect_environment(plan.folder, reproduction.describe_gpus())
    differences = reproduction.find_differences(recorded, plan, environment)
    print(f"session {recorded.name}, {plan.session.name}, seed {plan.session.seed}, in {plan.folder}")
    for line in reproduction.describe_plan_changes(recorded):
        print(f"  changed at a gate: {clean_line(line)}")
    print("\n".join(f"  differs: {line}" for line in differences) or "  no differences from the record")
    return _start_session(plan, options)


def _start_session(plan: Plan, options: argparse.Namespace) -> int:
    if options.decide_by_verdict and not options.headless:
        raise UserError("--decide-by-verdict needs --headless; on the screen, you decide")
    if not options.headless:
        prepare_screen()
    folder = start.find_unfinished(plan)
    if folder is None:
        folder = start.open_session(plan, approved=_approve(plan, is_approved=options.yes))
    elif start.compute_plan_digest(plan) != start.read_plan_digest(folder):
        print(
            f"gonogo: session {folder.name} is unfinished and continues with the plan it was started with.\n"
            f"  {plan.path}, the seed or the model has changed since. To use the new plan, end the session\n"
            "  with `gonogo stop`, then run again."
        )
    approve_session(folder, is_approved=options.yes)
    start.ensure_conductor(folder)
    if options.headless:
        return follow_session(folder, decide_by_verdict=options.decide_by_verdict)
    return show_session(folder)


def _approve(plan: Plan, *, is_approved: bool) -> str:
    """Return how the plan was approved; ask the operator if nothing else approves it.

    A plan executes commands, so it is code.

    Raises:
        UserError: it is not approved, or another user could change it.
    """
    for path in (plan.path, plan.folder):
        if problem := approval.describe_unsafe_permissions(path):
            raise UserError(
                f"{path} {problem}; a plan executes commands, so make it writable only by you (chmod go-w)"
            )
    digest = start.compute_plan_digest(plan)
    if not is_approved:
        if approval.is_approved(digest):
            return "approved before"
        if plan.profile == "rehearsal" and plan.path.read_bytes() == find_shipped_plan().read_bytes():
            return "comes with gonogo"
        ask_for_approval(plan)
    how = describe_approver(is_approved=is_approved)
    try:
        approval.record_approval(digest, plan.path, how)
    except OSError as error:
        print(
            f"gonogo: the approval is not remembered: {registry.locate_state_folder()} cannot be written "
            f"({error.strerror}); set HOME or XDG_STATE_HOME to a folder of yours",
            file=sys.stderr,
        )
    return how
