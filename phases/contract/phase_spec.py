"""The light description of a phase that gonogo reads before it runs the phase.

Each built-in phase is a package with a module `spec` that holds `SPEC`. It imports no heavy library, so that
a plan is checked within a second and without a GPU.
"""

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import phases
from phases.contract.parameters import PhaseParameters
from phases.contract.workload import ModelContext, Work, Workload


@dataclass(frozen=True)
class Metric:
    """A value in a phase's result: its name and what it is computed from."""

    name: str
    meaning: str


def _list_no_workloads(parameters: Any, context: ModelContext) -> tuple[Workload, ...]:
    return ()


@dataclass(frozen=True)
class PhaseSpec:
    """The description of a phase that gonogo reads.

    Attributes:
        parameters: its flags.
        metrics: what it reports.
        description: one sentence for `--help`.
        work: what its running time grows with.
        workloads: returns what it holds in GPU memory at once, given its parameters; nothing for a phase that
            loads no model.
        may_use_launcher: whether a launcher may start it once per GPU.
        writes_answers: whether its summary, `eval_*.json`, lists answers that `gonogo label` can label.
        reads_labels: whether it counts those labels, so that it should run again when they change.
        trained_model: short name of the adapter that it leaves in its `output_dir`, such as `sft`; blank if
            it trains none.
    """

    parameters: type[PhaseParameters]
    metrics: tuple[Metric, ...]
    description: str = ""
    work: Work = field(default_factory=Work)
    workloads: Callable[[Any, ModelContext], tuple[Workload, ...]] = _list_no_workloads
    may_use_launcher: bool = False
    writes_answers: bool = False
    reads_labels: bool = False
    trained_model: str = ""


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
def list_phase_names() -> tuple[str, ...]:
    """Return the packages of all built-in phases, such as `phases.evaluation`."""
    packages = [info.name for info in pkgutil.iter_modules(phases.__path__) if info.ispkg]
    names = []
    for name in packages:
        path = importlib.import_module(f"phases.{name}").__path__
        if any(module.name == "spec" for module in pkgutil.iter_modules(path)):
            names.append(f"phases.{name}")
    return tuple(names)
