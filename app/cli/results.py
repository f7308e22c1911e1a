"""The commands for results: `report`, `bundle`, `verify` and `finish`."""

import argparse
import os
import sys
from pathlib import Path

from app.cli.plan_file import load_plan_or_exit
from app.report import commands
from app.session.client import SessionClient
from app.session.clock import SystemClock
from app.session.registry import find_session


def report(options: argparse.Namespace) -> int:
    """Write the session report."""
    folder = find_session(Path(), options.session)
    environment = SessionClient(folder).read_environment()
    return commands.write_report(folder, environment, sys.stdout, clock=SystemClock(), output=options.output)


def bundle(options: argparse.Namespace) -> int:
    """Package the session's results."""
    folder = find_session(Path(), options.session)
    environment = SessionClient(folder).read_environment()
    return commands.write_bundle(
        folder,
        environment,
        sys.stdout,
        clock=SystemClock(),
        output=options.output,
        list_only=options.list,
    )


def verify(options: argparse.Namespace) -> int:
    """Check every byte of a bundle."""
    return commands.verify_bundle(options.bundle, sys.stdout, unpack=options.unpack)


def finish(options: argparse.Namespace) -> int:
    """Write the results into a repository, after showing the diff."""
    plan = load_plan_or_exit(options.plan) if options.plan else None
    folder = find_session(Path(), options.session)
    return commands.finish_session(
        folder,
        os.environ,
        sys.stdout,
        clock=SystemClock(),
        repository=options.repository,
        plan=plan,
        confirm=lambda: options.yes or _confirm(),
    )


def _confirm() -> bool:
    return sys.stdin.isatty() and input("Write this? [y/N] ").strip().lower() in ("y", "yes")
