"""The beginning of files that phases wrote."""

import os
from pathlib import Path

import pytest

from app.monitor.preview import MAX_ROWS, read_first_rows


def test_rows_are_shown_as_text_and_further_rows_are_counted(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text('{"a": 1}\n\x1b]0;owned\x07{"b": 2}\n')
    assert read_first_rows(file) == ('{"a": 1}', '{"b": 2}')
    file.write_text("x\n" * (MAX_ROWS + 1))
    assert read_first_rows(file) == (*["x"] * MAX_ROWS, "...")
    file.write_text("y" * 1_000_000)
    assert read_first_rows(file)[-1] == "..."


def test_a_binary_file_is_not_shown_as_text(tmp_path: Path) -> None:
    file = tmp_path / "adapter.safetensors"
    file.write_bytes(b"\x08\0\0\0")
    assert read_first_rows(file) == ("not a text file: 4 bytes",)


def test_of_a_folder_its_files_are_shown(tmp_path: Path) -> None:
    (tmp_path / "checkpoint").mkdir()
    (tmp_path / "checkpoint" / "state.bin").write_bytes(bytes(1234))
    (tmp_path / "config.json").write_text("{}")
    assert [line.split() for line in read_first_rows(tmp_path)] == [
        ["1,234", "checkpoint/state.bin"],
        ["2", "config.json"],
    ]


def test_a_missing_file_is_called_so_and_pipes_are_not_read(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_first_rows(tmp_path / "gone.jsonl")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="not a regular file"):
        read_first_rows(tmp_path / "pipe")
