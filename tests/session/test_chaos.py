"""A few disturbed sessions; `make chaos N=200` runs many."""

import subprocess
import sys
from pathlib import Path


def test_disturbed_sessions_end_as_undisturbed_ones() -> None:
    chaos = Path(__file__).with_name("chaos.py")
    done = subprocess.run(
        [sys.executable, str(chaos), "5", "7000"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "5 sessions" in done.stdout
    assert "0 ended wrong" in done.stdout
