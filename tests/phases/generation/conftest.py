from pathlib import Path

import pytest

from phases.models.loader import LoadedModel, load_model


@pytest.fixture(scope="module")
def loaded(tiny_model: Path) -> LoadedModel:
    """Return the tiny model, loaded once for each test file."""
    return load_model(str(tiny_model))
