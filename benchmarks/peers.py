"""Other projects' programs, measured in the same run for comparison; `make peers` installs them.

They have their own environment, because toolong requires another version of Textual.
"""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

PEERS_BIN: Final = Path(sys.prefix).parent / ".venv-peers" / "bin"
_WANDB_PROGRAM: Final = """
import math, sys, time
import wandb
run = wandb.init(mode="offline", project="benchmark", dir=sys.argv[1])
points = int(sys.argv[2])
for step in range(points):
    run.log({"loss": 0.7 + 2 * math.exp(-step / points * 5)})
print(run.dir, flush=True)
while True:
    run.log({"loss": 0.7})
    time.sleep(1)
"""


def is_installed(command: str) -> bool:
    """Return whether a peer's command is installed."""
    return (PEERS_BIN / command).exists()


@contextmanager
def log_wandb_run(points: int) -> Iterator[str]:
    """Yield the folder of a run with that many loss values, growing by one per second; "" without wandb."""
    if not is_installed("wandb"):
        yield ""
        return
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        logger = subprocess.Popen(
            [PEERS_BIN / "python", "-c", _WANDB_PROGRAM, folder, str(points)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        try:
            assert logger.stdout is not None
            yield str(Path(logger.stdout.readline().strip()).parent)
        finally:
            logger.kill()
            logger.wait()
