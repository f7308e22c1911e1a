"""The held-out split."""

from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phases.contract.errors import BadInputError
from phases.training.parameters import TrainingParameters
from phases.training.split import hold_out, split_rows

KEYS = st.lists(st.sampled_from("abcdefghij"), min_size=2, max_size=60).filter(
    lambda keys: len(set(keys)) > 1
)


@given(KEYS, st.floats(0.01, 0.5), st.integers(0, 5), st.integers(1, 4))
def test_rows_of_one_key_are_never_on_both_sides(
    keys: list[str], share: float, seed: int, multiple: int
) -> None:
    trained, held = hold_out(keys, share, seed, multiple)
    assert sorted(trained + held) == list(range(len(keys)))
    assert trained
    assert held
    assert not {keys[i] for i in trained} & {keys[i] for i in held}


@given(st.permutations([f"key {n}" for n in range(40)]))
def test_the_held_out_rows_do_not_depend_on_the_order(keys: list[str]) -> None:
    held = hold_out(keys, 0.1, 3)[1]
    ordered = sorted(keys)
    assert {keys[i] for i in held} == {ordered[i] for i in hold_out(ordered, 0.1, 3)[1]}


def test_the_held_out_share_is_rounded_to_multiples() -> None:
    keys = [f"key {n}" for n in range(100)]
    assert len(hold_out(keys, 0.05, 1)[1]) == 5
    assert len(hold_out(keys, 0.05, 1, multiple=4)[1]) == 8


def test_nothing_can_be_held_out_of_one_prompt() -> None:
    with pytest.raises(BadInputError, match="same prompt"):
        hold_out(["a", "a"], 0.5, 1)


@dataclass(frozen=True)
class Row:
    key: str
    tokens: int

    @property
    def longest(self) -> int:
        return self.tokens // 2  # A pair has two sequences.


def test_long_rows_are_dropped_and_every_other_row_is_trained_or_held_out() -> None:
    parameters = TrainingParameters(output_dir=Path("out"), epochs=2, max_length=16, heldout_share=0.2)
    rows = [Row(f"prompt {n}", 20 + n) for n in range(20)]
    data = split_rows(rows, parameters, multiple=4)
    assert data.dropped == 6  # From 34 tokens on, half of them are more than 16.
    assert len(data.held_out) == 4
    assert data.train_rows == 10
    assert sorted(data.rows, key=rows.index) == sorted(
        2 * [r for r in rows[:14] if r not in data.held_out], key=rows.index
    )
    assert max(row.tokens for row in data.rows) in {row.tokens for row in data.rows[: parameters.batch_size]}


def test_rows_that_are_all_too_long_are_an_error() -> None:
    parameters = TrainingParameters(output_dir=Path("out"), max_length=16)
    with pytest.raises(BadInputError, match="all 3 rows are longer than --max-length 16 tokens"):
        split_rows([Row(str(n), 100) for n in range(3)], parameters)
