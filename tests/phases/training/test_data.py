"""Splits, order and input of training: pure functions, without a model."""

from collections import Counter
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from phases.contract.phase_main import phase_main
from phases.dpo_training import spec as dpo_spec
from phases.sft_training import recipe as sft_training
from phases.sft_training import spec as sft_spec
from phases.training.data import (
    BadInputError,
    ends,
    evaluation_steps,
    hold_out,
    largest_batch,
    pack,
    read,
    row_order,
)
from phases.training.parameters import describe_unusual_values

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
def test_what_is_held_out_does_not_depend_on_the_order_of_the_rows(keys: list[str]) -> None:
    held = hold_out(keys, 0.1, 3)[1]
    ordered = sorted(keys)
    assert {keys[i] for i in held} == {ordered[i] for i in hold_out(ordered, 0.1, 3)[1]}


def test_the_held_out_share_is_met_in_whole_multiples() -> None:
    keys = [f"key {n}" for n in range(100)]
    assert len(hold_out(keys, 0.05, 1)[1]) == 5
    assert len(hold_out(keys, 0.05, 1, multiple=4)[1]) == 8


def test_nothing_can_be_held_out_of_one_prompt() -> None:
    with pytest.raises(BadInputError, match="same prompt"):
        hold_out(["a", "a"], 0.5, 1)


@given(
    st.lists(st.integers(1, 300), min_size=1, max_size=300),
    st.integers(1, 4),
    st.integers(1, 9),
    st.integers(0, 3),
)
def test_every_row_is_trained_once_an_epoch(
    lengths: list[int], epochs: int, batch_size: int, seed: int
) -> None:
    order = row_order(lengths, epochs=epochs, batch_size=batch_size, seed=seed)
    assert Counter(order) == Counter(dict.fromkeys(range(len(lengths)), epochs))
    assert order == row_order(lengths, epochs=epochs, batch_size=batch_size, seed=seed)


@given(st.lists(st.integers(1, 100), min_size=1, max_size=200), st.integers(1, 3), st.integers(100, 300))
def test_every_row_is_packed_once_an_epoch_into_sequences_that_are_not_too_long(
    lengths: list[int], epochs: int, max_length: int
) -> None:
    packed = pack(lengths, epochs=epochs, max_length=max_length, seed=1)
    assert Counter(row for sequence in packed for row in sequence) == Counter(
        dict.fromkeys(range(len(lengths)), epochs)
    )
    assert all(sum(lengths[row] for row in sequence) <= max_length for sequence in packed)
    assert packed == pack(lengths, epochs=epochs, max_length=max_length, seed=1)


def test_packing_leaves_little_empty_and_mixes_every_epoch_anew() -> None:
    lengths = [20 + n * 7 % 180 for n in range(1000)]
    packed = pack(lengths, epochs=2, max_length=1024, seed=1)
    assert sum(lengths) * 2 / (len(packed) * 1024) > 0.98
    half = len(packed) // 2
    assert packed[:half] != packed[half:]
    assert packed != pack(lengths, epochs=2, max_length=1024, seed=2)


def test_the_largest_batch_is_that_with_the_most_padded_tokens() -> None:
    assert largest_batch([5, 5, 9, 1, 8, 8, 10], 2) == range(2, 4)
    assert largest_batch([5, 5, 9, 1, 8, 8, 10], 3) == range(3)


def test_batches_hold_rows_of_like_length_and_the_largest_comes_first() -> None:
    lengths = [10 + n % 100 for n in range(800)]
    order = row_order(lengths, epochs=2, batch_size=8, seed=1)
    batches = [[lengths[i] for i in order[first : first + 8]] for first in range(0, 1600, 8)]
    assert max(batches[0]) == 109
    padding = sum(8 * max(batch) - sum(batch) for batch in batches)
    assert padding < 0.03 * sum(map(sum, batches))
    assert order != sorted(order)
    assert [lengths[i] for i in order[:800]] != [lengths[i] for i in order[800:]]


@given(st.integers(1, 500), st.integers(1, 20))
def test_held_out_rows_are_measured_at_both_ends(steps: int, evaluations: int) -> None:
    due = evaluation_steps(steps, evaluations)
    assert {0, steps} <= due
    assert len(due) <= evaluations + 1
    assert max(due) == steps


def test_ends_are_means_of_tenths() -> None:
    assert ends([float(n) for n in range(20)]) == (0.5, 18.5)
    assert ends([3.0]) == (3.0, 3.0)


def test_a_wrong_row_is_named_by_file_line_and_key(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"instruction": "a", "response": "b"}\n{"instruction": "a", "answer": "b"}\n')
    with pytest.raises(BadInputError, match=r"rows.jsonl, line 2: .*response"):
        read([path], sft_training.Row)
    path.write_text('{"instruction": "a", "response": "b"}\nnonsense\n')
    with pytest.raises(BadInputError, match="line 2"):
        read([path], sft_training.Row)
    path.write_text("")
    with pytest.raises(BadInputError, match="no rows"):
        read([path], sft_training.Row)


def test_extra_columns_are_no_error(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    row = {"instruction": "a", "response": "b", "formatted_text": "", "completion": "", "seed": 1}
    path.write_bytes(msgspec.json.encode(row) + b"\n")
    assert read([path], sft_training.Row) == [sft_training.Row("a", "b")]


def test_values_outside_the_documents_ranges_are_named() -> None:
    usual = sft_spec.Parameters(train_file=["x"], output_dir=Path("o"))
    assert describe_unusual_values(usual) == []
    assert describe_unusual_values(usual.model_copy(update={"lora_r": 8})) == ["lora_r 8 (usual: 32 to 64)"]
    dpo = dpo_spec.Parameters(sft_model="m", preference_file=["x"], output_dir=Path("o"), beta=0.5)
    assert describe_unusual_values(dpo) == ["beta 0.5 (usual: 0.1 to 0.3)"]


@pytest.mark.parametrize(
    ("flag", "value"),
    [("--learning-rate", "0"), ("--epochs", "0"), ("--lora-r", "many"), ("--heldout-share", "0.9")],
)
def test_a_parameter_out_of_range_is_one_message(
    flag: str, value: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as exit_:
        phase_main("phases.sft_training", ["--train-file", "x", "--output-dir", str(tmp_path), flag, value])
    assert exit_.value.code == 2
    assert flag in capsys.readouterr().err


@pytest.mark.parametrize("module", [sft_spec, dpo_spec])
def test_specs_are_light_to_import(module: object) -> None:
    import subprocess
    import sys

    name = module.__name__  # type: ignore[attr-defined]
    code = (
        f"import {name}, sys; sys.exit(bool({{'torch', 'transformers', 'trl', 'peft'}} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
