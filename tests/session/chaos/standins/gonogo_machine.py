"""Stand-ins for a machine: its boot, its clock, its first process, and when its driver responds.

Every process of a disturbed session imports this module before anything else. The machine is described by a
JSON file that `CHAOS_MACHINE` names, so a container can start again on another host without a real one.
"""

import json
import os
import time

VARIABLE = "CHAOS_MACHINE"
_TICKS = os.sysconf("SC_CLK_TCK")
_FIRST_PID = 1
read_clock = time.clock_gettime
machine = {"boot_id": "", "offset": 0.0, "born": 0.0}


def load() -> None:
    """Read the description of the machine again."""
    path = os.environ.get(VARIABLE)
    if path and os.path.exists(path):
        with open(path) as file:
            machine.update(json.load(file))


def store(**changes: object) -> None:
    """Change the machine, for this process and for those that start later."""
    machine.update(changes)
    path = os.environ[VARIABLE]
    with open(f"{path}.new", "w") as file:
        json.dump(machine, file)
    os.rename(f"{path}.new", path)


def clock_gettime(clock: int) -> float:
    """Return a clock; the time since boot is that of the described machine."""
    offset = machine["offset"] if clock == time.CLOCK_BOOTTIME else 0.0
    return read_clock(clock) + offset


def install() -> None:
    """Replace what gonogo reads from the kernel by what the machine's description says."""
    from app.session.attempt import process

    load()
    if time.clock_gettime is clock_gettime:
        return
    real_boot_id, find_process = process.read_boot_id(), process.find_process

    def find_process_of_machine(pid: int) -> "process.ProcessStat | None":
        if pid != _FIRST_PID or not machine["born"]:
            return find_process(pid)
        return process.ProcessStat(pid, 0, pid, "S", round(machine["born"] * _TICKS))

    time.clock_gettime = clock_gettime
    process.find_process = find_process_of_machine
    process.read_boot_id = lambda: machine["boot_id"] or real_boot_id


if VARIABLE in os.environ:
    install()
