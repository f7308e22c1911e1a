"""Reading training rows."""

from pathlib import Path

import msgspec
import pytest

from phases.contract.errors import BadInputError
from phases.sft_training import recipe as sft_training
from phases.training.rows import read_rows


def test_a_wrong_row_is_named_by_file_line_and_key(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"instruction": "a", "response": "b"}\n{"instruction": "a", "answer": "b"}\n')
    with pytest.raises(BadInputError, match=r"rows.jsonl, line 2: .*response"):
        read_rows([path], sft_training.Row)
    path.write_text('{"instruction": "a", "response": "b"}\nnonsense\n')
    with pytest.raises(BadInputError, match="line 2"):
        read_rows([path], sft_training.Row)
    path.write_text("")
    with pytest.raises(BadInputError, match="no rows"):
        read_rows([path], sft_training.Row)


def test_extra_columns_are_no_error(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    row = {"instruction": "a", "response": "b", "formatted_text": "", "completion": "", "seed": 1}
    path.write_bytes(msgspec.json.encode(row) + b"\n")
    assert read_rows([path], sft_training.Row) == [sft_training.Row("a", "b")]
