"""The fold of long journals: the same state as event by event, from one reading of the file."""

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.cli import main
from app.session.journal import events, fold, state
from app.session.journal.journal import Entry, JournalReader
from app.session.journal.state import State

STARTED = events.SessionStarted(
    id="s", plan_sha256="", profile="", seed=0, phases=["a"], approved="", usd_per_hour=1.0, budget_usd=1.0
)
EVENTS = st.one_of(
    st.builds(events.NoticePosted, text=st.text(max_size=3), key=st.text(max_size=2)),
    st.builds(events.HoldSet, on=st.booleans(), by=st.just("me")),
    st.builds(events.ProviderBillRead, usd=st.floats(0, 9), ours_usd=st.floats(0, 9)),
    st.builds(events.ConductorStarted, pid=st.just(1), machine=st.sampled_from(["m", "n"])),
    st.just(events.AttemptStarted(phase="a", attempt=1, parameters={}, cookie="c")),
    st.just(events.AttemptEnded(phase="a", attempt=1, ended=1.0, seconds=1.0, reason="exited", code=0)),
    st.just(events.SessionEnded(finished=False)),
)


@given(st.lists(st.tuples(EVENTS, st.floats(0, 1e6), st.floats(0, 1e6)), max_size=20))
def test_minor_events_that_are_applied_together_give_the_state_of_one_by_one(
    rows: list[tuple[events.AnyEvent, float, float]],
) -> None:
    entries = [Entry(1, 1, 0.0, 0.0, STARTED)]
    entries += [Entry(n, 1, wall, mono, event) for n, (event, wall, mono) in enumerate(rows, 2)]
    expected, problem = State(), ""
    for entry in entries:
        try:
            expected = state.apply(expected, entry)
        except state.InvalidEventError as error:
            problem = str(error)
            break
    folded, found = fold._fold_valid(entries, State())
    assert folded == expected
    assert (str(found[1]) if found else "") == problem


def test_a_fold_copies_the_keys_of_notices_once(monkeypatch: pytest.MonkeyPatch) -> None:
    copies: list[int] = []

    class Keys(frozenset[str]):
        def __or__(self, other: Any) -> Any:
            copies.append(len(other))
            return Keys(frozenset.__or__(self, other))

    rows: list[events.AnyEvent] = []
    for number in range(500):
        rows += [events.NoticePosted(text="", key=f"{number}"), events.ConductorStarted(pid=1, machine="m")]
    entries = [Entry(n, 1, 0.0, 0.0, event) for n, event in enumerate([STARTED, *rows], 1)]
    folded = fold.fold(entries, State(notice_keys=Keys()))
    assert copies == [500]
    assert len(folded.notice_keys) == 500


def test_status_reads_the_journal_once(
    toy: Any, sh: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    toy.start(sh("true"))
    toy.over()
    toy.kill_everything()
    monkeypatch.chdir(toy.root)
    read: list[Path] = []
    monkeypatch.setattr(fold, "JournalReader", lambda path: read.append(path) or JournalReader(path))
    monkeypatch.setattr(fold, "_remembered", {})
    assert main(["status"]) == 0
    assert read == [toy.folder / "journal.jsonl"]


def test_a_journal_that_changed_is_read_again(toy: Any, sh: Any) -> None:
    toy.start(sh("true"))
    toy.over()
    toy.kill_everything()
    path = toy.folder / "journal.jsonl"
    content, status = path.read_bytes(), path.stat()
    assert fold.recover_file(path)[1] == ""
    path.write_bytes(content.replace(b'"seq":2', b'"seq":3'))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert "line 2" in fold.recover_file(path)[1]
