"""Experiment trackers: an optional copy of the metrics for tools that the operator uses anyway."""

import os
from collections.abc import MutableMapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from phases.contract.errors import BadInputError


def configure_trackers(
    trackers: Sequence[str], folder: Path, environment: MutableMapping[str, str] = os.environ
) -> dict[str, Any]:
    """Return TRL's arguments for trackers, and set the variables that they read, unless they are set.

    Nothing leaves the machine unless the environment asks for it: wandb is offline without an API key, and
    trackio writes to its local database.

    Args:
        trackers: names of the trackers.
        folder: folder of the training's logs.
        environment: the environment of this process.

    Raises:
        BadInputError: a tracker is not installed.
    """
    for name in trackers:
        if find_spec(name) is None:
            raise BadInputError(
                f"--report-to {name}: it is not installed; pip install 'gonogo[trackers]', or remove it"
            )
    if not trackers:
        return {"report_to": "none"}
    environment.setdefault("TENSORBOARD_LOGGING_DIR", str(folder / "tensorboard"))
    environment.setdefault("WANDB_DIR", str(folder))
    environment.setdefault("WANDB_PROJECT", "gonogo")
    if not environment.get("WANDB_API_KEY"):
        environment.setdefault("WANDB_MODE", "offline")
    space = environment.get("TRACKIO_SPACE_ID") or None
    return {"report_to": list(trackers), "project": "gonogo", "trackio_space_id": space}
