"""The phase comparison: `python -m phases.comparison`."""
