"""Files: atomic writes, rows of a process that was killed, patterns, and files of other programs."""

import os
from pathlib import Path

import pytest

from phases.contract.files import (
    RowWriter,
    count_bytes,
    expand_patterns,
    hash_path,
    read_regular_file,
    read_rows,
    write_atomically,
)


def test_a_torn_last_line_is_ignored_and_then_removed(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'{"a": 1}\n{"a":')
    assert list(read_rows(path)) == [{"a": 1}]
    writer = RowWriter(path)
    writer.write([{"a": 2}])
    writer.close()
    assert list(read_rows(path)) == [{"a": 1}, {"a": 2}]
    path.write_bytes(b"[]\n")
    with pytest.raises(ValueError, match="line 1: expected a JSON object"):
        list(read_rows(path))


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "new" / "file"
    write_atomically(path, "old")

    def fail(_: int) -> None:
        raise OSError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fail)
        with pytest.raises(OSError, match="disk full"):
            write_atomically(path, "new")
    assert path.read_text() == "old"
    assert list(path.parent.iterdir()) == [path]


def test_a_folder_has_the_hash_and_size_of_its_files(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_atomically(tmp_path / name / "inner" / "file", "text")
    assert hash_path(tmp_path / "one") == hash_path(tmp_path / "two")
    assert count_bytes(tmp_path) == 8
    write_atomically(tmp_path / "two" / "inner" / "file", "other")
    assert hash_path(tmp_path / "one") != hash_path(tmp_path / "two")


def test_only_regular_files_of_limited_size_are_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ValueError, match="not a regular file"):
        read_regular_file(tmp_path / "pipe", 10)
    (tmp_path / "file").write_bytes(b"12345")
    assert read_regular_file(tmp_path / "file", 5) == b"12345"
    with pytest.raises(ValueError, match="larger than 4 bytes"):
        read_regular_file(tmp_path / "file", 4)
    with pytest.raises(FileNotFoundError):
        read_regular_file(tmp_path / "absent", 4)


def test_patterns_name_each_file_once(tmp_path: Path) -> None:
    for name in ("b.jsonl", "a.jsonl"):
        (tmp_path / name).touch()
    patterns = [str(tmp_path / "*.jsonl"), str(tmp_path / "b.jsonl")]
    assert [path.name for path in expand_patterns(patterns)] == ["a.jsonl", "b.jsonl"]
    with pytest.raises(FileNotFoundError, match="no file matches"):
        expand_patterns([str(tmp_path / "*.txt")])
