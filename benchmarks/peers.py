"""Programs of others, measured in the same run: `make peers` installs them into an environment of their own.

Theirs is not ours, for toolong wants another Textual.
"""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

BIN: Final = Path(sys.prefix).parent / ".venv-peers" / "bin"
LOGGER: Final = """
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


def installed(command: str) -> bool:
    """Say whether a peer is there to be measured."""
    return (BIN / command).exists()


@contextmanager
def wandb_run(points: int) -> Iterator[str]:
    """Yield the folder of a run with that many loss values, one more every second; "" without wandb."""
    if not installed("wandb"):
        yield ""
        return
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        logger = subprocess.Popen(
            [BIN / "python", "-c", LOGGER, folder, str(points)],
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
