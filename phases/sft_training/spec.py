"""What gonogo reads about the phase before it runs it."""

from phases.contract.phase_spec import Metric, PhaseSpec
from phases.sft_training.recipe import METRICS, Parameters

SPEC = PhaseSpec(Parameters, tuple(Metric(name, meaning) for name, meaning in METRICS.items()))
