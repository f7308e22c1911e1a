"""Run a program in several processes as a launcher does, without importing the libraries for each of them.

`python -m tests.process_group` imports the libraries of a training once. It then forks processes for each
program that it reads from stdin, and ends the others when one fails, like `accelerate launch`.
"""

import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil

from phases.contract.heavy_imports import import_heavy

PROCESSES = 2
PRELOADED = ("phases.sft_training.recipe", "phases.dpo_training.recipe")


class ProcessGroup:
    """Runs one program after the other, each in two processes that are forked from a server."""

    def __init__(self, server: "subprocess.Popen[str]", outputs: Path) -> None:
        assert server.stdin is not None
        assert server.stdout is not None
        self._requests = server.stdin
        self._replies = server.stdout
        self._outputs = outputs
        self._output = outputs
        self._pids: list[int] = []

    def start(self, program: Sequence[str], environment: Mapping[str, str]) -> None:
        """Start a program.

        Args:
            program: a script, or `-m` and a module, with its arguments.
            environment: additional variables.
        """
        handle, output = tempfile.mkstemp(dir=self._outputs)
        os.close(handle)
        self._output = Path(output)
        with socket.socket() as port:
            port.bind(("127.0.0.1", 0))
            address = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port.getsockname()[1])}
        request = {
            "program": list(program),
            "environment": {**os.environ, "OMP_NUM_THREADS": "1", **address, **environment},
            "output": output,
        }
        self._requests.write(json.dumps(request) + "\n")
        self._requests.flush()
        self._pids = self._read_reply()

    def is_running(self) -> bool:
        """Return whether no process has ended."""
        return all(map(psutil.pid_exists, self._pids))

    def send_signal(self, number: int) -> None:
        """Send a signal to each process, as a launcher passes it on."""
        for pid in self._pids:
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def wait(self) -> tuple[list[int], str]:
        """Return the exit code of each process, and the output of both."""
        codes = self._read_reply()
        return codes, self._output.read_text()

    def run(self, program: Sequence[str], environment: Mapping[str, str]) -> tuple[list[int], str]:
        """Start a program and wait for it."""
        self.start(program, environment)
        return self.wait()

    def _read_reply(self) -> list[int]:
        reply: list[int] = json.loads(self._replies.readline())
        return reply


@contextmanager
def open_process_group(outputs: Path) -> Iterator[ProcessGroup]:
    """Start the server and stop it afterwards."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.process_group"],
        cwd=Path(__file__).parents[1],
        # Else asking for GPUs while importing would keep forked processes from using them.
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTORCH_NVML_BASED_CUDA_CHECK": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        yield ProcessGroup(server, outputs)
        server.terminate()  # unloading the libraries takes seconds


def _serve() -> int | str | None:
    for name in PRELOADED:
        import_heavy(name)
    for line in sys.stdin:
        request = json.loads(line)
        pids = []
        for rank in range(PROCESSES):
            pid = os.fork()
            if not pid:
                return _run_program(request, rank)
            pids.append(pid)
        print(json.dumps(pids), flush=True)
        print(json.dumps(_wait_for_all(pids)), flush=True)
    return None


def _run_program(request: dict[str, Any], rank: int) -> int | str | None:
    # The child leaves the server's loop, so that it ends as a process with its own interpreter would.
    output = os.open(request["output"], os.O_WRONLY | os.O_APPEND)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.environ.clear()
    os.environ.update(request["environment"])
    for name, value in (("RANK", rank), ("WORLD_SIZE", PROCESSES)):
        os.environ[name] = os.environ[f"LOCAL_{name}"] = str(value)
    program = request["program"]
    try:
        if program[0] == "-m":
            sys.argv = program[1:]
            runpy.run_module(program[1], run_name="__main__", alter_sys=True)
        else:
            sys.argv = program
            runpy.run_path(program[0], run_name="__main__")
    except SystemExit as end:
        return end.code
    return None


def _wait_for_all(pids: Sequence[int]) -> list[int]:
    codes: dict[int, int] = {}
    while len(codes) < len(pids):
        pid, status = os.wait()
        codes[pid] = os.waitstatus_to_exitcode(status)
        if codes[pid]:
            for other in set(pids) - set(codes):
                os.kill(other, signal.SIGTERM)
    return [codes[pid] for pid in pids]


if __name__ == "__main__":
    sys.exit(_serve())
