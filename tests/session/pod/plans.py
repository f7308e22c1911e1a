"""Plans whose pod can be stopped, and settings of a session that has a guard."""

import time
from collections.abc import Callable
from typing import Any

from app.session.folder import Settings

GUARDED = Settings(poll=0.02, tick=0.1, grace=0.5, guard=0.1)


WAIT = "while [ ! -e go ]; do sleep 0.02; done"


UNATTENDED = """
[session]
name = "Unattended"
model = "none"
budget_usd = 10.0

[pod]
gpu = "none"
usd_per_hour = 3.6
stop_command = ["sh", "-c", 'echo first >> stops; test -e stoppable']
stop_fallbacks = [["sh", "-c", 'echo second >> stops']]
stopped_command = ["sh", "-c", 'test -e stopped']

[unattended]
stop_after = "{stop_after}"
"""


def wait_until(condition: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + 30
    while not (value := condition()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return value


def format_head(toy: Any, stop_after: str) -> str:
    """Return the head of a plan whose stop command creates a file that confirms the stop."""
    command = f"""["sh", "-c", 'echo x >> {toy.root}/stops']"""
    return f"""{toy.head}
stop_command = {command}
stopped_command = ["test", "-e", "{toy.root}/stops"]
[unattended]
stop_after = "{stop_after}"
"""
