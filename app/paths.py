"""Paths that may be unusable: a home folder that a container lacks, and names that are not UTF-8."""

import os
from collections.abc import Mapping
from pathlib import Path

from app.errors import UserError


def find_home_folder(variable: str, default: str, environment: Mapping[str, str] = os.environ) -> Path:
    """Return the folder that an XDG variable names, or else its default in the home folder.

    Raises:
        UserError: neither is known.
    """
    if base := environment.get(variable):
        return Path(base)
    try:
        return Path.home() / default
    except RuntimeError:
        raise UserError(
            f"this user has no home folder; set HOME or {variable} to a folder of yours"
        ) from None


def is_utf8(path: Path) -> bool:
    """Return whether a path is text, as JSON and TOML require."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return False
    return True


def format_path(path: Path) -> str:
    """Return a path as text; bytes that are not UTF-8 are escaped."""
    return os.fsencode(path).decode(errors="backslashreplace")
