"""Any output of a phase and any request are accepted without an error, a wrong state or much memory."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.monitor.sanitize import clean_line
from app.plan.schema import Phase, Plan, Pod, Session
from app.session import projection, status_text
from app.session.attempt import exit_record
from app.session.attempt.liveness import Liveness
from app.session.clock import SystemClock
from app.session.gate import judge
from app.session.journal import events, journal
from app.session.journal.fold import fold
from app.session.journal.journal import Entry
from app.session.journal.state import State, apply
from app.session.masking import Masker
from app.session.requests import AnyRequest, Response
from app.session.snapshot import SessionSnapshot

ToyPhase = Callable[..., dict[str, Any]]
FOLDER = Path("/s")

NUMBERS = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(-(10**40), 10**40),
    st.sampled_from([0, -1, 1e308, -1e308, 5e-324, 10**400, 2**64]),
)
VALUES = st.one_of(NUMBERS, st.text(max_size=30), st.booleans(), st.none())
JSON = st.recursive(
    VALUES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
)


def text(value: object) -> bytes:
    return json.dumps(value).encode()


def plan() -> Plan:
    phase = {
        "id": "p", "title": "P", "command": ["x"], "estimate": {"hours": (0.5, 1.0)},
        "reports": ("score", "n"), "headline": "{score:.0%} of {n:d}, {score:,.2f}",
        "criteria": [{"name": "good", "expr": "score / 3 + n * 2.0 > 0.5 and -score < n"}],
    }  # fmt: skip
    return Plan(
        path=Path("/p.toml"),
        folder=Path("/"),
        profile=None,
        session=Session.model_validate({"name": "s", "model": "m", "budget_usd": 10.0}),
        pod=Pod.model_validate({"gpu": "g", "usd_per_hour": 2.0}),
        phases=(Phase.model_validate(phase),),
    )


PLAN = plan()


def running() -> State:
    happened = [
        events.SessionStarted(
            id="s", plan_sha256="", profile="", seed=1, phases=["p"], approved="", usd_per_hour=2.0,
            budget_usd=10.0,
        ),
        events.ConductorStarted(pid=1, machine="m"),
        events.AttemptStarted(phase="p", attempt=1, parameters={}, cookie="c"),
    ]  # fmt: skip
    return fold([Entry(n, 1, 1000.0, 10.0, e) for n, e in enumerate(happened, 1)])


def seen(state: State, live: projection.Live) -> SessionSnapshot:
    """Return the snapshot of a state as a viewer receives it over the socket."""
    snapshot = projection.project_session(FOLDER, PLAN, state, live, 2000.0, 500.0)
    sent = msgspec.json.encode(Response(snapshot=snapshot))
    got = msgspec.json.decode(sent, type=Response).snapshot
    assert got is not None
    assert all(clean_line(line) == line for line in status_text.format_session(got))
    return got


@settings(deadline=None, max_examples=400, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.one_of(
        st.builds(
            lambda score, n, more: text({"metrics": {"score": score, "n": n, **more}}),
            NUMBERS, VALUES, st.dictionaries(st.text(max_size=5), VALUES, max_size=3),
        ),
        st.dictionaries(st.sampled_from(["metrics", "computed_from", "inputs", "v", "x"]), JSON).map(text),
        JSON.map(text),
        st.binary(max_size=200),
        st.just(b'{"metrics": {"score": 1%s, "n": 1}}' % (b"0" * 5000)),
    )
)  # fmt: skip
def test_any_result_is_judged_journalled_and_shown(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    folder = tmp_path_factory.mktemp("a")
    (folder / "result.json").write_bytes(data)
    end = events.AttemptEnded(phase="p", attempt=1, ended=1.0, seconds=1.0, reason="exited", code=0)
    state = apply(running(), Entry(4, 1, 1001.0, 11.0, end))
    judged = judge.assess_attempt(PLAN.phases[0], end, folder, state, Masker({}))
    path = folder / "journal.jsonl"
    book = journal.Journal(path, SystemClock(), sync=lambda handle: None)
    book.append(judged)
    book.close()
    (entry,) = journal.read_journal(path).entries
    assert entry.event == judged
    session = seen(apply(state, Entry(5, 1, 1002.0, 12.0, judged)), projection.Live())
    assert session.phases[0].state in ("gate", "done")
    assert session.phases[0].verdict in ("go", "investigate")


@settings(deadline=None, max_examples=400)
@given(
    st.lists(
        st.one_of(
            st.builds(
                lambda time, done, total, unit: text(
                    {"type": "progress", "time": time, "done": done, "total": total, "unit": unit}
                ),
                NUMBERS, NUMBERS, NUMBERS | st.none(), st.text(max_size=5),
            ),
            JSON.map(text),
            st.binary(max_size=50),
        ),
        max_size=6,
    )
)  # fmt: skip
def test_any_progress_is_shown(tmp_path_factory: pytest.TempPathFactory, lines: list[bytes]) -> None:
    folder = tmp_path_factory.mktemp("a")
    (folder / "progress.jsonl").write_bytes(b"\n".join([*lines, b""]))
    liveness = Liveness(folder, SystemClock())
    session = seen(running(), projection.Live(progress=liveness.progress))
    assert session.phases[0].state == "running"
    assert session.money.forecast_usd.low >= session.money.spent_usd


@pytest.mark.parametrize("kind", ["pipe", "folder", "endless", "long"])
def test_an_irregular_file_is_reported_and_not_waited_for(tmp_path: Path, kind: str) -> None:
    for name in ("exit.json", "result.json"):
        path = tmp_path / name
        match kind:
            case "pipe":
                os.mkfifo(path)
            case "folder":
                path.mkdir()
            case "endless":
                path.symlink_to("/dev/zero")
            case "long":
                path.touch()
                os.truncate(path, 100 << 20)
    with pytest.raises(ValueError, match=r"exit\.json: it is"):
        exit_record.read_exit(tmp_path, "c")
    with pytest.raises(ValueError, match="cannot be read: it is"):
        judge.read_result(tmp_path / "result.json", Masker({}))


READING = """
import resource, sys
from pathlib import Path
from app.session.attempt.liveness import Liveness
from app.session.clock import SystemClock
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
liveness, before = Liveness(Path(sys.argv[1]), SystemClock()), peak()
while liveness.progress.done < 1:
    liveness.poll()
print(peak() - before)
"""


def test_ten_million_lines_of_progress_cost_no_memory(tmp_path: Path) -> None:
    line = b'{"type":"progress","time":1,"done":0}\n'
    with (tmp_path / "progress.jsonl").open("wb") as file:
        for _ in range(100):
            file.write(line * 100_000)
        file.write(line.replace(b'"done":0', b'"done":1'))
    argv = [sys.executable, "-c", READING, str(tmp_path)]
    grown = subprocess.run(argv, capture_output=True, text=True, check=True)
    assert int(grown.stdout) < 32  # MB


REQUESTS = st.one_of(
    st.binary(max_size=200).map(lambda data: data.replace(b"\n", b"")),
    JSON.map(text),
    st.fixed_dictionaries(
        {"do": st.sampled_from(["decide", "stop_phase", "hold", "keep_pod", "snapshot", "dance"])},
        optional=dict.fromkeys(("phase", "attempt", "kind", "by", "reason", "changes", "on", "x"), JSON),
    ).map(text),
)  # fmt: skip


def is_request(line: bytes) -> bool:
    try:
        msgspec.json.decode(line, type=AnyRequest)
    except (msgspec.MsgspecError, RecursionError):
        return False
    return True


def test_whatever_comes_over_the_socket_is_answered_and_decides_nothing(toy: Any, sh: ToyPhase) -> None:
    client = toy.start(sh("true", gate={"ask": "always"}))
    toy.gate()
    status = Path(f"/proc/{toy.conductor_pid()}/status")

    def resident() -> int:
        return next(int(row.split()[1]) for row in status.read_text().splitlines() if "VmRSS" in row) >> 10

    def ask(lines: list[bytes], end: bytes = b"\n") -> list[Response]:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(20)
            connection.connect(client.folder.read_conductor().socket)
            connection.sendall(b"\n".join(lines) + end)
            connection.shutdown(socket.SHUT_WR)
            return [msgspec.json.decode(row, type=Response) for row in connection.makefile("rb")]

    @settings(deadline=None, max_examples=40)
    @given(st.lists(REQUESTS, min_size=1, max_size=8))
    def fuzz(lines: list[bytes]) -> None:
        answers = ask(lines)
        assert len(answers) == len(lines)
        for line, answer in zip(lines, answers, strict=True):
            assert answer.snapshot is not None if is_request(line) and b"snapshot" in line else True
            assert is_request(line) or answer.refused.startswith("not a request")
        ask(lines, end=b"")  # a line without its end

    fuzz()
    before = resident()
    for _ in range(5):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(client.folder.read_conductor().socket)
            with pytest.raises(OSError, match=r"Broken|reset"):
                connection.sendall(b"x" * 100_000_000)
    fuzz()
    assert resident() - before < 16  # MB
    session = client.read_snapshot()
    assert session.state == "gate"
    assert session.decisions == ()
    assert "Traceback" not in client.folder.conductor_log.read_text()
    client.decide("p1", 1, "go")
    assert toy.over().state == "finished"


STRANGER = """
import os, socket, sys
from pathlib import Path
path = Path(sys.argv[1])
os.chdir(path.parent)
os.seteuid(65534)
with socket.socket(socket.AF_UNIX) as connection:
    connection.connect(path.name)
    connection.sendall(b'{"do": "snapshot"}\\n')
    print(connection.recv(100))
"""


@pytest.mark.skipif(os.getuid() != 0, reason="being another user needs root")
def test_other_users_get_no_answer(toy: Any, sh: ToyPhase) -> None:
    client = toy.start(sh("true", gate={"ask": "always"}))
    toy.gate()
    path = Path(client.folder.read_conductor().socket)
    argv = [sys.executable, "-c", STRANGER, str(path)]
    locked_out = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert "PermissionError" in locked_out.stderr
    path.parent.chmod(0o711)
    path.chmod(0o666)
    stranger = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert stranger.stdout in ("b''\n", "")  # it may be hung up on while it asks
    assert "PermissionError" not in stranger.stderr
    assert client.read_snapshot().state == "gate"
