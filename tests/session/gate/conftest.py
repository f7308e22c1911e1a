import pytest

from app.plan.schema import Phase
from tests.session.gate.stub_phase import make_built_in_phase


@pytest.fixture
def built_in(monkeypatch: pytest.MonkeyPatch) -> Phase:
    """Return a built-in phase with declared parameters."""
    return make_built_in_phase(monkeypatch)
