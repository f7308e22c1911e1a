"""The phase sft_training: `python -m phases.sft_training`."""
