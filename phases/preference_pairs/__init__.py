"""The phase preference_pairs: `python -m phases.preference_pairs`."""
