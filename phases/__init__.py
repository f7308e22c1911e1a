"""The built-in phases, one module each: `python -m phases.<name>`. They know nothing of `app`."""

import os

# Read when torch is imported. Its threads else spin while they wait for one another: with anything else
# running on the cores, such as another phase, training on a CPU was seen to become 15 times slower.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
