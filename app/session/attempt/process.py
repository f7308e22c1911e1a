"""Who a process is, which processes belong to an attempt, and how they are signalled.

Standard library only, and little of that: the shim imports it. A PID alone says nothing, since PIDs are used
again: an identity is the boot, the PID namespace, the PID and the start time.
"""

import contextlib
import os
import signal
import time
from collections.abc import Callable
from typing import NamedTuple

COOKIE = "GONOGO_COOKIE"
_CLOCK_TICKS = os.sysconf("SC_CLK_TCK")
_ZOMBIE_STATES = "ZX"


class Identity(NamedTuple):
    """One process, for ever: `start_time` is in clock ticks since boot."""

    boot_id: str
    pid_namespace: str
    pid: int
    start_time: int


class Process(NamedTuple):
    """What `/proc/<pid>/stat` says that matters here."""

    pid: int
    parent: int
    session: int
    state: str
    start_time: int


def boot_id() -> str:
    """Return the identifier that the kernel drew at boot."""
    with open("/proc/sys/kernel/random/boot_id") as file:  # noqa: PTH123 - pathlib is slow to import
        return file.read().strip()


def boottime() -> float:
    """Return the seconds since boot, suspension included; never set back."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def look(pid: int) -> Process | None:
    """Return the process of that PID, if there is one; a zombie is none."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123
            # The name, in parentheses, may hold anything, even parentheses.
            fields = file.read().rpartition(b")")[2].split()
    except OSError:
        return None
    process = Process(pid, int(fields[1]), int(fields[3]), fields[0].decode(), int(fields[19]))
    return None if process.state in _ZOMBIE_STATES else process


def identify(pid: int) -> Identity | None:
    """Return the identity of a live process."""
    process = look(pid)
    if process is None:
        return None
    namespace = os.readlink("/proc/self/ns/pid")  # noqa: PTH115
    return Identity(boot_id(), namespace, pid, process.start_time)


def is_alive(identity: Identity) -> bool:
    """Say whether that very process still runs, and not another with its PID."""
    return identify(identity.pid) == identity


def environment(identity: Identity) -> dict[str, str]:
    """Return the environment that a live process of ours was started with; empty where there is none."""
    with contextlib.suppress(OSError):
        with open(f"/proc/{identity.pid}/environ", "rb") as file:  # noqa: PTH123
            entries = [entry.partition(b"=") for entry in file.read().split(b"\0")]
        if is_alive(identity):
            return {os.fsdecode(name): os.fsdecode(value) for name, _, value in entries if name}
    return {}


def started_at(process: Process) -> float:
    """Return when the process started, in seconds since boot."""
    return process.start_time / _CLOCK_TICKS


def _has_cookie(pid: int, cookie: bytes) -> bool:
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:  # noqa: PTH123
            return cookie in file.read().split(b"\0")
    except OSError:
        return False


def belonging(cookie: str, shim: int | None = None) -> dict[int, Process]:
    """Return the live processes of an attempt, without its shim.

    They are those with the cookie in their environment and, since a program may overwrite or clear its
    environment, those in a session of, or descended from, one of them or the shim.

    Args:
        cookie: the attempt's cookie.
        shim: the PID of the attempt's shim, where it is alive: the caller itself.
    """
    entry = f"{COOKIE}={cookie}".encode()
    pids = [int(name) for name in os.listdir("/proc") if name.isdigit()]  # noqa: PTH208
    processes = {pid: found for pid in pids if (found := look(pid))}
    ours = {pid for pid in processes if _has_cookie(pid, entry)} | ({shim} if shim else set())
    while True:
        # A session is the attempt's when its leader is, or was and is gone; never one that others lead.
        sessions = {
            s
            for pid in ours & processes.keys()
            if (s := processes[pid].session) not in processes or s in ours
        }
        more = {p.pid for p in processes.values() if p.session in sessions or p.parent in ours} - ours
        if not more:
            return {pid: processes[pid] for pid in ours & processes.keys() - {shim, os.getpid()}}
        ours |= more


def gpu_holders(device: str = "/dev/nvidia", younger: float = float("inf")) -> list[int]:
    """Return the processes that have a GPU open, as far as they may be looked at. Nothing is done to them.

    Args:
        device: what the names of the devices begin with.
        younger: only processes that started at most so many seconds ago.
    """
    holders = []
    since = boottime() - younger
    for pid in (int(name) for name in os.listdir("/proc") if name.isdigit()):  # noqa: PTH208
        with contextlib.suppress(OSError):
            handles = os.listdir(f"/proc/{pid}/fd")  # noqa: PTH208
            if any(_is_gpu(f"/proc/{pid}/fd/{handle}", device) for handle in handles):
                holder = look(pid)
                if holder is not None and started_at(holder) >= since:
                    holders.append(pid)
    return sorted(holders)


def _is_gpu(link: str, device: str) -> bool:
    try:
        path = os.readlink(link)  # noqa: PTH115
    except OSError:  # closed meanwhile
        return False
    return path.startswith(device) and path.removeprefix(device).isdigit()


def send(process: Process, number: int) -> bool:
    """Signal that very process, or nobody; say whether it was there."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        handle = os.pidfd_open(process.pid)
        try:
            now = look(
                process.pid
            )  # after the handle is open, so that it is of the process that is looked at
            if now is not None and now.start_time == process.start_time:
                signal.pidfd_send_signal(handle, number)
                return True
        finally:
            os.close(handle)
    return False


def send_to(identity: Identity, number: int) -> bool:
    """Signal the process of that identity, or nobody; say whether it was there."""
    process = look(identity.pid)
    return process is not None and is_alive(identity) and send(process, number)


def end_all(
    find: Callable[[], dict[int, Process]], grace: float, pause: Callable[[float], None]
) -> list[int]:
    """End all processes that `find` finds: TERM, `grace` seconds, KILL until none is left or 5 s are over.

    Returns:
        The PIDs that could not be ended, such as those stuck in the kernel.
    """
    for process in find().values():
        send(process, signal.SIGTERM)
    _wait_for_none(find, grace, pause)
    killing_ends = boottime() + 5
    while (left := find()) and boottime() < killing_ends:
        for process in left.values():
            send(process, signal.SIGKILL)
        pause(0.02)
    return sorted(left)


def _wait_for_none(
    find: Callable[[], dict[int, Process]], seconds: float, pause: Callable[[float], None]
) -> None:
    ends = boottime() + seconds
    while find() and boottime() < ends:
        pause(0.02)
