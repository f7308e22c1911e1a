"""The screens of the cockpit, each `x.py` next to its style sheet `x.tcss`."""
