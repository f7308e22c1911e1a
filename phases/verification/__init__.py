"""The phase verification: `python -m phases.verification`."""
