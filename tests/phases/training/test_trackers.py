from pathlib import Path

import pytest

from phases.contract.errors import BadInputError
from phases.training import trackers
from phases.training.trackers import configure_trackers


def test_without_trackers_nothing_is_configured(tmp_path: Path) -> None:
    environment: dict[str, str] = {}
    assert configure_trackers([], tmp_path, environment) == {"report_to": "none"}
    assert environment == {}


def test_nothing_leaves_the_machine_unless_the_environment_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trackers, "find_spec", lambda name: object())
    environment: dict[str, str] = {}
    arguments = configure_trackers(["wandb", "trackio"], tmp_path, environment)
    assert arguments["report_to"] == ["wandb", "trackio"]
    assert arguments["trackio_space_id"] is None
    assert environment["WANDB_MODE"] == "offline"
    asked = {"WANDB_API_KEY": "k", "TRACKIO_SPACE_ID": "me/space", "WANDB_PROJECT": "mine"}
    arguments = configure_trackers(["wandb", "trackio"], tmp_path, asked)
    assert arguments["trackio_space_id"] == "me/space"
    assert "WANDB_MODE" not in asked
    assert asked["WANDB_PROJECT"] == "mine"


def test_a_tracker_that_is_not_installed_is_bad_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trackers, "find_spec", lambda name: None)
    with pytest.raises(BadInputError, match=r"--report-to wandb: it is not installed; pip install"):
        configure_trackers(["wandb"], tmp_path, {})
