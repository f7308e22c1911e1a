"""Start and end the cockpit: key map, theme, terminal, and the summary that is printed at the end."""

import os
import shutil
import sys
import textwrap
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path
from typing import Final

from app.session.client import SessionClient
from app.session.requests import Refused
from app.tui import crash, terminal
from app.tui.app import CockpitApp
from app.tui.farewell import describe_session
from app.tui.feed import SessionFeed
from app.tui.keymap import KeyMapError, load_key_map
from app.tui.theme_setting import choose_start_theme
from widgets.preflight import PreflightResult

SWITCH_SECONDS: Final = 0.0005
"""How long the thread that reads files may keep a key waiting, each of the several times that a key waits."""


def run_cockpit(folder: Path, *, restart: Callable[[], None] | None) -> int:
    """Show the session in this folder until the operator leaves.

    Args:
        folder: the session's folder.
        restart: starts the conductor again if it is gone or hangs; without it the screen allows no actions.

    Returns:
        0, or 1 if the cockpit failed.

    Raises:
        Refused: the operator's key map has a mistake.
    """
    try:
        key_map = load_key_map()
    except KeyMapError as error:
        raise Refused(str(error)) from None
    client = SessionClient(folder, restart=restart)
    masker = cache(client.make_masker)

    def mask(data: bytes) -> bytes:
        # Read the plan's secrets only when there is text, after the first paint.
        return masker().mask_lines(data)

    app = CockpitApp(
        client,
        SessionFeed(client, mask=mask),
        read_only=restart is None,
        key_map=key_map,
        checks=partial(_run_checks, folder),
        report_crash=partial(crash.report_crash, folder=folder, mask=mask),
    )
    return run_app(app)


def run_app(app: CockpitApp) -> int:
    """Run the app, then print where the session is. The mouse is left to the terminal, to select text with.

    Returns:
        0, or 1 if the cockpit failed.
    """
    terminal.choose_characters()
    app.theme, message = choose_start_theme(app.console.color_system)
    if message:
        app.call_later(app.show_message, message, is_error=True)
    sys.setswitchinterval(SWITCH_SECONDS)
    app.run(mouse=False)
    try:
        if app.crash_report:
            print(app.crash_report, file=sys.stderr, flush=True)  # noqa: T201 - the screen is closed
        for line in describe_session(app.frame.snapshot if app.frame else None).splitlines():
            print(textwrap.fill(line, shutil.get_terminal_size().columns), flush=True)  # noqa: T201
    except OSError:  # The terminal is gone. Python must not fail again when it flushes at exit.
        null = os.open(os.devnull, os.O_WRONLY)
        for stream in (sys.stdout, sys.stderr):
            os.dup2(null, stream.fileno())
    return app.return_code or 0


def _run_checks(folder: Path) -> Iterator[PreflightResult]:
    # The plan's schema and the checks take longer to import than the first screen.
    from app.plan.schema import Plan
    from app.preflight.command import run_checks
    from app.preflight.probes import SystemProbes
    from app.session.folder import SessionFolder

    plan = Plan.model_validate_json(SessionFolder(folder.absolute()).read_plan())
    for result in run_checks(plan, SystemProbes(os.environ)):
        yield PreflightResult(result.check, result.state, result.message, result.advice)
