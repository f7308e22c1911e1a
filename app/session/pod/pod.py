"""The rented machine that this process runs on: its identity and its age."""

import hashlib
from collections.abc import Mapping

from app.session.attempt import process

POD_ID = "RUNPOD_POD_ID"


def identify_incarnation(environment: Mapping[str, str]) -> tuple[str, float | None]:
    """Return a name for this boot of the machine or container, and the pod's age in seconds.

    A container's first process starts with the pod, which is when billing starts. Outside a pod the age is
    None, because the uptime of a machine says nothing about its rent.
    """
    boot = process.read_boot_id()
    first = process.find_process(1)
    if first is None or not environment.get(POD_ID):
        return boot, None
    name = f"{boot} {first.start_time} {environment[POD_ID]}"
    age = process.read_seconds_since_boot() - process.start_seconds(first)
    return hashlib.sha256(name.encode()).hexdigest()[:32], age
