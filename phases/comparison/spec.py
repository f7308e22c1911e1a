"""What gonogo reads about the phase before it runs it."""

from phases.comparison.recipe import METRICS, Parameters
from phases.contract.phase_spec import Metric, PhaseSpec

SPEC = PhaseSpec(Parameters, tuple(Metric(name, meaning) for name, meaning in METRICS.items()))
