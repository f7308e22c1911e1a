"""The client's requests to the conductor."""

import os
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import Any

import msgspec
import pytest

from app.errors import UserError
from app.session import requests as messages
from app.session import start
from app.session.client import SessionClient
from app.session.requests import Refused
from tests.session.conftest import Operator, Toy
from tests.tui import fake


def test_a_watching_client_may_request_the_session_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = SessionClient(tmp_path)
    ours, conductor = socket.socketpair()
    monkeypatch.setattr(client, "_connect", lambda: ours)
    client.request_snapshot()  # without a watching client
    said = conductor.makefile("rwb")
    answer = messages.Response(snapshot=fake.running().snapshot)
    said.write(msgspec.json.encode(answer) + b"\n")
    said.flush()
    watched = client.watch(Event())
    next(watched)
    client.request_snapshot()
    requests = [msgspec.json.decode(said.readline(), type=messages.AnyRequest) for _ in range(2)]
    assert [type(each) for each in requests] == [messages.Subscribe, messages.GetSnapshot]
    watched.close()
    client.request_snapshot()
    assert said.readline() == b"", "the connection is closed, and not written to"


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff"])
@pytest.mark.parametrize("name", ["session.json", "plan.json"])
def test_a_damaged_file_of_a_session_is_named(toy: Toy, name: str, content: bytes) -> None:
    folder = start.open_session(toy.plan({"command": ["true"]}), approved="test", register=False)
    (folder / "journal.jsonl").touch()
    (folder / name).write_bytes(content)
    client = SessionClient(folder)
    with pytest.raises(UserError, match=name.replace(".", r"\.")):
        client.folder.read_info() if name == "session.json" else client.make_masker()
    if name == "plan.json":
        with pytest.raises(UserError, match=r"plan\.json: cannot read"):
            client.snapshot_from_journal()


def test_a_request_to_a_conductor_that_does_not_respond_may_still_be_carried_out(
    toy: Toy, sh: Callable[..., dict[str, Any]]
) -> None:
    toy.start(sh("true", gate={"ask": "always"}))
    toy.gate()
    conductor = toy.conductor_pid()
    os.kill(conductor, signal.SIGSTOP)
    try:
        with pytest.raises(Refused, match=r"did not respond within .* may still carry out"):
            Operator(toy.folder, timeout=0.2).decide("p1", 1, "go")
    finally:
        os.kill(conductor, signal.SIGCONT)
    assert toy.over().state == "finished"
