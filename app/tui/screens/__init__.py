"""The screens of the cockpit, each `x.py` beside its `x.tcss`."""
