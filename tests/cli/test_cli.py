import errno
import json
import os
import pkgutil
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from app import cli
from app.session.attempt import process
from app.session.pod import guard

SCRIPT = """echo hello; printf '\\033[31mred\\n'; echo '{"metrics": {"score": 0.7}}' > $GONOGO_RESULT"""
PLAN = """
[session]
name = "Toy"
model = "none"
budget_usd = 10.0
[pod]
gpu = "none"
usd_per_hour = 3.6
[[phase]]
id = "first"
title = "First"
command = ["sh", "-c", SCRIPT]
reports = ["score"]
estimate = { hours = [0.1, 0.2] }
criteria = [{ name = "good", expr = "score > SCORE" }]
[phase.gate]
ask = "always"
[profile.rehearsal]
session.artifacts = "artifacts/rehearsal"
"""


class Shell:
    """The command in a separate folder, with separate records."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {**os.environ, "XDG_STATE_HOME": str(folder / "state")}

    def plan(self, score: float = 0.5) -> None:
        (self.folder / "session_plan.toml").write_text(
            PLAN.replace("SCORE", str(score)).replace("SCRIPT", json.dumps(SCRIPT))
        )

    def run(self, *arguments: str, code: int = 0, given: str | None = None) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "app.cli", *arguments], cwd=self.folder, env=self.environment, text=True,
            input=given, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == code, done.stdout
        assert "Traceback" not in done.stdout
        return done.stdout


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


def test_help_is_there_at_once_and_imports_nothing_heavy() -> None:
    program = """
import sys
from app import cli
try:
    cli.main(["--help"])
except SystemExit:
    pass
print([m for m in ("torch", "textual", "pydantic", "msgspec", "numpy", "asyncio") if m in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
    assert "decide" in done.stdout


def test_a_session_from_the_command_line(shell: Shell) -> None:
    shell.plan()
    said = shell.run("run", "--headless", "--yes", "--decide-by-verdict")
    assert "session finished" in said
    status = json.loads(shell.run("status", "--json"))
    assert status["state"] == "finished"
    assert status["phases"][0]["attempts"][0]["metrics"] == {"score": 0.7}
    assert "First" in shell.run("status")
    assert shell.run("log") == "hello\nred\n"
    assert status["id"] in shell.run("sessions")
    assert "there is no phase nope" in shell.run("log", "--phase", "nope", code=2)
    assert "no gate is open" in shell.run("decide", "go", code=2)
    assert "there is no session nope" in shell.run("status", "--session", "nope", code=2)


def test_by_verdict_it_stops_with_3(shell: Shell) -> None:
    shell.plan(score=0.9)
    said = shell.run("run", "--headless", "--yes", "--decide-by-verdict", code=3)
    assert "session stopped" in said


def test_a_gate_waits_and_is_decided_from_another_terminal(shell: Shell) -> None:
    shell.plan(score=0.9)
    follower = subprocess.Popen(
        [sys.executable, "-m", "app.cli", "run", "--headless", "--yes"],
        cwd=shell.folder, env=shell.environment, text=True, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert follower.stdout is not None
    lines = iter(follower.stdout)
    assert any("GATE after First" in line for line in lines)
    assert "needs a reason" in shell.run("decide", "go", code=2)
    assert "expected PHASE.PARAMETER=VALUE" in shell.run("decide", "retry", "--set", "x", code=2)
    assert "expected a parameter of first, whose gate is open" in shell.run(
        "retry", "--set", "second.x=1", code=2
    )
    assert "first: retry" in shell.run("retry", "--set", "first.x=1")
    assert any("attempt 2 started with x=1" in line for line in lines)
    assert any("GATE after First (attempt 2" in line for line in lines)
    shell.run("decide", "go", "--reason", "seen")
    assert any("session finished" in line for line in lines)
    assert follower.wait(30) == 0


def test_a_session_is_stopped_from_the_command_line(shell: Shell) -> None:
    shell.plan(score=0.9)
    text = (shell.folder / "session_plan.toml").read_text().replace("echo hello", "echo hello; sleep 60")
    (shell.folder / "session_plan.toml").write_text(text)
    follower = subprocess.Popen(
        [sys.executable, "-m", "app.cli", "run", "--headless", "--yes"],
        cwd=shell.folder, env=shell.environment, text=True, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert follower.stdout is not None
    assert any("attempt 1 started" in line for line in follower.stdout)
    [session] = [path.name for path in (shell.folder / "artifacts/sessions").iterdir() if path.is_dir()]
    assert shell.run("hold") == f"session {session}: a gate will open after the current phase\n"
    assert shell.run("hold", "--off") == f"session {session}: hold cancelled\n"
    assert shell.run("stop") == f"session {session}: stopping\n"
    assert any("session stopped" in line for line in follower.stdout)
    assert follower.wait(30) == 1


def test_a_plan_is_shown_and_has_to_be_approved_once(shell: Shell) -> None:
    shell.plan()
    said = shell.run("run", "--headless", "--decide-by-verdict", code=2)
    assert "first: sh -c" in said
    assert f"in {shell.folder}" in said
    assert "PATH" in said
    assert "approve it with --yes" in said
    shell.run("run", "--headless", "--decide-by-verdict", "--yes")
    shell.run("run", "--headless", "--decide-by-verdict")  # approved before
    sessions = sorted((shell.folder / "artifacts" / "sessions").iterdir())
    approvals = [json.loads((s / "session.json").read_text())["approved"] for s in sessions if s.is_dir()]
    assert approvals[0].startswith("--yes, by ")
    assert approvals[1] == "approved before"
    shell.plan(score=0.6)
    assert "approve it with --yes" in shell.run("run", "--headless", "--decide-by-verdict", code=2)


@pytest.mark.parametrize(("answer", "starts"), [("y", True), ("n", False), ("", False)])
def test_at_a_terminal_it_asks(shell: Shell, answer: str, starts: bool) -> None:
    shell.plan()
    ours, theirs = pty.openpty()
    asking = subprocess.Popen(
        [sys.executable, "-m", "app.cli", "run", "--headless", "--decide-by-verdict"],
        cwd=shell.folder, env=shell.environment, stdin=theirs,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    os.write(ours, answer.encode() + b"\n")
    assert asking.wait(60) == (0 if starts else 2)
    assert asking.stdout is not None
    said = asking.stdout.read().decode()
    assert ("session finished" in said) == starts
    assert ("no session was started" in said) != starts
    os.close(ours)
    os.close(theirs)


@pytest.mark.parametrize("place", ["session_plan.toml", "."])
def test_a_plan_or_folder_that_others_can_write_is_refused(shell: Shell, place: str) -> None:
    shell.plan()
    path = shell.folder / place
    path.chmod(0o777)
    assert f"{path} is writable by everyone" in shell.run("run", "--headless", "--yes", code=2)
    path.chmod(0o770)
    if os.getuid() == 0:
        os.chown(path, 0, 12345)  # a group without a name: its future members are unknown
        assert f"{path} is writable by its group" in shell.run("run", "--headless", "--yes", code=2)
        os.chown(path, 0, 0)
    assert not (shell.folder / "artifacts").exists()
    shell.run("run", "--headless", "--decide-by-verdict", "--yes")


@pytest.mark.parametrize("command", ["run --yes", "attach", "attach --read-only"])
def test_without_a_terminal_there_is_a_sentence_and_nothing_starts(shell: Shell, command: str) -> None:
    shell.plan()
    said = shell.run(*command.split(), code=2)
    assert said.startswith("gonogo: the screen needs a terminal")
    assert len(said.splitlines()) == 1
    assert "there is no session here" in shell.run("status", code=2)


def test_the_approval_shows_everything(shell: Shell) -> None:
    shell.plan()
    path = shell.folder / "session_plan.toml"
    hidden = path.read_text().replace('"sh", "-c"', '"sh", "\\u001b[2K\\r", "-c"')
    path.write_text(hidden.replace('title = "First"', 'title = "First\\u001b]0;x"'))
    said = shell.run("run", "--headless", code=2)
    assert "\x1b" not in said
    assert r"sh '\x1b[2K\r' -c" in said
    first = next(line for line in shell.run("check").splitlines() if line.startswith("First"))
    assert first.endswith("always")


def test_bad_input_is_one_message(shell: Shell) -> None:
    shell.plan()
    assert "--decide-by-verdict needs --headless" in shell.run("run", "--decide-by-verdict", code=2)
    assert "there is no session here" in shell.run("status", code=2)
    said = shell.run("run", "--headless", "--profile", "nope", code=2)
    assert "expected one of the plan's profiles: rehearsal" in said
    (shell.folder / "session_plan.toml").write_text("[session\n")
    assert "session_plan.toml:1" in shell.run("run", "--headless", code=2)
    assert "session_plan.toml:1" in shell.run("check", code=2)


def test_without_a_plan_gonogo_writes_its_own(shell: Shell) -> None:
    said = shell.run("check", "session_plan.toml", code=2)
    assert "readable plan file" in said
    program = "from app.cli.plan_file import find_or_create_plan; print(find_or_create_plan())"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=shell.folder, capture_output=True, text=True, check=True
    )
    assert "wrote the Stage 1 plan" in done.stdout
    assert (shell.folder / "session_plan.toml").read_bytes().startswith(b"# The Stage 1 session")


def test_a_session_continues_with_the_plan_it_was_started_with(shell: Shell) -> None:
    shell.plan(score=0.9)
    follower = subprocess.Popen(
        [sys.executable, "-m", "app.cli", "run", "--headless", "--yes"],
        cwd=shell.folder, env=shell.environment, text=True, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert follower.stdout is not None
    assert any("gonogo decide stop" in line for line in follower.stdout)
    follower.kill()
    follower.wait()
    shell.plan(score=0.5)
    ends = time.monotonic() + 30
    said = shell.run("run", "--headless", "--decide-by-verdict", code=3)
    assert time.monotonic() < ends
    assert "continues with the plan it was started with" in said
    assert "score > 0.9" in said


def test_the_seed_can_be_given(shell: Shell) -> None:
    shell.plan()
    shell.run("run", "--headless", "--yes", "--decide-by-verdict", "--seed", "7")
    (plan,) = (shell.folder / "artifacts" / "sessions").glob("*/plan.json")
    assert json.loads(plan.read_text())["session"]["seed"] == 7


def test_a_session_is_reproduced_after_a_list_of_differences(shell: Shell) -> None:
    shell.plan()
    given = ("--headless", "--yes", "--decide-by-verdict")
    shell.run("run", *given, "--seed", "7", "--model", "another")
    [first] = (shell.folder / "artifacts" / "sessions").glob("*/plan.json")
    shell.plan(score=0.9)  # what was recorded counts, and not what the plan is by now
    record = first.with_name("environment.json")
    found = json.loads(record.read_text())
    record.write_text(json.dumps({**found, "versions": {**found["versions"], "torch": "0.1"}}))
    said = shell.run("reproduce", first.parent.name, *given)
    assert said.index("differs: version of torch: was 0.1") < said.index("First: attempt 1 started")
    plans = [json.loads(p.read_text()) for p in (shell.folder / "artifacts" / "sessions").glob("*/plan.json")]
    assert [(p["session"]["seed"], p["session"]["model"]) for p in plans] == [(7, "another")] * 2
    assert "there is no session none" in shell.run("reproduce", "none", code=2)


def test_a_rehearsal_has_its_own_artifacts(shell: Shell) -> None:
    shell.plan()
    shell.run("rehearse", "--headless", "--yes", "--decide-by-verdict")
    assert list((shell.folder / "artifacts" / "rehearsal" / "sessions").glob("*/session.json"))
    assert "profile rehearsal" in shell.run("status")


def test_a_session_is_reported_bundled_and_verified(shell: Shell) -> None:
    shell.plan()
    shell.run("run", "--headless", "--yes", "--decide-by-verdict")
    assert "report" in shell.run("report")
    assert "total" in shell.run("bundle", "--list")
    assert "gonogo verify" in shell.run("bundle")
    (bundle,) = (shell.folder / "artifacts" / "bundles").glob("*.tar")
    assert "every byte verified" in shell.run("verify", str(bundle))
    data = bytearray(bundle.read_bytes())
    data[len(data) // 2] ^= 1
    bundle.write_bytes(data)
    assert "DAMAGED" in shell.run("verify", str(bundle), code=1)
    assert "no-such-bundle" in shell.run("verify", "no-such-bundle", code=2)


def test_a_pod_that_would_be_stopped_after_the_end_is_kept(shell: Shell) -> None:
    shell.plan()
    path = shell.folder / "session_plan.toml"
    stop = 'usd_per_hour = 3.6\nstop_command = ["touch", "stopped"]'
    path.write_text(path.read_text().replace("usd_per_hour = 3.6", stop))
    said = shell.run("run", "--headless", "--decide-by-verdict", "--yes")
    assert "session finished" in said
    session = next(p.name for p in (shell.folder / "artifacts" / "sessions").iterdir() if p.is_dir())
    assert f"unless you run `gonogo keep --session {session}`" in said
    status = shell.run("status")
    assert "the pod will be stopped at" in status
    assert "note: The session is over. The pod will be stopped unless you run" in status
    assert "No conductor is running" not in status
    folder = shell.folder / "artifacts" / "sessions" / session
    conductor = process.read_identity(folder / "conductor.json")
    watcher = process.read_identity(folder / guard.PROCESS_FILE)
    assert conductor is not None
    assert watcher is not None
    assert process.signal_identity(watcher, signal.SIGSTOP)  # The guard would replace the conductor.
    for identity in (conductor, watcher):
        assert process.signal_identity(identity, signal.SIGKILL)
        while process.is_alive(identity):
            time.sleep(0.01)
    assert "No conductor is running, so nothing will stop the pod. Run `gonogo attach`." in shell.run(
        "status"
    )
    assert "the pod keeps running and billing" in shell.run("keep")
    ends = time.monotonic() + 30
    while "the pod is not going to be stopped" not in (said := shell.run("keep", code=2)):
        assert time.monotonic() < ends, said
    assert "the pod will be stopped at" not in shell.run("status")
    artifacts = str(shell.folder / "artifacts")
    processes = [
        p for p in psutil.process_iter(["cmdline"]) if artifacts in " ".join(p.info["cmdline"] or [])
    ]
    _, remaining = psutil.wait_procs(processes, timeout=30)
    assert not remaining


def test_every_command_resolves_to_a_function() -> None:
    actions = cli.build_parser()._subparsers._group_actions  # type: ignore[union-attr]
    (commands,) = actions
    parsers = commands.choices.values()  # type: ignore[union-attr]
    assert all(callable(pkgutil.resolve_name(parser.get_default("command"))) for parser in parsers)


def test_a_failing_disk_is_one_message(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_: object) -> int:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), "/home/x")

    monkeypatch.setattr("app.cli.show.keys", fail)
    assert cli.main(["keys"]) == 2
    assert capsys.readouterr().err == "gonogo: /home/x: Read-only file system\n"


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "euc_jp"])
def test_any_title_is_printed_in_any_encoding(tmp_path: Path, encoding: str) -> None:
    plan = tmp_path / "session_plan.toml"
    text = PLAN.replace('title = "First"', 'title = "Größe → 数 ✓"')
    plan.write_text(text.replace("SCRIPT", '"true"').replace("SCORE", "0.5"))
    done = subprocess.run(
        [sys.executable, "-m", "app.cli", "check", str(plan)],
        env={**os.environ, "PYTHONIOENCODING": encoding},
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"Gr" in done.stdout
