"""The provider's bill: run the plan's `spent_command` and compare the amount with the ledger."""

import asyncio
import contextlib
import os
import re
import signal
from collections.abc import Callable, Mapping, Sequence

from app.monitor.sanitize import clean_line
from app.session.journal.events import ProviderBillRead
from app.session.pod.commands import expand_command

_TIMEOUT = 60.0
_MAX_OUTPUT = 4096
_MAX_SHOWN = 80
_AMOUNT = re.compile(r"\$?\s*(\d{1,9}(?:\.\d{1,9})?)\s*")
_TOLERATED_SHARE = 0.05
_TOLERATED_USD = 0.10


class BillUnavailableError(Exception):
    """The command printed no amount; the message completes "pod.spent_command ..."."""


async def query_bill(
    command: Sequence[str],
    environment: Mapping[str, str],
    timeout: float = _TIMEOUT,
    mask: Callable[[str], str] = str,
) -> float:
    """Return the amount in dollars that a command prints, such as `12.34` or `$12.34`.

    The command and its children are killed if they exceed the timeout or print more than 4 KB. Secrets are
    masked in the output that an error message quotes.

    Raises:
        BillUnavailableError: the command did not start, failed, took too long, or printed something else.
    """
    try:
        program = await asyncio.create_subprocess_exec(
            *expand_command(command, environment),
            env=dict(environment),
            cwd="/",
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
            limit=_MAX_OUTPUT,
        )
    except (OSError, ValueError) as error:
        raise BillUnavailableError(f"did not start: {error}") from None
    try:
        output = await asyncio.wait_for(_read_output(program), timeout)
    except TimeoutError:
        raise BillUnavailableError(f"took longer than {timeout:.0f} s") from None
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(program.pid, signal.SIGKILL)
        # A process outside the group may keep the pipe open; do not wait for it.
        program._transport.close()  # type: ignore[attr-defined]
    text = output.decode(errors="replace")
    amount = _AMOUNT.fullmatch(text.strip())
    if amount is None:
        quoted = mask(clean_line(text))[:_MAX_SHOWN]
        raise BillUnavailableError(
            f"must print an amount in dollars, such as 12.34; it printed: {quoted or 'nothing'}"
        )
    return float(amount[1])


async def _read_output(program: asyncio.subprocess.Process) -> bytes:
    assert program.stdout is not None
    output = b""
    while chunk := await program.stdout.read(_MAX_OUTPUT):
        output += chunk
        if len(output) > _MAX_OUTPUT:
            raise BillUnavailableError(f"printed more than {_MAX_OUTPUT >> 10} KB")
    if code := await program.wait():
        raise BillUnavailableError(f"ended with exit code {code}")
    return output


def is_different(provider: float, ours: float) -> bool:
    """Return whether two amounts differ by more than 5 % of the larger one and by more than 10 cents."""
    return abs(provider - ours) > max(_TOLERATED_SHARE * max(provider, ours), _TOLERATED_USD)


def describe_new_difference(bill: ProviderBillRead, previous: ProviderBillRead | None) -> str:
    """Return a notice if the bill differs from the ledger and the previous one did not, otherwise ""."""
    if not is_different(bill.usd, bill.ours_usd):
        return ""
    if previous is not None and is_different(previous.usd, previous.ours_usd):
        return ""
    return f"The provider reports a cost of ${bill.usd:.2f} for the pod; the ledger has ${bill.ours_usd:.2f}"
