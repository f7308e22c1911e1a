"""Durations and amounts: whatever is accepted is the same after it was written and read."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import ValidationError

from app.plan.schema import Pod, Session, Unattended

NUMBERS = st.from_regex(r"[0-9]{1,9}(\.[0-9]{1,9})?", fullmatch=True)


@given(NUMBERS, st.sampled_from(["s", "sec", "min", "h"]))
def test_an_accepted_duration_is_the_same_after_it_was_written_and_read(number: str, unit: str) -> None:
    try:
        table = Unattended.model_validate({"stop_after": f"{number} {unit}"})
    except ValidationError:
        assume(False)
    assert Unattended.model_validate_json(table.model_dump_json()) == table


@pytest.mark.parametrize("text", ["1.1 h", "2.2 h", "4.1 min", "8.2 h", "0.0000001 s", "900000000 s"])
def test_these_durations_are_the_same_after_they_were_written_and_read(text: str) -> None:
    table = Unattended.model_validate({"stop_after": text})
    assert Unattended.model_validate_json(table.model_dump_json()) == table


@pytest.mark.parametrize("text", ["999999999 h", "250001 h"])
def test_a_duration_beyond_all_clocks_is_refused(text: str) -> None:
    with pytest.raises(ValidationError, match="at most 250,000 h"):
        Unattended.model_validate({"stop_after": text})


@pytest.mark.parametrize("amount", [1e300, 1.1e9])
def test_an_amount_beyond_all_prices_is_refused(amount: float) -> None:
    with pytest.raises(ValidationError, match="less than or equal to 1000000000"):
        Session.model_validate({"name": "s", "model": "m", "budget_usd": amount})
    with pytest.raises(ValidationError, match="less than or equal to 1000000000"):
        Pod.model_validate({"gpu": "g", "usd_per_hour": amount})
