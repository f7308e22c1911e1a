"""A copy of the tiny model that a test may change."""

import shutil
from pathlib import Path

import pytest


@pytest.fixture
def model_folder(tiny_model: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_model, tmp_path / "model"))
