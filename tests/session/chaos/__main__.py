"""Fault injection: run sessions of fast phases and disturb them.

`python -m tests.session.chaos N [SEED] [--jobs J]` disturbs N sessions, J at a time, and prints a summary as
one line of JSON. Processes are killed at random and at each fsync, and stopped; they run out of descriptors
and memory; the driver hangs; the container starts again. Each session must end with the result of an
undisturbed one: nothing is lost or done twice, each gate is decided by the operator alone, the bill has all
the time that was observed, and a stop of the pod that is due is ordered, and none before.
"""

import argparse
import contextlib
import ctypes
import json
import multiprocessing
import os
import platform
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import NamedTuple

from tests.session.chaos import interpreter, programs

_SESSION_SECONDS = 400
_JOBS_PER_CORE = 2
_PR_SET_CHILD_SUBREAPER = 36


class Outcome(NamedTuple):
    """The disturbances of one session, and what was wrong with its end, or ""."""

    seed: int
    disturbances: Counter[str]
    wrong: str


def disturb(seed: int) -> Outcome:
    """Disturb one session, and compare its end with that of an undisturbed one."""
    # Its modules read the boot of the machine when they are imported.
    from tests.session.chaos.outcome import check_outcome
    from tests.session.chaos.session import DisturbedSession

    root = Path(tempfile.mkdtemp(prefix=f"chaos-{seed}-"))
    runtime = Path(tempfile.mkdtemp(prefix="chaos-run-"))
    chance = random.Random(seed)
    folder = root
    if chance.random() < 0.5:  # The socket's path is too long, so it is in the runtime folder.
        folder = root / ("a-folder-with-a-long-name-" * 3)
        folder.mkdir()
    os.environ |= {
        "XDG_STATE_HOME": str(root / "state"),
        "XDG_RUNTIME_DIR": str(runtime),
        "RUNPOD_POD_ID": f"pod-{seed}",
        "CHAOS_MACHINE": str(folder / programs.MACHINE),
    }
    signal.signal(signal.SIGALRM, _give_up)
    signal.alarm(_SESSION_SECONDS)
    run = None
    wrong = ""
    try:
        run = DisturbedSession(folder, runtime, chance)
        session = run.drive()
        run.keep_pod(session)
        check_outcome(run, run.client.snapshot_from_journal())
    except Exception as error:
        left = run.describe_processes() if run else []
        wrong = f"{root}: {error!r}; processes {left}\n{traceback.format_exc()}"
    finally:
        signal.alarm(0)
        if run is not None:
            run.disturber.kill_all_processes()
        _reap()
    shutil.rmtree(runtime, ignore_errors=True)
    if not wrong:
        shutil.rmtree(root)
    return Outcome(seed, run.disturber.counts if run else Counter(), wrong)


def _give_up(number: int, frame: FrameType | None) -> None:
    raise TimeoutError(f"the session took more than {_SESSION_SECONDS} s")


def _adopt_orphans() -> None:
    """Become the parent of orphaned conductors, as the first process of a container may not reap them."""
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _reap() -> None:
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def main() -> int:
    """Disturb sessions, and report what was done and which outcomes were wrong."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("count", type=int, help="number of sessions")
    parser.add_argument("seed", type=int, nargs="?", default=0, help="seed of the first session")
    parser.add_argument("--jobs", type=int, default=0, help="sessions at a time; 2 per core by default")
    options = parser.parse_args()
    interpreter.enter(sys.argv)
    jobs = options.jobs or _JOBS_PER_CORE * len(os.sched_getaffinity(0))
    began = time.monotonic()
    done: list[Outcome] = []
    with multiprocessing.Pool(min(jobs, options.count), _adopt_orphans) as pool:
        for outcome in pool.imap_unordered(disturb, range(options.seed, options.seed + options.count)):
            done.append(outcome)
            if outcome.wrong:
                print(f"seed {outcome.seed}, {dict(outcome.disturbances)}, {outcome.wrong}", flush=True)
            if len(done) % 100 == 0:
                print(f"{len(done)} sessions, {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    counts: Counter[str] = sum((outcome.disturbances for outcome in done), Counter())
    wrong = sorted(outcome.seed for outcome in done if outcome.wrong)
    summary = {
        "sessions": options.count,
        "seed": options.seed,
        "wrong": len(wrong),
        "wrong_seeds": wrong,
        "disturbed": counts.total(),
        "disturbances": dict(counts.most_common()),
        "seconds": round(time.monotonic() - began),
        "jobs": jobs,
        "python": platform.python_version(),
    }
    print(json.dumps(summary), flush=True)
    interpreter.remove()
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
