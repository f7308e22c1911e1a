"""A few disturbed sessions; `make chaos N=200` runs many."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_disturbed_sessions_end_as_undisturbed_ones() -> None:
    command = [sys.executable, "-m", "tests.session.chaos", "6", "7000", "--jobs", "2"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    summary = json.loads(done.stdout.splitlines()[-1])
    assert (summary["sessions"], summary["wrong"]) == (6, 0)
    assert summary["disturbed"] >= 6
