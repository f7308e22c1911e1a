import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.session.journal import journal
from app.session.journal.events import NoticePosted
from app.session.journal.journal import Journal, JournalBusyError, JournalDamagedError, JournalError


class Ticks:
    def __init__(self) -> None:
        self.now = 0.0

    def wall(self) -> float:
        self.now += 1
        return self.now

    mono = wall


def write(path: Path, *texts: str) -> bytes:
    book = Journal(path, Ticks())
    for text in texts:
        book.append(NoticePosted(text=text))
    book.close()
    return path.read_bytes()


def texts(path: Path) -> list[str]:
    return [
        entry.event.text
        for entry in journal.read_journal(path).entries
        if isinstance(entry.event, NoticePosted)
    ]


def test_appended_events_are_read_back_in_order_with_epochs(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    write(path, "a", "b")
    write(path, "c")
    replay = journal.read_journal(path)
    assert [(e.seq, e.epoch) for e in replay.entries] == [(1, 1), (2, 1), (3, 2)]
    assert texts(path) == ["a", "b", "c"]
    assert replay.damage == ""
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_line_is_synced_before_append_returns(tmp_path: Path) -> None:
    synced: list[bytes] = []
    path = tmp_path / "journal.jsonl"
    book = Journal(path, Ticks(), sync=lambda handle: synced.append(path.read_bytes()))
    book.append(NoticePosted(text="first"))
    assert len(synced) == 1
    assert b"first" in synced[0]


def test_a_journal_has_only_one_writer(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    book = Journal(path, Ticks())
    with pytest.raises(JournalBusyError, match="another conductor"):
        Journal(path, Ticks())
    book.close()
    Journal(path, Ticks()).close()


def test_a_writer_gives_up_after_another_process_wrote(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    stale = Journal(path, Ticks())
    stale.append(NoticePosted(text="mine"))
    with path.open("ab") as file:
        file.write(b"another's\n")
    with pytest.raises(JournalError, match="gives up"):
        stale.append(NoticePosted(text="too late"))


def test_a_last_line_cut_anywhere_is_moved_and_the_journal_continues(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    content = write(path, "one", "two", "three")
    start = content.rstrip(b"\n").rfind(b"\n") + 1
    for cut in range(start, len(content)):
        path.write_bytes(content[:cut])
        book = Journal(path, Ticks())
        assert [e.seq for e in book.replay.entries] == [1, 2]
        if cut > start:
            assert book.torn is not None
            assert book.torn.read_bytes() == content[start:cut]
        else:
            assert book.torn is None
        book.append(NoticePosted(text="after"))
        book.close()
        assert texts(path) == ["one", "two", "after"]


def test_every_changed_byte_is_detected_and_its_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    content = write(path, "one", "two", "three")
    for position in range(len(content)):
        damaged = bytearray(content)
        damaged[position] ^= 0x01
        path.write_bytes(damaged)
        line = content[:position].count(b"\n") + 1
        replay = journal.read_journal(path)
        if position == len(content) - 1:  # Without the last newline the line is torn.
            assert replay.torn
            continue
        assert f"line {line}:" in replay.damage, position
        assert len(replay.entries) == line - 1
        with pytest.raises(JournalDamagedError, match=f"line {line}"):
            Journal(path, Ticks())
        assert path.read_bytes() == damaged  # Opening changed nothing.


def test_every_missing_byte_in_the_last_line_is_detected(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    content = write(path, "one", "two", "three")
    for position in range(content.rstrip(b"\n").rfind(b"\n") + 1, len(content) - 1):
        path.write_bytes(content[:position] + content[position + 1 :])
        replay = journal.read_journal(path)
        assert "line 3:" in replay.damage, position
        assert len(replay.entries) == 2


def test_removed_and_added_lines_are_detected(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    lines = write(path, "one", "two", "three").splitlines(keepends=True)
    path.write_bytes(lines[0] + lines[2])
    assert "line 2:" in journal.read_journal(path).damage
    path.write_bytes(b"".join([*lines, lines[1]]))
    assert "line 4:" in journal.read_journal(path).damage


def test_a_full_disk_leaves_the_journal_unchanged(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    full = True

    def sync(handle: int) -> None:
        if full:
            raise OSError(28, os.strerror(28))

    book = Journal(path, Ticks(), sync=sync)
    with pytest.raises(OSError, match="No space"):
        book.append(NoticePosted(text="lost"))
    assert path.read_bytes() == b""
    full = False
    book.append(NoticePosted(text="kept"))
    assert texts(path) == ["kept"]


@given(st.binary(max_size=400))
def test_reading_any_bytes_does_not_raise(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.mktemp("j") / "journal.jsonl"
    path.write_bytes(data)
    replay = journal.read_journal(path)
    assert replay.entries == ()
    assert replay.damage or replay.torn == data


def test_an_endless_line_is_not_read_into_memory(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    write(path, "one")
    with path.open("ab") as file:
        file.truncate(100 << 20)
    replay = journal.read_journal(path)
    assert len(replay.entries) == 1
    assert "line 2:" in replay.damage
    assert len(replay.damage) < 1000
    assert len(replay.torn) <= 4 << 20


class SetClock(Ticks):
    def wall(self) -> float:
        return self.now

    mono = wall


@pytest.mark.parametrize("put", [lambda path: None, Path.mkdir, os.mkfifo, lambda path: path.write_text("x")])
def test_a_journal_that_was_deleted_or_replaced_is_written_again(
    tmp_path: Path, put: Callable[[Path], None]
) -> None:
    (tmp_path / "session.json").touch()
    path, clock = tmp_path / "journal.jsonl", SetClock()
    book = Journal(path, clock)
    book.append(NoticePosted(text="a"))
    path.unlink()
    put(path)
    book.append(NoticePosted(text="b"))
    for clock.now in (0.0, 2.9, 3.1):
        book.keep_on_disk()
    assert texts(path) == ["a", "b"]
    book.append(NoticePosted(text="c"))
    with pytest.raises(JournalBusyError):
        Journal(path, clock)
    book.close()
    assert texts(path) == ["a", "b", "c"]
    assert write(path, "d").count(b"\n") == 4


@pytest.mark.parametrize("damage", ["emptied before", "folder deleted", "back in time"])
def test_a_journal_that_cannot_or_need_not_be_written_again_is_left_alone(
    tmp_path: Path, damage: str
) -> None:
    (tmp_path / "session.json").touch()
    path, clock = tmp_path / "journal.jsonl", SetClock()
    book = Journal(path, clock)
    book.append(NoticePosted(text="a"))
    book.keep_on_disk()
    if damage == "emptied before":
        os.truncate(path, 0)
    elif damage == "folder deleted":
        (tmp_path / "session.json").unlink()
    path.rename(tmp_path / "elsewhere")
    book.keep_on_disk()
    if damage == "back in time":
        (tmp_path / "elsewhere").rename(path)
        clock.now = 3.5
        book.keep_on_disk()
        path.rename(tmp_path / "elsewhere")
    clock.now += 3.1 if damage != "back in time" else 0.0
    book.keep_on_disk()
    assert not path.exists()
