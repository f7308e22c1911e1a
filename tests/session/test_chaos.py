"""A few disturbed sessions; `make chaos N=200` runs many."""

import json
import os
import random
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.session import start
from app.session.attempt import process
from app.session.client import SessionClient
from app.session.original import find_original
from tests.session.chaos import programs
from tests.session.conftest import Operator, wait_for

Phase = Callable[..., dict[str, Any]]
ROOT = Path(__file__).parents[2]


def test_disturbed_sessions_end_as_undisturbed_ones() -> None:
    command = [sys.executable, "-m", "tests.session.chaos", "6", "7000", "--jobs", "2"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    summary = json.loads(done.stdout.splitlines()[-1])
    assert (summary["sessions"], summary["wrong"]) == (6, 0)
    assert summary["disturbed"] >= 6


def start_mortal(toy: Any, phase: dict[str, Any], *kths: int) -> None:
    toy.folder = start.open_session(toy.plan(phase), approved="test")
    subprocess.run(programs.build_mortal_conductor(toy.folder, *kths, "after"), check=True)
    toy.client = Operator(toy.folder)


def test_a_conductor_that_dies_at_an_fsync_is_recognized_as_one_of_its_session(toy: Any, sh: Phase) -> None:
    start_mortal(toy, sh("true", gate={"ask": "always"}), 0, 0)
    wait_for(SessionClient(toy.folder).has_conductor)
    assert find_original(toy.folder) is None


def test_a_conductor_dies_at_its_fsync(toy: Any, sh: Phase) -> None:
    start_mortal(toy, sh("true"), 3, 0)
    wait_for(lambda: process.read_identity(toy.folder / "conductor.json"))
    wait_for(lambda: not process.is_recorded_alive(toy.folder / "conductor.json"))


def test_a_shim_dies_at_its_fsync(toy: Any, sh: Phase) -> None:
    start_mortal(toy, sh("sleep 1", gate={"ask": "always"}), 0, 5)
    wait_for(SessionClient(toy.folder).has_conductor)
    assert toy.gate().find_phase("p1").attempts[0].reason == "unknown"


def test_overlapping_limits_end_and_no_process_keeps_an_inherited_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(Path(programs.__file__).with_name("standins")))
    from tests.session.chaos.disturbances import Disturber  # It imports a stand-in.

    ordinary = resource.getrlimit(resource.RLIMIT_NOFILE)
    disturber = Disturber(tmp_path, tmp_path, tmp_path, random.Random(1))
    session: Any = None
    environment = {**os.environ, "FOLDER": str(tmp_path)}
    argv = ["sh", "-c", "sleep 60 & echo; wait"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, env=environment) as program:
        assert program.stdout is not None
        program.stdout.readline()
        identity = process.identify(program.pid)
        monkeypatch.setattr(disturber, "find_processes", lambda *_: [identity])
        for _ in range(2):
            disturber.disturb(session, "descriptors")
            limited = resource.prlimit(program.pid, resource.RLIMIT_NOFILE)
            assert limited[0] < ordinary[0]
        pids = disturber.list_session_processes()
        for pid in pids:
            resource.prlimit(pid, resource.RLIMIT_NOFILE, limited)
        disturber.end_all()
        limits = [resource.prlimit(pid, resource.RLIMIT_NOFILE) for pid in pids]
        disturber.kill_all_processes()
    assert limits == [ordinary, ordinary]
