"""Read training rows from JSONL files."""

from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import msgspec

from phases.contract import files
from phases.contract.errors import BadInputError

R = TypeVar("R", bound=msgspec.Struct)


def read_rows(paths: Sequence[Path], row_type: type[R]) -> list[R]:
    """Return the rows of JSONL files; columns that the row type does not have are ignored.

    Raises:
        BadInputError: a file cannot be read, a line is not such a row, or there are no rows.
    """
    rows = [row for path in paths for row in _read_file(path, row_type)]
    if not rows:
        raise BadInputError(f"no rows in {', '.join(map(str, paths))}; run the phase before this one first")
    return rows


def _read_file(path: Path, row_type: type[R]) -> list[R]:
    try:
        rows = list(files.read_numbered_rows(path))
    except OSError as error:
        raise BadInputError(f"{path}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise BadInputError(str(error)) from error
    return [_convert(row, row_type, f"{path}, line {number}") for number, row in rows]


def _convert(row: dict[str, object], row_type: type[R], location: str) -> R:
    try:
        return msgspec.convert(row, row_type)
    except msgspec.ValidationError as error:
        names = ", ".join(field.name for field in msgspec.structs.fields(row_type) if field.required)
        raise BadInputError(f"{location}: {error}; expected an object with {names}") from error
