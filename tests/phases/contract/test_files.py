"""Files: atomic writes, rows of a process that was killed, patterns, and files of other programs."""

import errno
import os
from pathlib import Path

import pytest

from phases.contract.files import (
    RowWriter,
    count_bytes,
    expand_patterns,
    hash_path,
    read_json,
    read_numbered_rows,
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
        raise OSError(errno.ENOSPC, "disk full")

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


@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", [b"\n", b"", b"\r\n", b"\n\n", b"\n  "])
def test_every_row_of_a_file_of_an_editor_is_read(tmp_path: Path, start: bytes, end: bytes) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(start + b"\n".join(b'{"n": %d}' % n for n in range(20)) + end)
    assert [row["n"] for row in read_rows(path)] == list(range(20))


def test_numbers_of_rows_are_those_of_their_lines(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'\xef\xbb\xbf\n{"a": 1}\n\n{"a": 2}')
    assert list(read_numbered_rows(path)) == [(2, {"a": 1}), (4, {"a": 2})]


@pytest.mark.parametrize("cut", range(1, 24))
def test_a_last_row_counts_only_if_it_is_complete_wherever_a_writer_was_killed(
    tmp_path: Path, cut: int
) -> None:
    path, row = tmp_path / "rows.jsonl", b'{"a": {"b": "x}"}, "c": 1}'
    path.write_bytes(b'{"a": 0}\n' + row[:-cut])
    assert list(read_rows(path)) == [{"a": 0}]
    RowWriter(path).close()
    assert path.read_bytes() == b'{"a": 0}\n'


def test_a_writer_ends_a_last_row_without_a_line_end(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'\xef\xbb\xbf{"a": 1}')
    writer = RowWriter(path)
    writer.write([{"a": 2}])
    writer.close()
    assert list(read_rows(path)) == [{"a": 1}, {"a": 2}]


@pytest.mark.parametrize("line", [b"[1]", b"null", b'{"a": 1}\n[1]', b"\xff\xfe{}\n", b"[" * 100_000 + b"\n"])
def test_a_line_that_is_no_object_is_an_error_that_names_the_file(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(line)
    with pytest.raises(ValueError, match=r"rows\.jsonl, line \d: expected a JSON object"):
        list(read_rows(path))


def test_json_that_cannot_be_read_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(b'\xef\xbb\xbf{"a": 1}')
    assert read_json(path, dict[str, int]) == {"a": 1}
    path.write_bytes(b'{"a": ')
    with pytest.raises(ValueError, match=r"x\.json: Input data was truncated"):
        read_json(path, dict[str, int])


def test_the_error_of_a_file_that_cannot_be_written_is_the_same_each_time_and_names_it(
    tmp_path: Path,
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    for path in (tmp_path / "folder", tmp_path / "missing" / "x", tmp_path / "file" / "x"):
        texts = set()
        for _ in range(2):
            with pytest.raises(OSError, match=str(path)) as raised:
                write_atomically(path, b"", make_folder=False)
            texts.add(str(raised.value))
        assert len(texts) == 1
