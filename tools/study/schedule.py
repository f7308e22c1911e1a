"""Run the tasks of a study next to each other within a time limit, and continue in a later run."""

import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec

from phases.contract import files
from tools.study.tasks import Task

POLL_SECONDS: Final = 0.2
STOP_SECONDS: Final = 20.0
"""Time that phases have to save their work after SIGTERM."""


class TaskRecord(msgspec.Struct, frozen=True):
    """A finished task: its command line and the seconds of all its runs."""

    argv: tuple[str, ...]
    seconds: float


@dataclass
class _Run:
    task: Task
    process: subprocess.Popen[bytes]
    started: float
    gpu: int | None


@dataclass
class Schedule:
    """The state of a study's tasks.

    Attributes:
        tasks: all tasks, the most urgent first.
        folder: holds a record, a log and a result for each task.
        jobs: how many tasks run at once.
        notify: receives a line for each event.
        environment: variables that the tasks get.
        gpus: number of GPUs among which tasks are divided.
    """

    tasks: Sequence[Task]
    folder: Path
    jobs: int
    notify: Callable[[str], None]
    environment: Mapping[str, str] = field(default_factory=dict)
    gpus: int = 1

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._running: dict[str, _Run] = {}
        self._failed: set[str] = set()
        self._is_stopping = False

    def run(self, seconds: float) -> None:
        """Run tasks until all are finished, none can start, or the time is over; then stop what runs."""
        deadline = time.monotonic() + seconds - STOP_SECONDS
        previous = signal.signal(signal.SIGTERM, self._request_stop)
        try:
            while not self._is_stopping and time.monotonic() < deadline:
                self._collect()
                self._start_ready()
                if not self._running:
                    break
                time.sleep(POLL_SECONDS)
        finally:
            self._stop()
            signal.signal(signal.SIGTERM, previous)

    def is_finished(self, task: Task) -> bool:
        """Return whether a task was finished with this command line."""
        record = self.read_record(task)
        return record is not None and record.argv == task.argv

    def read_record(self, task: Task) -> TaskRecord | None:
        """Return the record of a finished task."""
        path = self._locate(task, "json")
        return files.read_json(path, TaskRecord) if path.is_file() else None

    def list_unfinished(self) -> list[str]:
        """Return the names of the tasks that are not finished."""
        return [task.name for task in self.tasks if not self.is_finished(task)]

    def list_failed(self) -> list[str]:
        """Return the names of the tasks that failed in this run."""
        return sorted(self._failed)

    def log_path(self, task: Task) -> Path:
        """Return the path of a task's output."""
        return self._locate(task, "log")

    def locate_result(self, task: Task) -> Path:
        """Return the path of a task's result."""
        return self._locate(task, "result.json")

    def _locate(self, task: Task, ending: str) -> Path:
        return self.folder / f"{task.name}.{ending}"

    def _request_stop(self, number: int, frame: object) -> None:
        self._is_stopping = True

    def _start_ready(self) -> None:
        finished = {task.name for task in self.tasks if self.is_finished(task)}
        for task in self.tasks:
            if len(self._running) >= self.jobs:
                return
            is_waiting = task.name not in finished | self._failed | self._running.keys()
            if is_waiting and finished.issuperset(task.needs):
                self._start(task)

    def _start(self, task: Task) -> None:
        environment = {**os.environ, **self.environment, "GONOGO_RESULT": str(self.locate_result(task))}
        environment["GONOGO_PROGRESS"] = str(self._locate(task, "progress.jsonl"))
        gpu = self._choose_gpu(task)
        if gpu is not None:
            environment["CUDA_VISIBLE_DEVICES"] = str(gpu)
        with self.log_path(task).open("ab") as log:
            # A separate process session lets a signal reach the processes that it starts.
            process = subprocess.Popen(
                task.argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment,
                start_new_session=True,
            )
        self._running[task.name] = _Run(task, process, time.monotonic(), gpu)
        self.notify(f"started {task.name}")

    def _choose_gpu(self, task: Task) -> int | None:
        """Return the GPU with the fewest tasks, or None if the task may use all of them."""
        if task.uses_all_gpus or self.gpus == 1:
            return None
        tasks = Counter(run.gpu for run in self._running.values())
        return min(range(self.gpus), key=lambda gpu: tasks[gpu])

    def _collect(self) -> None:
        for name, run in list(self._running.items()):
            code = run.process.poll()
            if code is None:
                continue
            del self._running[name]
            seconds = time.monotonic() - run.started
            self._add_seconds(run.task, seconds)
            if code == 0:
                record = TaskRecord(run.task.argv, self._read_seconds(run.task))
                files.write_json(self._locate(run.task, "json"), record)
                self.notify(f"finished {name} after {seconds:.0f} s")
            elif self._is_stopping:
                self.notify(f"stopped {name} after {seconds:.0f} s")
            else:
                self._failed.add(name)
                self.notify(
                    f"FAILED {name} with exit code {code}: {_read_last_line(self.log_path(run.task))}"
                )

    def _add_seconds(self, task: Task, seconds: float) -> None:
        self._locate(task, "seconds").write_text(f"{self._read_seconds(task) + seconds:.1f}")

    def _read_seconds(self, task: Task) -> float:
        path = self._locate(task, "seconds")
        return float(path.read_text()) if path.is_file() else 0.0

    def _stop(self) -> None:
        """Let the running phases save their work, and end those that do not."""
        self._collect()  # A process that ended by itself has failed or finished; it was not stopped.
        self._is_stopping = True
        for run in self._running.values():
            _send(run.process, signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        while self._running and time.monotonic() < deadline:
            self._collect()
            time.sleep(POLL_SECONDS)
        for run in self._running.values():
            _send(run.process, signal.SIGKILL)
            run.process.wait()
        self._collect()


def _send(process: subprocess.Popen[bytes], number: int) -> None:
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        return


def _read_last_line(path: Path) -> str:
    lines = path.read_text(errors="replace").splitlines()
    return next((line.strip() for line in reversed(lines) if line.strip()), "no output")
