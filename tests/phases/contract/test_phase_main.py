"""The command line of a phase: flags are checked first, and failures become exit codes."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import phases
from phases.contract import phase_spec
from phases.contract.phase_main import phase_main

SPEC = """
from pathlib import Path
from pydantic import Field
from phases.contract.parameters import PhaseParameters
from phases.contract.phase_spec import PhaseSpec

class Parameters(PhaseParameters):
    output_dir: Path
    outcome: str = "success"
    count: int = Field(1, ge=1, description="number of rows")

SPEC = PhaseSpec(Parameters, (), description="Test the command line.")
"""
RECIPE = """
from phases.contract.errors import BadInputError, LocalFailureError, PhaseFailedError

def run(parameters, reporter):
    reporter.notice("started")
    match parameters.outcome:
        case "bad input":
            raise BadInputError("--count: expected fewer rows")
        case "missing file":
            raise FileNotFoundError("no file matches x")
        case "folder":
            open("/")
        case "failure":
            raise PhaseFailedError("the loss is not finite")
        case "local failure":
            raise LocalFailureError("this GPU is out of memory")
        case "bug":
            raise ValueError("a bug")
    reporter.finish({}, {}, {})
"""


@pytest.fixture(autouse=True)
def stub_phase(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    package = tmp_path / "phase_modules" / "stub_main"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "spec.py").write_text(SPEC)
    (package / "recipe.py").write_text(RECIPE)
    monkeypatch.setattr(phases, "__path__", [*phases.__path__, str(package.parent)])
    for name in ("GONOGO_PROGRESS", "GONOGO_RESULT", "RANK"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("phases.contract.phase_main.stop_on_sigterm", lambda: None)
    for module in [name for name in sys.modules if name.startswith("phases.stub_main")]:
        monkeypatch.delitem(sys.modules, module)
    phase_spec.load_spec.cache_clear()
    yield
    phase_spec.load_spec.cache_clear()


@pytest.mark.parametrize(
    ("outcome", "code", "message"),
    [
        ("success", 0, ""),
        ("bad input", 2, "phases.stub_main: --count: expected fewer rows\n"),
        ("missing file", 2, "phases.stub_main: no file matches x\n"),
        ("folder", 2, "phases.stub_main: [Errno 21] Is a directory: '/'\n"),
        ("failure", 1, "phases.stub_main: the loss is not finite\n"),
        ("local failure", 1, "phases.stub_main: this GPU is out of memory\n"),
    ],
)
def test_the_exit_code_tells_bad_input_from_failure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], outcome: str, code: int, message: str
) -> None:
    assert phase_main("phases.stub_main", ["--output-dir", str(tmp_path), "--outcome", outcome]) == code
    assert capsys.readouterr().err == message
    assert (tmp_path / "result.json").exists() == (code == 0)


def test_a_bug_keeps_its_traceback(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="a bug"):
        phase_main("phases.stub_main", ["--output-dir", str(tmp_path), "--outcome", "bug"])


@pytest.mark.parametrize(("outcome", "reports"), [("failure", False), ("local failure", True)])
def test_only_the_main_process_reports_unless_the_failure_is_local(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    outcome: str,
    reports: bool,
) -> None:
    monkeypatch.setenv("RANK", "1")
    assert phase_main("phases.stub_main", ["--output-dir", str(tmp_path), "--outcome", outcome]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert (captured.err != "") == reports


def test_flags_are_checked_before_the_recipe_is_imported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "phase_modules" / "stub_main" / "recipe.py").write_text("raise RuntimeError")
    with pytest.raises(SystemExit) as stopped:
        phase_main("phases.stub_main", ["--output-dir", str(tmp_path), "--count", "0"])
    assert stopped.value.code == 2
    assert "phases.stub_main: --count: " in capsys.readouterr().err
    with pytest.raises(SystemExit) as stopped:
        phase_main("phases.stub_main", ["--help"])
    assert stopped.value.code == 0
    output = capsys.readouterr().out
    assert "Test the command line." in output
    assert "number of rows (default: 1)" in output
