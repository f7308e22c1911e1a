"""The process that holds the models while a gate is open: started, asked, and ended with all it has started.

The kernel ends it with the conductor. Its identity is on disk, so that the next conductor makes sure.
"""

import asyncio
import contextlib
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from app.session.attempt import process
from phases.contract import files
from phases.contract.questions import WORKER_MODULE, FromWorker, Setup, ToWorker

RECORD = "worker.json"
LOG = "worker.log"
_GRACE_SECONDS = 2.0
_REAP_SECONDS = 5.0
_LONGEST_LINE = 4 << 20


class WorkerRecord(msgspec.Struct, frozen=True):
    """`worker.json`: the identity of the last worker, and the cookie in its environment."""

    boot_id: str
    pid_namespace: str
    pid: int
    start_time: int
    cookie: str


class WorkerProcess:
    """A running worker. `receive` gets its events, and then `end` how it ended."""

    def __init__(self, child: asyncio.subprocess.Process, cookie: str) -> None:
        self.pid = child.pid
        self._child = child
        self._cookie = cookie
        self._reading: asyncio.Task[None] | None = None

    @classmethod
    async def start(
        cls,
        setup: Setup,
        folder: Path,
        *,
        cwd: Path,
        environment: Mapping[str, str],
        receive: Callable[[FromWorker], None],
        end: Callable[[str], None],
    ) -> "WorkerProcess":
        """Start a worker that loads the models; its record and log are in `folder`.

        Raises:
            OSError: it cannot be started.
        """
        cookie = secrets.token_hex(16)
        log = files.open_for_appending(folder / LOG)
        try:
            child = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-m", WORKER_MODULE, str(os.getpid())),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=cwd,
                env={
                    **environment,
                    process.COOKIE: cookie,
                    "HF_HUB_OFFLINE": "1",  # The models exist; nothing is downloaded while a gate is open.
                    "PYTHONUNBUFFERED": "1",
                    "PYTHONSAFEPATH": "1",
                    "TOKENIZERS_PARALLELISM": "false",
                },
                start_new_session=True,
                limit=_LONGEST_LINE,
            )
        finally:
            os.close(log)
        worker = cls(child, cookie)
        identity = process.identify(child.pid)
        if identity is not None:
            files.write_json(folder / RECORD, WorkerRecord(*identity, cookie=cookie))
        worker.send(setup)
        worker._reading = asyncio.create_task(worker._read(receive, end))
        return worker

    def send(self, request: ToWorker) -> None:
        """Send a request; a worker that has just ended reports that by `end`."""
        assert self._child.stdin is not None
        with contextlib.suppress(ConnectionError, RuntimeError):
            self._child.stdin.write(msgspec.json.encode(request) + b"\n")

    async def _read(self, receive: Callable[[FromWorker], None], end: Callable[[str], None]) -> None:
        assert self._child.stdout is not None
        try:
            while line := await self._child.stdout.readline():
                receive(msgspec.json.decode(line, type=FromWorker))
        except ValueError as error:
            end(f"its output cannot be read: {error}")
            return
        code = await self._child.wait()
        end(f"signal {-code}" if code < 0 else f"exit code {code}")

    async def stop(self) -> bool:
        """End the worker and what it has started; return whether they are gone."""
        if self._reading is not None:
            self._reading.cancel()
        survivors = await asyncio.to_thread(_end_processes, self._cookie)
        try:
            await asyncio.wait_for(self._child.wait(), _REAP_SECONDS)
        except TimeoutError:
            return False
        return not survivors


async def end_leftover(folder: Path) -> bool:
    """End the worker of a conductor that has died; return whether it is gone."""
    try:
        record = files.read_json(folder / RECORD, WorkerRecord)
    except (OSError, ValueError):
        return True
    if record.boot_id != process.read_boot_id():
        return True
    survivors = await asyncio.to_thread(_end_processes, record.cookie)
    return not survivors and not _is_exiting(record)


def _end_processes(cookie: str) -> list[int]:
    return process.terminate_all(lambda: process.find_attempt_processes(cookie), _GRACE_SECONDS, time.sleep)


def _is_exiting(record: WorkerRecord) -> bool:
    """Return whether threads of a killed process still run, which hold its memory although it is a zombie."""
    folder = Path(f"/proc/{record.pid}")
    try:
        start_time = int((folder / "stat").read_bytes().rpartition(b")")[2].split()[19])
        return start_time == record.start_time and len(list((folder / "task").iterdir())) > 1
    except OSError:
        return False
