import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.session import start
from app.session.attempt import process
from app.session.folder import SOCKET_PATH_LIMIT, ConductorRecord
from app.session.requests import Refused
from tests.session.conftest import FAST, Operator
from tests.session.engine.programs import ASK

Phase = Callable[..., dict[str, Any]]


def test_an_incomplete_answer_of_a_dying_conductor_is_ignored(toy: Any, sh: Phase) -> None:
    toy.folder = start.open_session(toy.plan(sh("true")), approved="test", settings=FAST)
    client = Operator(toy.folder)
    path = client.folder.locate_socket()
    client.folder.write_conductor(ConductorRecord(*process.identify_self(), str(path)))

    def answer() -> None:
        for _ in range(2):
            connection, _ = server.accept()
            connection.recv(1000)
            connection.sendall(b'{"snapshot": {"id"')
            connection.close()

    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        thread = threading.Thread(target=answer)
        thread.start()
        assert not client.has_conductor()
        with pytest.raises(Refused, match="no conductor"):
            client.hold(True)
        thread.join()


def test_a_folder_with_a_long_path_has_its_socket_in_the_runtime_folder(toy: Any, sh: Phase) -> None:
    deep = toy.root / ("d" * 60) / ("e" * 60)
    deep.mkdir(parents=True)
    toy.root, toy.path = deep, deep / "session_plan.toml"
    client = toy.start(sh("true", **ASK))
    toy.gate()
    record = client.folder.read_conductor()
    assert record is not None
    assert len(record.socket) <= SOCKET_PATH_LIMIT
    client.decide("p1", 1, "go")
    toy.over()
    toy.assert_nothing_left()
    assert not Path(record.socket).exists()


@pytest.mark.parametrize(
    "line",
    [
        b"\n",
        b"null\n",
        b"[1, 2]\n",
        b'{"do": "dance"}\n',
        b'{"do": "decide"}\n',
        b"\xff\xfe\n",
        b"[" * 5000 + b"\n",
    ],
)
def test_an_invalid_request_is_refused_and_the_conductor_survives(toy: Any, sh: Phase, line: bytes) -> None:
    client = toy.start(sh("true", **ASK))
    toy.gate()
    record = client.folder.read_conductor()
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(record.socket)
        connection.sendall(line)
        assert b'"refused":"not a request' in connection.makefile("rb").readline()
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(record.socket)
        # The server does not read such a line to its end.
        with pytest.raises(OSError, match=r"Broken pipe|Connection reset"):
            connection.sendall(b"x" * 100_000_000)
    assert client.read_snapshot().state == "gate"
