"""The command `gonogo attach`, and the screen or the plain lines that it shares with `gonogo run`."""

import argparse
import contextlib
import gc
import os
import sys
from functools import partial
from pathlib import Path

from app.errors import UserError
from app.session.client import SessionClient
from app.session.folder import SessionFolder
from app.session.headless import follow
from app.session.last_snapshot import needs_nothing
from app.session.registry import describe_damage, find_session


def attach(options: argparse.Namespace) -> int:
    """Show a session, and start its conductor if none is running."""
    if not options.headless:
        prepare_screen()
    folder = find_session(Path(), options.session)
    if not options.read_only:
        _ensure_conductor(SessionFolder(folder), is_approved=options.yes)
    if options.headless:
        # A damaged session never changes, so following it would not end.
        if damage := describe_damage(SessionFolder(folder)):
            raise UserError(f"{damage}. Show the intact part with `gonogo status --session {folder}`")
        return follow_session(folder, read_only=options.read_only)
    return show_session(folder, read_only=options.read_only)


def _ensure_conductor(session: SessionFolder, *, is_approved: bool, asks: bool = True) -> None:
    """Start the session's conductor if it needs one and none is running; ask for approval if necessary."""
    if SessionClient(session.path).has_conductor():
        return
    if needs_nothing(session) and not describe_damage(session):
        return
    # Starting needs the plan's schema, which takes longer to import than the first screen to paint.
    from app.cli.approve import approve_session
    from app.session.start import ensure_conductor, needs_conductor

    if asks and needs_conductor(session.path):
        approve_session(session.path, is_approved=is_approved)
    ensure_conductor(session.path)


def prepare_screen() -> None:
    """Check that the screen has a terminal, or a driver that needs none.

    Raises:
        UserError: standard input, output or error is not a terminal.
    """
    gc.disable()  # The screen turns it on again after the first paint.
    is_terminal = all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr))
    if not is_terminal and "TEXTUAL_DRIVER" not in os.environ:
        raise UserError("the screen needs a terminal; without one, use --headless or `gonogo status`")


def show_session(folder: Path, *, read_only: bool = False) -> int:
    """Show a session on the screen until the operator leaves."""
    from app.tui.run import run_cockpit  # Textual is slow to import.

    return run_cockpit(folder, restart=None if read_only else partial(_restart_conductor, folder))


def _restart_conductor(folder: Path) -> None:
    """Start the conductor of a session again, unless the shell or the session no longer allow it."""
    with contextlib.suppress(UserError, OSError):
        _ensure_conductor(SessionFolder(folder), is_approved=False, asks=False)


def follow_session(folder: Path, *, decide_by_verdict: bool = False, read_only: bool = False) -> int:
    """Print a session's events as plain lines until it has ended."""
    client = SessionClient(folder, restart=None if read_only else partial(_restart_conductor, folder))
    return follow(client, lambda line: print(line, flush=True), decide_by_verdict=decide_by_verdict)
