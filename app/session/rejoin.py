"""Checks before a conductor starts for an existing session: its journal, its approval, its variables."""

import os
from collections.abc import Mapping
from pathlib import Path

from app.plan.schema import Plan
from app.session import approval
from app.session.folder import SessionFolder
from app.session.original import find_original
from app.session.pod.commands import find_variables
from app.session.registry import SessionError, describe_damage


def list_named_variables(plan: Plan) -> list[str]:
    """Return the variables that a plan names: for its phases, notifications and commands."""
    commands = (
        plan.pod.stop_command,
        *plan.pod.stop_fallbacks,
        plan.pod.stopped_command,
        plan.pod.spent_command,
    )
    in_commands = [name for command in commands for name in find_variables(command)]
    return sorted({*plan.session.secrets, *plan.session.environment, *plan.notify.urls, *in_commands})


def require_rejoinable(folder: Path, environment: Mapping[str, str]) -> None:
    """Check that a conductor may be started for a session.

    Raises:
        SessionError: the journal is damaged, the session runs in another folder, the plan was not approved
            here, or variables are missing.
    """
    session = SessionFolder(folder)
    require_undamaged(session)
    if problem := _describe_unwritable(session):
        raise SessionError(
            f"{problem}, so no conductor was started; to view it, use `gonogo attach --read-only`"
        )
    if (original := find_original(folder)) is not None:
        raise SessionError(
            f"{folder} is a copy: the processes of this session work in {original}, and would be disturbed. "
            f"Use --session {original}, or wait until they have ended"
        )
    if not approval.is_session_approved(folder):
        raise SessionError(
            f"{folder}: you have not approved the commands of this session on this machine, so nothing is "
            f"executed. Read and approve them with `gonogo attach --session {folder}`; to view it, use "
            "`gonogo attach --read-only`"
        )
    missing = [name for name in session.read_info().variables if name not in environment]
    if missing:
        raise SessionError(
            f"session {folder.name} was started with {', '.join(missing)} set, which this shell does not "
            "have, so phases, notifications or the stop of the pod would fail. "
            "No conductor was started, so nothing will stop the pod. Set the variables and run the command "
            f"again; to continue without one, set it to an empty value, as in `export {missing[0]}=`"
        )


def _describe_unwritable(session: SessionFolder) -> str:
    """Return why a conductor could not write the records of a session, or "" if it could."""
    try:
        if not os.access(session.path, os.W_OK | os.X_OK):
            return f"{session.path} cannot be written by this user"
        # `os.access` does not detect a read-only disk or an immutable file.
        os.close(os.open(session.journal, os.O_RDWR | os.O_NONBLOCK))
    except FileNotFoundError:
        return ""
    except OSError as error:
        return f"{session.journal} cannot be written: {error.strerror}"
    return ""


def require_undamaged(session: SessionFolder) -> None:
    """Check that the journal of a session is intact.

    Raises:
        SessionError: it is not.
    """
    if damage := describe_damage(session):
        raise SessionError(f"{damage}. The session is read-only; show it with `gonogo attach --read-only`")
