"""What is kept of an unexpected error of the screen: its traceback, for those who mend it."""

import os
import tempfile
import traceback
from pathlib import Path

from app.monitor.files import Mask, unmasked


def format_parameter(error: BaseException, folder: Path | None, mask: Mask) -> Path:
    """Write an error's traceback, without the values of variables, to a new file of the owner's alone.

    Args:
        error: What was raised.
        folder: Where the file is made; None is where temporary files are.
        mask: Masks the secrets in what is written, UTF-8.

    Raises:
        OSError: There is no room for the file, or the folder cannot be written.
    """
    text = "".join(traceback.format_exception(error)).encode(errors="backslashreplace")
    data = mask(text)
    descriptor, path = tempfile.mkstemp(prefix="screen-error-", suffix=".txt", dir=folder)  # its mode is 0600
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
    return Path(path)


def told(error: BaseException, folder: Path | None = None, mask: Mask = unmasked) -> str:
    """Keep the traceback of an error that ended the screen; return one sentence that says where it is.

    The error's own words are in the file alone: they may be long, and hold what a phase wrote.
    """
    failed = f"gonogo: the screen failed: {type(error).__name__}"
    try:
        return f"{failed}. Details are in {format_parameter(error, folder, mask)}"
    except Exception as trouble:  # whatever it is: it is said, and nothing goes unmasked
        return f"{failed}; details could not be written: {type(trouble).__name__}"
