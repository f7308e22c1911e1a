"""Commands of the plan that concern the pod: fill in their variables, and run them isolated."""

import contextlib
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from phases.contract.files import open_for_appending

_VARIABLE = re.compile(r"\$(?:([A-Za-z_][A-Za-z0-9_]*)|\{([A-Za-z_][A-Za-z0-9_]*)\})")
_POLL_SECONDS = 0.05


class MissingVariableError(ValueError):
    """A command needs a variable that is not set; the message names it."""


def find_variables(command: Sequence[str]) -> list[str]:
    """Return the names of the variables in a command's words `$NAME` and `${NAME}`."""
    matches = (_VARIABLE.fullmatch(word) for word in command)
    return [match[1] or match[2] for match in matches if match]


def expand_command(command: Sequence[str], environment: Mapping[str, str]) -> list[str]:
    """Return a command with the words `$NAME` and `${NAME}` replaced by variables.

    Raises:
        MissingVariableError: a variable is not set or empty, so the command would act on something else.
    """
    words = []
    for word in command:
        match = _VARIABLE.fullmatch(word)
        if match is None:
            words.append(word)
            continue
        name = match[1] or match[2]
        if not environment.get(name):
            raise MissingVariableError(f"{name} is not set")
        words.append(environment[name])
    return words


def run_command(
    command: Sequence[str],
    environment: Mapping[str, str],
    *,
    timeout: float,
    log: Path | None = None,
    beat: Callable[[], None] = lambda: None,
) -> int | None:
    """Run a command in a separate process session; return its exit code, or None if it took too long.

    A command that signals its own process group therefore reaches no process of gonogo. After the timeout the
    command and its group are killed. `beat` is called while the command runs.

    Raises:
        OSError: the command did not start.
        ValueError: the command needs a variable that is not set, or contains a null character.
    """
    words = expand_command(command, environment)
    with contextlib.ExitStack() as stack:
        output = subprocess.DEVNULL
        with contextlib.suppress(OSError):  # A command is not given up for lack of its log.
            if log is not None:
                output = open_for_appending(log)
                stack.callback(os.close, output)
        program = subprocess.Popen(
            words,
            env=dict(environment),
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        beat()
        with contextlib.suppress(subprocess.TimeoutExpired):
            return program.wait(_POLL_SECONDS)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(program.pid, signal.SIGKILL)
    return None
