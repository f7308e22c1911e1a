"""A phase of a plan, and a built-in phase without a program, for the tests of gates."""

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from pydantic import Field

from app.plan.schema import Phase
from app.session.gate import judge
from app.session.journal import events
from app.session.journal.state import PhaseRecord, State
from app.session.masking import Masker
from phases.contract.parameters import PhaseParameters
from phases.contract.phase_spec import PhaseSpec

END = events.AttemptEnded(phase="p", attempt=1, ended=1.0, seconds=1.0, reason="exited", code=0)


class Parameters(PhaseParameters):
    output_dir: str
    count: int = Field(10, ge=1)
    batch: int = 1


def make_phase(**keys: Any) -> Phase:
    """Return the phase `p` of a plan."""
    return Phase.model_validate({"id": "p", "title": "P", "estimate": {"hours": (0, 1)}} | keys)


def make_built_in_phase(monkeypatch: pytest.MonkeyPatch) -> Phase:
    """Return a phase that runs `phases.stub`, which declares `Parameters`."""
    module = ModuleType("phases.stub.spec")
    module.SPEC = PhaseSpec(Parameters, ())  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "phases.stub", ModuleType("phases.stub"))
    monkeypatch.setitem(sys.modules, "phases.stub.spec", module)
    return make_phase(run="phases.stub", params={"output_dir": "out"})


def assess(
    of: Phase, folder: Path, end: events.AttemptEnded = END, state: State | None = None
) -> events.AttemptAssessed:
    """Return the assessment of an attempt of a phase."""
    return judge.assess_attempt(of, end, folder, state or State(phases=(PhaseRecord("p"),)), Masker({}))
