import os
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


def test_what_was_appended_is_read_back_in_order_with_epochs(tmp_path: Path) -> None:
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


def test_only_one_writer(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    book = Journal(path, Ticks())
    with pytest.raises(JournalBusyError, match="another conductor"):
        Journal(path, Ticks())
    book.close()
    Journal(path, Ticks()).close()


def test_a_writer_that_was_fenced_off_gives_up(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    stale = Journal(path, Ticks())
    stale.append(NoticePosted(text="mine"))
    with path.open("ab") as file:
        file.write(b"another's\n")
    with pytest.raises(JournalError, match="gives up"):
        stale.append(NoticePosted(text="too late"))


def test_every_cut_of_the_last_line_is_set_aside_and_the_journal_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    whole = write(path, "one", "two", "three")
    start = whole.rstrip(b"\n").rfind(b"\n") + 1
    for cut in range(start, len(whole)):
        path.write_bytes(whole[:cut])
        book = Journal(path, Ticks())
        assert [e.seq for e in book.replay.entries] == [1, 2]
        if cut > start:
            assert book.torn is not None
            assert book.torn.read_bytes() == whole[start:cut]
        else:
            assert book.torn is None
        book.append(NoticePosted(text="after"))
        book.close()
        assert texts(path) == ["one", "two", "after"]


def test_every_flipped_byte_is_found_and_its_line_named(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    whole = write(path, "one", "two", "three")
    for place in range(len(whole)):
        hurt = bytearray(whole)
        hurt[place] ^= 0x01
        path.write_bytes(hurt)
        line = whole[:place].count(b"\n") + 1
        replay = journal.read_journal(path)
        if place == len(whole) - 1:  # the last newline itself: that is a torn line
            assert replay.torn
            continue
        assert f"line {line}:" in replay.damage, place
        assert len(replay.entries) == line - 1
        with pytest.raises(JournalDamagedError, match=f"line {line}"):
            Journal(path, Ticks())
        assert path.read_bytes() == hurt  # read-only: nothing was changed


def test_every_byte_that_is_missing_in_the_last_line_is_found(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    whole = write(path, "one", "two", "three")
    for place in range(whole.rstrip(b"\n").rfind(b"\n") + 1, len(whole) - 1):
        path.write_bytes(whole[:place] + whole[place + 1 :])
        replay = journal.read_journal(path)
        assert "line 3:" in replay.damage, place
        assert len(replay.entries) == 2


def test_a_removed_line_and_an_added_line_are_found(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    lines = write(path, "one", "two", "three").splitlines(keepends=True)
    path.write_bytes(lines[0] + lines[2])
    assert "line 2:" in journal.read_journal(path).damage
    path.write_bytes(b"".join([*lines, lines[1]]))
    assert "line 4:" in journal.read_journal(path).damage


def test_a_full_disk_leaves_the_journal_as_it_was(tmp_path: Path) -> None:
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
def test_any_bytes_are_read_without_an_error(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.mktemp("j") / "journal.jsonl"
    path.write_bytes(data)
    replay = journal.read_journal(path)
    assert replay.entries == ()
    assert replay.damage or replay.torn == data


def test_a_line_without_end_is_not_taken_into_memory(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    write(path, "one")
    with path.open("ab") as file:
        file.truncate(100 << 20)
    replay = journal.read_journal(path)
    assert len(replay.entries) == 1
    assert "line 2:" in replay.damage
    assert len(replay.damage) < 1000
    assert len(replay.torn) <= 4 << 20
