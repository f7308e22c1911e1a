"""The built-in phases, one module each: `python -m phases.<name>`. They know nothing of `app`."""
