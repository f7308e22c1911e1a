"""The provider's bill: run the plan's `spent_command` and compare the amount with the ledger."""

import asyncio
import contextlib
import os
import re
import signal
from collections.abc import Callable, Mapping, Sequence

from app.monitor.sanitize import clean_line
from app.session.journal.events import AnyEvent, NoticePosted, ProviderBillRead
from app.session.pod.commands import expand_command
from app.units import format_usd

_TIMEOUT = 60.0
_MAX_OUTPUT = 4096
_MAX_SHOWN = 80
_AMOUNT = re.compile(r"\$?\s*(\d{1,9}(?:\.\d{1,9})?)\s*")
_TOLERATED_SHARE = 0.05
_TOLERATED_USD = 0.10


class BillUnavailableError(Exception):
    """The command printed no amount; the message completes "pod.spent_command ..."."""


class BillReader:
    """Reads the bill repeatedly; reports a failure, and a difference from the ledger, when it begins."""

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        mask: Callable[[str], str],
    ) -> None:
        self._command = command
        self._environment = environment
        self._mask = mask
        self._is_failing = False

    async def read(
        self, previous: ProviderBillRead | None, compute_spent_usd: Callable[[], float]
    ) -> list[AnyEvent]:
        """Return the bill and notices about it, as events to record.

        Args:
            previous: the last bill that was recorded.
            compute_spent_usd: returns the ledger's amount at the time of the new bill.
        """
        try:
            usd = await query_bill(self._command, self._environment, mask=self._mask)
        except BillUnavailableError as error:
            is_first, self._is_failing = not self._is_failing, True
            text = f"pod.spent_command {error}"
            return [NoticePosted(text=text, key=text)] if is_first else []
        self._is_failing = False
        ledger_usd = compute_spent_usd()
        bill = ProviderBillRead(usd=usd, ours_usd=ledger_usd)
        has_differed = previous is not None and is_different(previous.usd, previous.ours_usd)
        if has_differed or not is_different(usd, ledger_usd):
            return [bill]
        text = (
            f"The provider reports a cost of {format_usd(usd)} for the pod; "
            f"the ledger has {format_usd(ledger_usd)}"
        )
        return [bill, NoticePosted(text=text)]


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


def is_different(provider_usd: float, ledger_usd: float) -> bool:
    """Return whether two amounts differ by more than 5 % of the larger one and by more than 10 cents."""
    return abs(provider_usd - ledger_usd) > max(
        _TOLERATED_SHARE * max(provider_usd, ledger_usd), _TOLERATED_USD
    )
