"""What gonogo knows about a phase before it runs it.

Each built-in phase is a package with a light module `spec` that holds `SPEC`. It imports no heavy library, so
that a plan is checked in a moment and without a GPU.
"""

import importlib
import pkgutil
from dataclasses import dataclass
from functools import cache

import phases
from phases.contract.parameters import PhaseParameters


@dataclass(frozen=True)
class Metric:
    """One number or text of a phase's result: its name and what it is computed from."""

    name: str
    meaning: str


@dataclass(frozen=True)
class PhaseSpec:
    """The parameters that a phase takes and the metrics that it reports."""

    parameters: type[PhaseParameters]
    metrics: tuple[Metric, ...]


@cache
def load_spec(run: str) -> PhaseSpec:
    """Return the spec of a built-in phase.

    Args:
        run: the phase's package, such as `phases.evaluation`.

    Raises:
        ModuleNotFoundError: no such phase exists.
        AttributeError: the package has no `spec.SPEC`.
    """
    spec: PhaseSpec = importlib.import_module(f"{run}.spec").SPEC
    return spec


@cache
def phase_names() -> tuple[str, ...]:
    """Return the packages of all built-in phases, such as `phases.evaluation`."""
    packages = [info.name for info in pkgutil.iter_modules(phases.__path__) if info.ispkg]
    found = []
    for name in packages:
        path = importlib.import_module(f"phases.{name}").__path__
        if any(module.name == "spec" for module in pkgutil.iter_modules(path)):
            found.append(f"phases.{name}")
    return tuple(found)
