"""What the provider says that the pod has cost: the plan's command is run, and its answer distrusted."""

import asyncio
import contextlib
import os
import re
import signal
from collections.abc import Callable, Mapping, Sequence

from app.monitor.sanitize import clean_line
from app.session.pod.guard import expanded

_WITHIN = 60.0
_LONGEST = 4096
_SHOWN = 80
_AMOUNT = re.compile(r"\$?\s*(\d{1,9}(?:\.\d{1,9})?)\s*")
_SHARE = 0.05
_CENTS = 0.10


class Unclear(Exception):  # noqa: N818 - an answer
    """The command gave no amount; the message says what it did instead."""


async def ask(
    command: Sequence[str],
    environment: Mapping[str, str],
    within: float = _WITHIN,
    mask: Callable[[str], str] = str,
) -> float:
    """Return the amount in dollars that a command prints, such as `12.34` or `$12.34`, and nothing else.

    It is ended, with what it started, when it takes longer than `within` seconds or prints more than 4 KB.
    What it printed instead is shown with its secrets masked.

    Raises:
        Unclear: it could not be run, failed, took too long, or printed something else.
    """
    argv = [expanded(word, environment) for word in command]
    try:
        program = await asyncio.create_subprocess_exec(
            *argv,
            env=dict(environment),
            cwd="/",
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
            limit=_LONGEST,
        )
    except (OSError, ValueError) as error:
        raise Unclear(f"could not be run: {error}") from None
    try:
        printed = await asyncio.wait_for(_read(program), within)
    except TimeoutError:
        raise Unclear(f"took longer than {within:.0f} s") from None
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(program.pid, signal.SIGKILL)
        program._transport.close()  # type: ignore[attr-defined] # whoever else has the pipe is not waited for
    amount = _AMOUNT.fullmatch(printed.decode(errors="replace").strip())
    if amount is None:
        shown = mask(clean_line(printed.decode(errors="replace")))[:_SHOWN]
        raise Unclear(f"printed no amount in dollars, such as 12.34, but: {shown or 'nothing'}")
    return float(amount[1])


async def _read(program: asyncio.subprocess.Process) -> bytes:
    assert program.stdout is not None
    printed = b""
    while more := await program.stdout.read(_LONGEST):
        printed += more
        if len(printed) > _LONGEST:
            raise Unclear(f"printed more than {_LONGEST >> 10} KB")
    if code := await program.wait():
        raise Unclear(f"ended with exit code {code}")
    return printed


def differs(provider: float, ours: float) -> bool:
    """Say whether two figures differ by more than 5 % of the larger one, and by more than rounding."""
    return abs(provider - ours) > max(_SHARE * max(provider, ours), _CENTS)
