"""The commands that show sessions: `status`, `log`, `sessions`, `serve` and `keys`."""

import argparse
import sys
from pathlib import Path

import msgspec

from app.cli import BAD_INPUT
from app.errors import UserError
from app.monitor.sanitize import clean_line
from app.session import registry, status_text
from app.session.attempt_log import print_log
from app.session.client import SessionClient
from app.session.registry import find_session
from app.session.start import needs_conductor


def status(options: argparse.Namespace) -> int:
    """Print the state of a session."""
    folder = find_session(Path(), options.session)
    client = SessionClient(folder)
    session = client.read_snapshot()
    if options.json:
        print(msgspec.json.format(msgspec.json.encode(session)).decode())
        return 0
    print("\n".join(status_text.format_session(session)))
    if not client.has_conductor() and needs_conductor(folder):
        print("\nNo conductor is running, so nothing will stop the pod. Run `gonogo attach`.")
    return 0


def log(options: argparse.Namespace) -> int:
    """Print the log of the newest attempt."""
    folder = find_session(Path(), options.session)
    print_log(folder, options.phase, sys.stdout, follow=options.follow)
    return 0


def sessions(options: argparse.Namespace) -> int:
    """List the sessions below this folder, or all registered ones."""
    problems = []
    for folder in registry.list_sessions(Path()):
        try:
            session = SessionClient(folder).read_snapshot()
        except UserError as error:
            problems.append(f"gonogo: session {clean_line(folder.name)} cannot be shown: {error}")
            continue
        print(f"{status_text.format_title(session)}; {status_text.format_money(session)}; {folder}")
    for problem in problems:
        print(problem, file=sys.stderr)
    return BAD_INPUT if problems else 0


def serve(options: argparse.Namespace) -> int:
    """Serve a session's screen to a browser until interrupted."""
    from app.tui.serve import serve as serve_session  # aiohttp is slow to import.

    folder = find_session(Path(), options.session)
    return serve_session(
        folder, options.port, lambda line: print(line, flush=True), may_decide=options.decide
    )


def keys(options: argparse.Namespace) -> int:
    """Print the key bindings as a file to edit."""
    from app.tui.keymap import render_key_map  # Textual is slow to import.

    print(render_key_map(), end="")
    return 0
