"""The rented machine that this process is on: which one, and for how long it has been up."""

import hashlib
from collections.abc import Mapping

from app.session.attempt import process

_POD_ID = "RUNPOD_POD_ID"


def incarnation(environment: Mapping[str, str]) -> tuple[str, float | None]:
    """Return a name for this boot of this machine or container, and the pod's age in seconds.

    A container's first process starts with the pod, which is when its billing starts. Elsewhere the machine's
    age says nothing about the rent, and is None.
    """
    boot = process.boot_id()
    first = process.look(1)
    if first is None or not environment.get(_POD_ID):
        return boot, None
    name = f"{boot} {first.start_time} {environment[_POD_ID]}"
    age = process.boottime() - process.started_at(first)
    return hashlib.sha256(name.encode()).hexdigest()[:32], age
