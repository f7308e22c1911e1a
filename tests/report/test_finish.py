"""`gonogo finish` on a repository of the operator."""

import io
import subprocess
from pathlib import Path

import pytest

from app import cli
from app.plan.errors import PlanErrors
from app.plan.read import load_plan
from app.plan.schema import Plan
from app.report import commands
from app.session.folder import SessionFolder
from tests.report.conftest import PLAN, TOKEN, SteppedClock

FINISH = """
[finish]
roadmap = "ROADMAP.md"
marks = { training = "train the model" }
status = ["status/PROJECT.md", "VERIFICATION.md"]
registry = "REGISTRY.md"
decisions = "archive/decisions"
superseded = [{ path = "data/sep10", note = "Made with a *contaminated* model." }]
"""
ROADMAP = """# Roadmap

- [ ] Baseline evaluation of the base model
- [ ] Train the model (SFT)
- [ ] Comparison
- [x] Something else
"""


def git(root: Path, *arguments: str) -> str:
    command = ("-c", "user.name=a", "-c", "user.email=a@b", *arguments)
    return subprocess.run(["git", *command], cwd=root, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def home(tmp_path: Path) -> Path:
    root = tmp_path / "home"
    for name, text in {
        "ROADMAP.md": ROADMAP,
        "status/PROJECT.md": "# Status\n",
        "REGISTRY.md": "# Registry\r\nby hand\r\n",
        "data/sep10/rows.jsonl": "{}\n",
        "data/sep10/more/rows.jsonl": "{}\n",
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(text.encode())
    git(root, "init", "-q")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "all")
    return root


def finish(session: Path, home: Path, plan: Plan | None = None, *, confirmed: bool = True) -> str:
    out = io.StringIO()
    commands.finish_session(
        session, {"HF_TOKEN": TOKEN}, out, clock=SteppedClock(), repository=home, plan=plan,
        confirm=lambda: confirmed,
    )  # fmt: skip
    return out.getvalue()


def plan_with(folder: Path, table: str = FINISH) -> Plan:
    path = folder / "finish_plan.toml"
    path.write_text(PLAN + table)
    return load_plan(path)


def test_the_diff_is_shown_then_written_and_nothing_is_committed(
    session: Path, home: Path, tmp_path: Path
) -> None:
    plan = plan_with(tmp_path)
    before = git(home, "rev-parse", "HEAD")
    output = finish(session, home, plan, confirmed=False)
    assert "+- [x] Baseline evaluation of the base model (2025-10-09: 17 %)" in output
    assert "nothing was written" in output
    assert git(home, "status", "--porcelain") == ""

    assert "nothing is committed" in finish(session, home, plan)
    assert git(home, "rev-parse", "HEAD") == before
    assert git(home, "diff", "--cached", "--name-only") == ""
    assert (home / "ROADMAP.md").read_text() == (
        "# Roadmap\n\n"
        "- [x] Baseline evaluation of the base model (2025-10-09: 17 %)\n"
        "- [x] Train the model (SFT) (2025-10-09: loss 0.52; verdict investigate)\n"
        "- [ ] Comparison\n"
        "- [x] Something else\n"
    )
    status = (home / "status/PROJECT.md").read_text()
    assert status.startswith("# Status\n\n<!-- gonogo results: begin -->\n## Results: Tiny")
    assert "| Training | done | loss 0.52 | investigate |" in status
    assert (home / "VERIFICATION.md").read_text().count("## Results") == 1
    registry = (home / "REGISTRY.md").read_bytes()
    assert registry.startswith(b"# Registry\r\nby hand\r\n\r\n<!-- gonogo programs: begin -->\r\n")
    assert b"\n" not in registry.replace(b"\r\n", b"")
    assert b"| python train.py | Training | done: loss 0.52 |" in registry
    record = (home / "archive/decisions/20251009-100000-tiny-b-session-b.md").read_text()
    assert "overrides the verdict" in record
    assert "final\\_loss < 0.5".replace("<", "\\<") in record
    assert not (home / "data/sep10").exists()
    assert (home / "archive/data/sep10/more/rows.jsonl").read_text() == "{}\n"
    note = (home / "archive/data/sep10.superseded.md").read_text()
    assert "Made with a \\*contaminated\\* model." in note
    assert "superseded by session 20251009-100000" in note


def test_no_secret_and_no_markup_is_written(session: Path, home: Path, tmp_path: Path) -> None:
    output = finish(session, home, plan_with(tmp_path))
    written = "".join(path.read_text() for path in home.rglob("*.md"))
    for text in (output, written):
        assert TOKEN not in text
        assert "<script>" not in text
    assert "HF\\_TOKEN" in written


def test_a_second_run_changes_nothing_and_a_later_one_replaces_the_results(
    session: Path, home: Path, tmp_path: Path
) -> None:
    plan = plan_with(tmp_path)
    finish(session, home, plan)
    assert "nothing to do" in finish(session, home, plan)
    page = home / "status/PROJECT.md"
    page.write_text(page.read_text().replace("loss 0.52", "loss 9.99") + "\nmy own words\n")
    git(home, "add", "-A")
    git(home, "commit", "-qm", "results")
    finish(session, home, plan)
    assert "loss 0.52" in page.read_text()
    assert "loss 9.99" not in page.read_text()
    assert page.read_text().endswith("\nmy own words\n")


def test_uncommitted_changes_are_never_overwritten(session: Path, home: Path, tmp_path: Path) -> None:
    (home / "ROADMAP.md").write_text(ROADMAP + "- [ ] Mine\n")
    (home / "VERIFICATION.md").write_text("not tracked\n")
    with pytest.raises(commands.ReportError) as failed:
        finish(session, home, plan_with(tmp_path))
    assert "ROADMAP.md has uncommitted changes" in str(failed.value)
    assert "VERIFICATION.md has uncommitted changes" in str(failed.value)
    assert (home / "VERIFICATION.md").read_text() == "not tracked\n"
    assert (home / "data/sep10").exists()


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ('roadmap = "../outside.md"', "expected a path inside"),
        ('roadmap = "/etc/passwd"', "expected a path inside"),
        ('roadmap = "link/x.md"', "expected a path inside"),
        ('status = [".git/config"]', "git's own folder"),
        ('decisions = ".git/hooks"', "git's own folder"),
        ('roadmap = "TODO.md"', "TODO.md does not exist"),
        ('status = ["data"]', "expected a text file"),
        ('status = ["half.md"]', "once, in this order"),
        ('superseded = [{ path = "../x", note = "n" }]', "expected a path inside"),
        ('superseded = [{ path = ".", note = "n" }]', "expected a path inside"),
        ('superseded = [{ path = "inner", note = "n" }]', "is a link"),
        ('archive = "data/sep10"\nsuperseded = [{ path = "data", note = "n" }]', "is inside data"),
        ('archive = "taken"\nsuperseded = [{ path = "data/sep10", note = "n" }]', "exists already"),
    ],
)
def test_obstacles_are_errors_and_nothing_is_changed(
    session: Path, home: Path, tmp_path: Path, table: str, message: str
) -> None:
    (home / "link").symlink_to(tmp_path)
    (home / "inner").symlink_to("data")
    (home / "taken/sep10").mkdir(parents=True)
    (home / "half.md").write_text("<!-- gonogo results: begin -->\n")
    with pytest.raises(commands.ReportError, match=message):
        finish(session, home, plan_with(tmp_path, f"[finish]\n{table}\n"))
    assert (home / "data/sep10/rows.jsonl").exists()


def test_an_item_that_cannot_be_ticked_is_a_note(session: Path, home: Path, tmp_path: Path) -> None:
    (home / "ROADMAP.md").write_text("- [ ] training\n- [ ] more training\n")
    git(home, "commit", "-qam", "short")
    output = finish(session, home, plan_with(tmp_path, '[finish]\nroadmap = "ROADMAP.md"\n'))
    assert "several open items contain 'Training' (lines 1, 2): name one in finish.marks" in output
    assert "no item contains 'Baseline evaluation'" in output
    assert "nothing to do" in output


def test_the_command_needs_a_repository_and_a_table(
    session: Path, tmp_path: Path, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["finish", "--session", str(session)]) == 2
    assert "there is no session" in capsys.readouterr().err
    SessionFolder(session).info.write_text("{}")
    arguments = ["finish", "--session", str(session), "--repository"]
    assert cli.main([*arguments, str(home)]) == 2
    assert "has no [finish] table" in capsys.readouterr().err
    plan = plan_with(tmp_path)
    assert cli.main([*arguments, str(tmp_path), "--plan", str(plan.path)]) == 2
    assert "is not in a git repository" in capsys.readouterr().err
    assert cli.main([*arguments, str(home), "--plan", str(plan.path)]) == 0
    assert "nothing was written" in capsys.readouterr().out
    SessionFolder(session).plan.write_text(plan.model_dump_json())
    assert cli.main([*arguments, str(home), "--yes"]) == 0
    assert (home / "VERIFICATION.md").exists()


@pytest.mark.parametrize(
    ("table", "where"),
    [
        ('marks = { trainning = "x" }', "finish.marks.trainning"),
        ('superseded = [{ path = "x" }]', "finish.superseded[0].note"),
        ('road = "x"', "finish.road"),
    ],
)
def test_errors_in_the_table_are_located(tmp_path: Path, table: str, where: str) -> None:
    with pytest.raises(PlanErrors) as errors:
        plan_with(tmp_path, f"[finish]\n{table}\n")
    assert [error.key for error in errors.value.errors] == [where]
