"""The plan that a session was started with, as its folder holds it."""

from pathlib import Path

from app.errors import UserError
from app.plan.schema import Plan
from app.session.folder import SessionFolder


def load_stored_plan(folder: Path) -> Plan:
    """Return the plan of a session.

    Raises:
        UserError: it cannot be read; the message names the file.
    """
    session = SessionFolder(folder)
    try:
        return Plan.model_validate_json(session.read_plan())
    except OSError as error:
        reason = str(error.strerror)
    except (ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())[:_MOST_CHARACTERS]
    raise UserError(f"{session.plan}: expected the plan of a session: {reason}")


_MOST_CHARACTERS = 300
