"""The phase evaluation: `python -m phases.evaluation`."""
