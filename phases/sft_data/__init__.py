"""The phase sft_data: `python -m phases.sft_data`."""
