"""The report of an unexpected error of the cockpit: its traceback in a private file."""

import os
import tempfile
import traceback
from pathlib import Path

from app.monitor.tails import Mask, mask_nothing


def write_traceback(error: BaseException, folder: Path | None, mask: Mask) -> Path:
    """Write an error's traceback, without the values of variables, to a new file with mode 0600.

    Args:
        error: the error.
        folder: for the file; None is the folder of temporary files.
        mask: masks secrets in the text, UTF-8.

    Raises:
        OSError: the file cannot be written.
    """
    text = "".join(traceback.format_exception(error)).encode(errors="backslashreplace")
    data = mask(text)
    descriptor, path = tempfile.mkstemp(prefix="screen-error-", suffix=".txt", dir=folder)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
    return Path(path)


def report_crash(error: BaseException, folder: Path | None = None, mask: Mask = mask_nothing) -> str:
    """Write the traceback of an error that ended the cockpit and return one sentence that says where it is.

    The error's message is in the file only: it may be long and contain what a phase wrote.
    """
    sentence = f"gonogo: the screen failed: {type(error).__name__}"
    try:
        return f"{sentence}. Details are in {write_traceback(error, folder, mask)}"
    except Exception as write_error:  # Report any failure to write; never fall back to unmasked text.
        return f"{sentence}; details could not be written: {type(write_error).__name__}"
