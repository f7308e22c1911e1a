"""The plan of a disturbed session: two phases of a second, a gate, and a stop command that leaves a trace."""

import json
import sys
from pathlib import Path

from app.session.folder import Settings

ROWS = 20
STOP_AFTER = 3.0
MACHINE = "machine.json"
STOPPED = "stopped"
STARTS = "starts"
VIOLATIONS = "violations"
FAST = Settings(poll=0.02, tick=0.1, grace=0.3, guard=0.1, reserve=0, hang=2.0)

# Appends numbered rows, each once even if it is killed. It notes each attempt that starts, and records a
# violation if two copies run at a time.
_WORK = f"""
import fcntl, json, os, time
lock = open("alone.lock", "w")
try:
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
except BlockingIOError:
    open("{VIOLATIONS}", "a").write("two at the same time\\n")
open("{STARTS}", "a").write(os.environ["GONOGO_RESULT"] + "\\n")
def rows():
    text = open("rows.jsonl").read() if os.path.exists("rows.jsonl") else ""
    complete = text[:text.rfind("\\n") + 1]
    if complete != text:
        open("rows.jsonl", "r+").truncate(len(complete))
    return [json.loads(line)["n"] for line in complete.splitlines()]
done = len(rows())
with open("rows.jsonl", "a") as file:
    for n in range(done, {ROWS}):
        file.write(json.dumps({{"n": n}}) + "\\n")
        file.flush()
        os.fsync(file.fileno())
        with open(os.environ["GONOGO_PROGRESS"], "a") as progress:
            report = {{"type": "progress", "time": time.time(), "done": n + 1, "total": {ROWS}}}
            progress.write(json.dumps(report) + "\\n")
        time.sleep(0.04)
new = os.environ["GONOGO_RESULT"] + ".new"
open(new, "w").write(json.dumps({{"metrics": {{"rows": len(rows())}}}}))
os.rename(new, os.environ["GONOGO_RESULT"])
"""

_COUNT = (
    f"""echo $GONOGO_RESULT >> {STARTS}; sleep 0.1; """
    """echo '{"metrics": {"rows": '$(wc -l < rows.jsonl)'}}' > $GONOGO_RESULT"""
)


def build_plan(root: str) -> str:
    """Return the text of the plan; its pod costs one dollar per second."""
    return f"""
[session]
name = "Chaos"
model = "none"
budget_usd = 10000.0
environment = ["CHAOS_MACHINE"]

[pod]
gpu = "none"
usd_per_hour = 3600.0
stop_command = ["sh", "-c", {json.dumps(f"date +%s.%N >> '{root}/{STOPPED}'")}]

[unattended]
landing = "0 s"
stop_after = "{STOP_AFTER} s"

[[phase]]
id = "work"
title = "Work"
command = [{json.dumps(sys.executable)}, "-S", "-c", {json.dumps(_WORK)}]
reports = ["rows"]
estimate = {{ hours = [0.0, 0.001] }}
criteria = [{{ name = "all rows", expr = "rows == {ROWS}" }}]
[phase.gate]
ask = "always"

[[phase]]
id = "count"
title = "Count"
command = ["sh", "-c", {json.dumps(_COUNT)}]
reports = ["rows"]
estimate = {{ hours = [0.0, 0.001] }}
[phase.gate]
ask = "never"
"""


# Runs a module and kills it before or after its Kth fsync, or not at all if K is 0. The first shim that a
# conductor starts is run in the same way with another K. The module and its argument come last, one after the
# other, as in the command lines by which gonogo recognizes the processes of a session.
_BOUNDARY = """
import os, runpy, signal, subprocess, sys
kth, shims_kth, side, module = int(sys.argv[1]), *sys.argv[2:5]
before = side == "before"
remaining = [kth]
if module == "app.session.engine.conductor":
    from app.session.attempt import shim_control
    wrapped = [*sys.orig_argv[:4], shims_kth, "0", side, "app.session.attempt.shim"]
    ordinary = shim_control.start_shim
    def start_shim(spec, environment):
        shim_control.start_shim = ordinary
        return subprocess.Popen(
            [*wrapped, str(spec)], env=dict(environment), stdin=subprocess.DEVNULL, start_new_session=True
        )
    shim_control.start_shim = start_shim
def killing(sync):
    def call(handle):
        remaining[0] -= 1
        if remaining[0] == 0 and before:
            os.kill(os.getpid(), signal.SIGKILL)
        sync(handle)
        if remaining[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
    return call
os.fsync, os.fdatasync = killing(os.fsync), killing(os.fdatasync)
sys.argv = sys.argv[4:]
runpy.run_module(module, run_name="__main__")
"""


def build_mortal_conductor(folder: Path, kth: int, shims_kth: int, side: str) -> list[str]:
    """Return the command of a conductor that dies before or after its Kth fsync, or whose first shim does."""
    command = [sys.executable, "-P", "-c", _BOUNDARY, str(kth), str(shims_kth), side]
    return [*command, "app.session.engine.conductor", str(folder)]
