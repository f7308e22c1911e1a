"""The phase dpo_training: `python -m phases.dpo_training`."""
