"""Output and exit status of the commands."""

import io
from pathlib import Path

import pytest

from app.report import commands
from tests.report.conftest import TOKEN, SteppedClock


def test_bundle_prints_sizes_and_the_next_commands_and_masks_secrets(session: Path, tmp_path: Path) -> None:
    out = io.StringIO()
    environment = {"HF_TOKEN": TOKEN, "RUNPOD_PUBLIC_IP": "1.2.3.4", "RUNPOD_TCP_PORT_22": "40022"}
    assert commands.write_bundle(session, environment, out, clock=SteppedClock()) == 0
    target = tmp_path / "artifacts/bundles/20251009-100000.tar"
    text = out.getvalue()
    assert text.index("5 kB") < text.index("packed 100 %") < text.index("scp -P 40022")
    assert "logs/train.log: masked a secret" in text
    assert "gonogo verify 20251009-100000.tar" in text
    assert TOKEN.encode() not in target.read_bytes()

    out = io.StringIO()
    assert commands.verify_bundle(target, out, unpack=tmp_path / "home") == 0
    assert "every byte verified" in out.getvalue()
    log = tmp_path / "home/20251009-100000/logs/train.log"
    log.write_text("using another\n")
    assert commands.verify_bundle(log.parent.parent, out) == 1
    assert "logs/train.log: the content differs from the manifest" in out.getvalue()


def test_report_works_in_an_unpacked_bundle(session: Path, tmp_path: Path) -> None:
    out = io.StringIO()
    assert commands.write_bundle(session, {"HF_TOKEN": TOKEN}, out, clock=SteppedClock()) == 0
    assert (
        commands.verify_bundle(
            tmp_path / f"artifacts/bundles/{session.name}.tar", out, unpack=tmp_path / "home"
        )
        == 0
    )
    unpacked = tmp_path / "home" / session.name / "sessions" / session.name
    assert commands.write_report(unpacked, {}, out, clock=SteppedClock(), output=tmp_path / "home") == 0
    assert "loss 0.52" in (tmp_path / "home/report.md").read_text()
    assert commands.verify_bundle(tmp_path / "home" / session.name, out) == 0


def test_bundle_with_list_writes_nothing(session: Path, tmp_path: Path) -> None:
    out = io.StringIO()
    assert commands.write_bundle(session, {}, out, clock=SteppedClock(), list_only=True) == 0
    assert "total" in out.getvalue()
    assert not (tmp_path / "artifacts/bundles").exists()


def test_bundle_names_a_secret_that_is_not_set(session: Path) -> None:
    out = io.StringIO()
    assert commands.write_bundle(session, {}, out, clock=SteppedClock()) == 0
    assert "HF_TOKEN is not set here" in out.getvalue()


def test_an_earlier_session_is_bundled_from_the_archive(session: Path, tmp_path: Path) -> None:
    aside = tmp_path / "artifacts/archive/20251009-100000"
    aside.mkdir(parents=True)
    (tmp_path / "artifacts/models").rename(aside / "models")
    out = io.StringIO()
    assert commands.write_bundle(session, {}, out, clock=SteppedClock()) == 0
    assert "no file matches logs" in out.getvalue()
    assert commands.verify_bundle(tmp_path / "artifacts/bundles/20251009-100000.tar", out) == 0


def test_a_folder_without_a_session_is_a_one_line_error(tmp_path: Path) -> None:
    for act, plan in (
        (commands.write_bundle, None),
        (commands.write_report, None),
        (commands.write_report, "{}"),
    ):
        if plan:
            (tmp_path / "plan.json").write_text(plan)
        with pytest.raises(commands.ReportError, match="expected the folder of a session") as failed:
            act(tmp_path, {}, io.StringIO(), clock=SteppedClock())
        assert "\n" not in str(failed.value)


def test_verify_of_a_missing_bundle_is_a_one_line_error(tmp_path: Path) -> None:
    with pytest.raises(commands.ReportError, match=r"nothing\.tar: No such file"):
        commands.verify_bundle(tmp_path / "nothing.tar", io.StringIO())
    (tmp_path / "empty").mkdir()
    out = io.StringIO()
    assert commands.verify_bundle(tmp_path / "empty", out) == 1
    assert "MANIFEST.sha256 is missing" in out.getvalue()


def test_transfer_commands() -> None:
    environment = {"RUNPOD_PUBLIC_IP": "195.26.233.96", "RUNPOD_TCP_PORT_22": "40022"}
    rsync, scp = commands.build_transfer_commands(Path("/workspace/my artifacts/s1.tar"), environment)
    assert rsync.endswith("-e 'ssh -p 40022' 'root@195.26.233.96:/workspace/my artifacts/s1.tar' .")
    assert scp == "scp -P 40022 'root@195.26.233.96:/workspace/my artifacts/s1.tar' ."
    assert "PORT" in commands.build_transfer_commands(Path("s1.tar"), {})[1]
