"""The training log."""

import logging
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from phases.models import distributed


@contextmanager
def open_training_log(folder: Path, phase: str) -> Iterator[logging.Logger]:
    """Log to standard output and to `<phase>_<time>.log` in the folder, including Python's warnings.

    Only the main process writes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{phase}_{time.strftime('%Y%m%d_%H%M%S')}.log"
    log = logging.getLogger(f"phases.{phase}")
    log.setLevel(logging.INFO)
    handlers: list[logging.Handler] = [logging.NullHandler()]
    if distributed.is_main_process():
        handlers = [logging.StreamHandler(sys.stdout), logging.FileHandler(path)]
    logging.captureWarnings(True)
    # An operator cannot act on what libraries will rename in their next versions.
    warnings.simplefilter("ignore", FutureWarning)
    loggers = [log, logging.getLogger("py.warnings")]
    for handler in handlers:
        handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
        for logger in loggers:
            logger.addHandler(handler)
    try:
        yield log
    finally:
        logging.captureWarnings(False)
        for handler in handlers:
            for logger in loggers:
                logger.removeHandler(handler)
            handler.close()
