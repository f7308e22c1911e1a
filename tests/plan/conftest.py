from collections.abc import Iterator
from pathlib import Path

import pytest

import phases
from app.plan import validate
from phases.contract import phase_spec

STUB = """
from pydantic import Field
from phases.contract.parameters import PhaseParameters
from phases.contract.phase_spec import Metric, PhaseSpec

class Parameters(PhaseParameters):
    output_dir: str = "out"
    count: int = Field(10, ge=1, description="how many")
    files: list[str] = Field(default=[], description="what to read")
    rate: float = Field(0.5, gt=0)
    batch: int = Field(1, ge=1)

SPEC = PhaseSpec(Parameters, (Metric("score", "how well it went"), Metric("word", "a text")))
"""

NO_BATCH = """
from phases.contract.parameters import PhaseParameters
from phases.contract.phase_spec import Metric, PhaseSpec

class Parameters(PhaseParameters):
    model: str

SPEC = PhaseSpec(Parameters, (Metric("score", "how well it went"),))
"""


@pytest.fixture(autouse=True)
def stub_modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Adds phase modules stub_batches, stub_plain and stub_broken: these tests need no real phase."""
    folder = tmp_path / "phase_modules"
    folder.mkdir()
    broken = "raise RuntimeError('no such library')"
    for name, source in (("stub_batches", STUB), ("stub_plain", NO_BATCH), ("stub_broken", broken)):
        package = folder / name
        package.mkdir()
        (package / "__init__.py").write_text("")
        (package / "spec.py").write_text(source)
    monkeypatch.setattr(phases, "__path__", [*phases.__path__, str(folder)])
    cached = (validate._load_module, phase_spec.load_spec, phase_spec.list_phase_names)
    for function in cached:
        function.cache_clear()
    yield
    for function in cached:
        function.cache_clear()
