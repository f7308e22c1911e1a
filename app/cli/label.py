"""The command `gonogo label`: label failed answers by hand."""

import argparse
import fcntl
import shlex
import sys
from pathlib import Path

import msgspec

from app.cli.output import find_terminal
from app.errors import UserError
from app.labelling.failed_answers import FailedAnswer, load_failed_answers
from app.labelling.labeller import Labeller
from app.labelling.terminal import open_keyboard, run_labelling
from app.session.folder import SessionFolder
from app.session.registry import find_session, read_state
from app.session.requests import get_current_user
from app.session.stored_plan import load_stored_plan
from phases.contract.labels import LABELS_FILE
from phases.contract.phase_spec import load_spec


def label(options: argparse.Namespace) -> int:
    """Label the failed answers of a session, each with one key and without seeing its model."""
    session = find_session(Path(), options.session)
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UserError("`gonogo label` reads single keys; run it in a terminal")
    answers = load_failed_answers(session)
    path = session / LABELS_FILE
    with path.open("ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise UserError(f"{path}: someone else is labelling this session; try again later") from None
        _label_answers(session, path, answers)
    return 0


def _label_answers(session: Path, path: Path, answers: list[FailedAnswer]) -> None:
    labeller = Labeller(answers, path, get_current_user())
    try:
        with open_keyboard() as read_key:
            run_labelling(labeller, session.name, read_key, _write)
    except KeyboardInterrupt:  # Each label is on disk already.
        pass
    finally:
        labeller.close()
    print(f"\n\n{labeller.labelled} of {labeller.total} failed answers labelled, in {path}")
    if labeller.current is not None:
        print("To continue, run the same command again.")
    elif command := _find_comparison_command(session):
        print(f"To count the labels in the success tiers, run the comparison again: {command}")


def _write(text: str) -> None:
    terminal = find_terminal(sys.stdout)
    terminal.write(text)
    terminal.flush()


def _find_comparison_command(session: Path) -> str:
    """Return the command that repeats the session's comparison, or "" if there has been none."""
    folder = SessionFolder(session)
    plan = load_stored_plan(session)
    state = read_state(session)
    for record in state.phases:
        run = plan.find_phase(record.id).run
        if run is None or not load_spec(run).reads_labels or not record.attempts:
            continue
        if state.ended is None:
            return f"gonogo retry --session {session.name} --reason labelled"
        path = folder.locate_attempt(record.id, record.attempts[-1].number) / "spec.json"
        spec = msgspec.json.decode(path.read_bytes())
        command = f"GONOGO_SESSION={shlex.quote(str(session))} {shlex.join(spec['argv'])}"
        return f"cd {shlex.quote(spec['cwd'])} && {command}"
    return ""
