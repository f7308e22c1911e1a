"""The folder of gonogo's packages, which other packages on PYTHONPATH must not replace.

A project may have packages with the same names, such as `app`. PYTHONPATH then leads gonogo's own processes
to its folder first. The shim removes it from the environment of programs that are not gonogo's.
"""

import os
from collections.abc import Mapping

OWN_FOLDER = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def strip_own_folder(environment: Mapping[str, str]) -> dict[str, str]:
    """Return an environment without gonogo's folder at the start of PYTHONPATH."""
    first, _, others = environment.get("PYTHONPATH", "").partition(os.pathsep)
    return {**environment, "PYTHONPATH": others} if first == OWN_FOLDER else dict(environment)
