"""The command line of a built-in phase: `python -m phases.<name>`."""

import os
import sys
from collections.abc import Sequence

from phases.contract.errors import BadInputError, LocalFailureError, PhaseFailedError
from phases.contract.heavy_imports import import_heavy
from phases.contract.parameters import parse_arguments
from phases.contract.phase_spec import load_spec
from phases.contract.reporter import Reporter, SilentReporter, is_main_process, stop_on_sigterm

# Libraries read these when they are imported: no telemetry, and no progress bars in the log.
_LIBRARY_ENVIRONMENT = ("HF_HUB_DISABLE_TELEMETRY", "HF_HUB_DISABLE_PROGRESS_BARS", "TQDM_DISABLE")


_UNUSABLE_PATHS = (FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError)


def phase_main(phase: str, argv: Sequence[str] | None = None) -> int:
    """Run a phase and return its exit code: 0 for success, 1 if it failed, 2 for bad input.

    The flags are checked before the recipe, and with it any heavy library, is imported.

    Args:
        phase: the phase's package, such as `phases.evaluation`; its `recipe` module has the function `run`.
        argv: the command line; that of this process by default.
    """
    stop_on_sigterm()
    spec = load_spec(phase)
    parameters = parse_arguments(spec.parameters, argv, program=phase, description=spec.description)
    for name in _LIBRARY_ENVIRONMENT:
        os.environ.setdefault(name, "1")
    reporter_type = Reporter if is_main_process() else SilentReporter
    recipe = import_heavy(f"{phase}.recipe")
    try:
        recipe.run(parameters, reporter_type(parameters.result_folder))
    except (BadInputError, PhaseFailedError, *_UNUSABLE_PATHS) as error:
        if is_main_process() or isinstance(error, LocalFailureError):
            print(f"{phase}: {error}", file=sys.stderr)  # noqa: T201
        return 1 if isinstance(error, PhaseFailedError) else 2
    return 0
