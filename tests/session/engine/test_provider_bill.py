"""The provider's bill: reading it, and comparing it with the ledger."""

import sys
import time
import unicodedata
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.session import status_text
from app.session.engine import provider_bill
from app.session.masking import Masker
from app.session.snapshot import SessionSnapshot

Phase = Callable[..., dict[str, Any]]
WAIT = "while [ ! -e go ]; do sleep 0.02; done"


def head(toy: Any, script: str) -> str:
    keys = f"spent_command = ['sh', '-c', '''{script}''']\nspent_every = '0.2 s'\n"
    return str(toy.head) + keys


@pytest.mark.parametrize(
    ("printed", "amount"), [("12.34", 12.34), ("$12.34\\n", 12.34), (" 7 ", 7.0), ("$ 0.5", 0.5)]
)
async def test_an_amount_is_read(printed: str, amount: float) -> None:
    assert await provider_bill.query_bill(["printf", printed], {"PATH": "/usr/bin:/bin"}) == amount


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["no-such-command"], "did not start"),
        (["sh", "-c", "echo 1; exit 3"], "exit code 3"),
        (["true"], "it printed: nothing"),
        (["echo", "1.2.3"], "must print an amount in dollars"),
        (["echo", "-5"], "must print an amount in dollars"),
        (["echo", "nan"], "must print an amount in dollars"),
        (["echo", "1e9"], "must print an amount in dollars"),
        (["printf", r"\033]0;owned\007 5"], "must print an amount in dollars"),
        (["printf", r"\377\376"], "must print an amount in dollars"),
        (["yes"], "printed more than 4 KB"),
        (["cat", "/dev/zero"], "printed more than 4 KB"),
    ],
)
async def test_any_other_output_is_an_error_in_one_line(command: list[str], message: str) -> None:
    with pytest.raises(provider_bill.BillUnavailableError, match=message) as error:
        await provider_bill.query_bill(command, {"PATH": "/usr/bin:/bin"})
    assert str(error.value).isprintable()
    assert len(str(error.value)) < 200


async def test_a_secret_in_the_output_is_masked_before_it_is_shortened() -> None:
    mask = Masker({"KEY": "k" * 40}).mask_text
    with pytest.raises(provider_bill.BillUnavailableError) as error:
        await provider_bill.query_bill(["echo", "x" * 60 + "k" * 40], {"PATH": "/usr/bin:/bin"}, mask=mask)
    assert "k" not in str(error.value).partition("printed: ")[2]


async def test_a_hanging_command_is_killed_with_its_children() -> None:
    began = time.monotonic()
    with pytest.raises(provider_bill.BillUnavailableError, match="took longer"):
        await provider_bill.query_bill(
            ["sh", "-c", "sleep 60 & sleep 60"], {"PATH": "/usr/bin:/bin"}, timeout=0.2
        )
    assert time.monotonic() - began < 20


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.binary(max_size=200).filter(lambda data: b"\0" not in data))
async def test_any_output_is_an_amount_or_an_error(data: bytes) -> None:
    program = "import os, sys; os.write(1, os.fsencode(sys.argv[1]))"
    message = ""
    try:
        amount = await provider_bill.query_bill(
            [sys.executable, "-S", "-c", program, data.decode("latin-1")], {}
        )
    except provider_bill.BillUnavailableError as error:
        message = str(error)
        amount = 0.0
    assert 0 <= amount < 1e9
    assert not [c for c in message if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp")]


def test_when_amounts_are_different() -> None:
    assert not provider_bill.is_different(10.0, 10.4)
    assert provider_bill.is_different(10.0, 10.6)
    assert provider_bill.is_different(10.6, 10.0)
    assert not provider_bill.is_different(0.0, 0.09)  # A provider rounds and bills late.


def test_the_bill_is_shown_and_a_difference_is_reported_once(toy: Any, sh: Phase) -> None:
    (toy.root / "bill").write_text("0.00\n")
    toy.start(sh(WAIT), head=head(toy, f"cat {toy.root}/bill"))
    session = toy.until(lambda s: s.money.provider_usd is not None)
    assert session.money.provider_usd == 0.0
    assert session.money.provider_ours_usd == pytest.approx(session.money.spent_usd, abs=0.05)
    assert session.notices == ()
    (toy.root / "bill").write_text("7.00\n")
    session = toy.until(lambda s: s.notices)
    assert "The provider reports a cost of $7.00 for the pod; the ledger has $0.0" in session.notices[0]
    toy.kill_conductor()
    assert toy.client.read_snapshot().money.provider_usd == 7.0  # From the journal.
    toy.rejoin()
    seen = toy.until(lambda s: s.money.provider_at).money.provider_at
    toy.until(lambda s: s.money.provider_at > seen)
    (toy.root / "go").touch()
    session = toy.over()
    assert sum("provider reports a cost" in n for n in session.notices) == 1
    assert "the provider billed $7.00 0 s ago (ours: $0.0" in "\n".join(status_text.format_session(session))


def test_a_command_without_an_amount_is_reported_once(toy: Any, sh: Phase) -> None:
    toy.start(sh(WAIT), head=head(toy, f"echo query >> {toy.root}/queries; date +%N; echo much"))

    def was_queried_often(_: SessionSnapshot) -> bool:
        path = toy.root / "queries"
        return path.exists() and len(path.read_text().splitlines()) >= 3

    toy.until(was_queried_often)
    (toy.root / "go").touch()
    session = toy.over()
    assert len([n for n in session.notices if "pod.spent_command must print an amount" in n]) == 1
    assert session.money.provider_usd is None
