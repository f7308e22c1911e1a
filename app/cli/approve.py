"""Approval of what a plan or a session executes: on the terminal, or by `--yes`."""

import os
import shutil
import sys
import textwrap
from pathlib import Path
from typing import Final

from app.errors import UserError
from app.plan.schema import Plan
from app.session import approval, start
from app.session.client import SessionClient
from app.session.requests import get_current_user
from app.session.stored_plan import load_stored_plan

MIN_WIDTH: Final = 20


def ask_for_approval(plan: Plan) -> None:
    """Show what a plan executes and ask for approval.

    Raises:
        UserError: it is not approved, or there is no terminal to ask on.
    """
    lines = start.describe_commands(plan, os.environ)
    if sys.stdout.isatty():
        width = max(MIN_WIDTH, shutil.get_terminal_size().columns)
        lines = [wrap_line(line, width) for line in lines]
    print("\n".join(lines))
    if not sys.stdin.isatty():
        raise UserError("the plan is not approved yet; approve it with --yes, or run in a terminal")
    if input("Run this? [y/N] ").strip().lower() not in ("y", "yes"):
        raise UserError("not approved; no session was started")


def wrap_line(line: str, width: int) -> str:
    """Return a line wrapped between words; a word that is wider than the terminal is left to the terminal."""
    return textwrap.fill(
        line,
        width,
        subsequent_indent="    ",
        replace_whitespace=False,
        break_long_words=False,
        break_on_hyphens=False,
    )


def describe_approver(*, is_approved: bool) -> str:
    """Return how and by whom something is approved, for the record."""
    return f"{'--yes' if is_approved else 'asked'}, by {get_current_user()}"


def approve_session(folder: Path, *, is_approved: bool) -> None:
    """Ask for the approval of a session that was not started here, such as one in a cloned repository.

    Raises:
        UserError: it is not approved, or there is no terminal to ask on.
    """
    if approval.is_session_approved(folder) or SessionClient(folder).has_conductor():
        return
    if not is_approved:
        ask_for_approval(load_stored_plan(folder))
    approval.approve_session(folder, describe_approver(is_approved=is_approved))
