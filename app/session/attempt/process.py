"""Identify processes, find those of an attempt, and signal them without hitting another process.

The shim imports this module and must start fast, so it uses little of the standard library (not even
`pathlib`) and nothing else. PIDs are reused: a process is identified by its boot, PID namespace, PID and
start time together.
"""

import contextlib
import errno
import json
import os
import signal
import stat
import time
from collections.abc import Callable
from typing import NamedTuple

COOKIE = "GONOGO_COOKIE"
_CLOCK_TICKS = os.sysconf("SC_CLK_TCK")
_DEAD_STATES = "ZX"
STOPPED = "T"
_NO_DESCRIPTORS = (errno.EMFILE, errno.ENFILE)
_KILL_SECONDS = 5.0
_PAUSE_SECONDS = 0.02
_MAX_RECORD_BYTES = 1 << 20
_MEMORY_EVENTS = ("/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control")


class ProcessIdentity(NamedTuple):
    """A process, distinct from any other that has had its PID; `start_time` is in clock ticks since boot."""

    boot_id: str
    pid_namespace: str
    pid: int
    start_time: int


class ProcessStat(NamedTuple):
    """The fields of `/proc/<pid>/stat` that gonogo uses."""

    pid: int
    parent: int
    session: int
    state: str
    start_time: int


def read_boot_id() -> str:
    """Return the identifier that the kernel generated at boot."""
    with open("/proc/sys/kernel/random/boot_id") as file:
        return file.read().strip()


def read_seconds_since_boot() -> float:
    """Return the seconds since boot, including suspension; this clock never goes back."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def find_process(pid: int) -> ProcessStat | None:
    """Return the live process with a PID, or None; a zombie does not count as live."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            # The name, in parentheses, can contain any characters, including parentheses.
            fields = file.read().rpartition(b")")[2].split()
    except OSError as error:
        if error.errno in _NO_DESCRIPTORS:  # This says nothing about the process.
            raise
        return None
    process = ProcessStat(pid, int(fields[1]), int(fields[3]), fields[0].decode(), int(fields[19]))
    return None if process.state in _DEAD_STATES else process


def describe_process(pid: int) -> str:
    """Return the name and PID of a process, which may have exited but must not have been waited for."""
    try:
        with open(f"/proc/{pid}/comm", errors="replace") as file:
            return f"{file.read().strip()} {pid}"
    except OSError:
        return f"process {pid}"


def count_oom_kills(paths: tuple[str, ...] = _MEMORY_EVENTS) -> int:
    """Return how many processes of this container the kernel has killed for lack of memory."""
    return next((count for count in map(_read_oom_kills, paths) if count is not None), 0)


def count_host_oom_kills(path: str = "/proc/vmstat") -> int | None:
    """Return how many processes of the host the kernel has killed for lack of memory; None if unknown."""
    return _read_oom_kills(path)


def _read_oom_kills(path: str) -> int | None:
    with contextlib.suppress(OSError, ValueError, IndexError):
        with open(path) as file:
            fields = [line.split() for line in file]
        return next((int(field[1]) for field in fields if field[0] == "oom_kill"), None)
    return None


def start_seconds(process: ProcessStat) -> float:
    """Return when a process started, in seconds since boot."""
    return process.start_time / _CLOCK_TICKS


def identify(pid: int) -> ProcessIdentity | None:
    """Return the identity of the live process with a PID, or None."""
    process = find_process(pid)
    if process is None:
        return None
    namespace = os.readlink("/proc/self/ns/pid")
    return ProcessIdentity(read_boot_id(), namespace, pid, process.start_time)


def identify_self() -> ProcessIdentity:
    """Return the identity of this process."""
    identity = identify(os.getpid())
    assert identity is not None
    return identity


def read_record(path: "str | os.PathLike[str]") -> bytes:
    """Return the content of a small file, without waiting for a pipe that lies in its place.

    Raises:
        OSError: it cannot be read.
        ValueError: it is not a regular file.
    """
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise ValueError("it is not a regular file")
        return os.read(handle, _MAX_RECORD_BYTES)
    finally:
        os.close(handle)


def read_identity(path: "str | os.PathLike[str]") -> ProcessIdentity | None:
    """Return the identity recorded in a JSON file, or None if the file does not hold one."""
    try:
        record = json.loads(read_record(path))
        return ProcessIdentity(
            str(record["boot_id"]),
            str(record["pid_namespace"]),
            int(record["pid"]),
            int(record["start_time"]),
        )
    except (OSError, ValueError, LookupError, TypeError, OverflowError, RecursionError):
        return None


def is_alive(identity: ProcessIdentity) -> bool:
    """Return whether exactly this process is running, and not another with the same PID."""
    return identify(identity.pid) == identity


def is_recorded_alive(path: "str | os.PathLike[str]") -> bool:
    """Return whether the process recorded in a JSON file is running."""
    identity = read_identity(path)
    return identity is not None and is_alive(identity)


def read_environment(identity: ProcessIdentity) -> dict[str, str]:
    """Return the environment a process was started with, or an empty one if it cannot be read."""
    with contextlib.suppress(OSError):
        with open(f"/proc/{identity.pid}/environ", "rb") as file:
            entries = [entry.partition(b"=") for entry in file.read().split(b"\0")]
        if is_alive(identity):
            return {os.fsdecode(name): os.fsdecode(value) for name, _, value in entries if name}
    return {}


def read_arguments(pid: int) -> list[str]:
    """Return the command line of a process, or an empty list if it cannot be read."""
    with contextlib.suppress(OSError), open(f"/proc/{pid}/cmdline", "rb") as file:
        return [os.fsdecode(argument) for argument in file.read().split(b"\0")]
    return []


def _has_cookie(pid: int, cookie: bytes) -> bool:
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return cookie in file.read().split(b"\0")
    except OSError:
        return False


def find_attempt_processes(cookie: str, shim: int | None = None) -> dict[int, ProcessStat]:
    """Return the live processes of an attempt by PID, without its shim.

    These are the processes with the attempt's cookie in their environment. A program can overwrite or clear
    its environment, so the processes in a session of, or descended from, one of these or the shim count too.

    Args:
        cookie: the attempt's cookie.
        shim: PID of the attempt's shim if it is alive; only the shim itself passes it.
    """
    entry = f"{COOKIE}={cookie}".encode()
    pids = [int(name) for name in os.listdir("/proc") if name.isdecimal()]
    processes = {pid: process for pid in pids if (process := find_process(pid))}
    attempt_pids = {pid for pid in processes if _has_cookie(pid, entry)} | ({shim} if shim else set())
    while True:
        # A session belongs to the attempt if its leader does or is gone, never if another process leads it.
        sessions = {
            session
            for pid in attempt_pids & processes.keys()
            if (session := processes[pid].session) not in processes or session in attempt_pids
        }
        more = {
            p.pid for p in processes.values() if p.session in sessions or p.parent in attempt_pids
        } - attempt_pids
        if not more:
            return {pid: processes[pid] for pid in attempt_pids & processes.keys() - {shim, os.getpid()}}
        attempt_pids |= more


def send_signal(process: ProcessStat, number: int) -> bool:
    """Signal exactly this process; return whether it was running."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        handle = os.pidfd_open(process.pid)
        try:
            # Read the start time after opening the handle, so that both refer to the same process.
            current = find_process(process.pid)
            if current is not None and current.start_time == process.start_time:
                signal.pidfd_send_signal(handle, number)
                return True
        finally:
            os.close(handle)
    return False


def signal_identity(identity: ProcessIdentity, number: int) -> bool:
    """Signal exactly the process with this identity; return whether it was running."""
    process = find_process(identity.pid)
    return process is not None and is_alive(identity) and send_signal(process, number)


def terminate_all(
    find_processes: Callable[[], dict[int, ProcessStat]], grace: float, pause: Callable[[float], None]
) -> list[int]:
    """Send TERM, wait up to `grace` seconds, then send KILL until no process is left or 5 seconds pass.

    Returns:
        The PIDs that could not be ended, such as processes blocked in the kernel.
    """
    for process in find_processes().values():
        send_signal(process, signal.SIGTERM)
        send_signal(process, signal.SIGCONT)  # A stopped process handles no TERM.
    _wait_until_gone(find_processes, grace, pause)
    deadline = read_seconds_since_boot() + _KILL_SECONDS
    while (survivors := find_processes()) and read_seconds_since_boot() < deadline:
        for process in survivors.values():
            send_signal(process, signal.SIGKILL)
        pause(_PAUSE_SECONDS)
    return sorted(survivors)


def _wait_until_gone(
    find_processes: Callable[[], dict[int, ProcessStat]], seconds: float, pause: Callable[[float], None]
) -> None:
    deadline = read_seconds_since_boot() + seconds
    while find_processes() and read_seconds_since_boot() < deadline:
        pause(_PAUSE_SECONDS)
