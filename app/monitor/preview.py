"""The beginning of a file that a phase wrote, or the content of a folder."""

from pathlib import Path
from typing import Final

from app.monitor.sanitize import clean_line, clean_text
from app.monitor.tails import Mask, mask_nothing
from phases.contract.files import open_regular_file

MAX_BYTES: Final = 65536
MAX_ROWS: Final = 50
MAX_NAMES: Final = 500
_MAX_NAME: Final = 1000
_BEYOND: Final = 4096


def read_first_rows(path: Path, mask: Mask = mask_nothing) -> tuple[str, ...]:
    """Return the first rows of a file as text that is safe to show, or the sizes and names in a folder.

    Raises:
        OSError: the file cannot be read.
    """
    if path.is_dir():
        inside = sorted(each for each in path.rglob("*") if each.is_file())
        names = [f"{each.stat().st_size:>15,}  {each.relative_to(path)}" for each in inside[:MAX_NAMES]]
        return tuple(clean_text(name, _MAX_NAME, mask) for name in names)
    with open_regular_file(path) as file:
        start = file.read(MAX_BYTES + _BEYOND)
    is_complete = len(start) <= MAX_BYTES
    if b"\0" in start:
        return (f"not a text file: {path.stat().st_size:,} bytes",)
    # Mask before the text is cut, so that no start of a secret is left.
    lines = mask(start)[:MAX_BYTES].split(b"\n")
    if is_complete and lines[-1] == b"":
        del lines[-1]
    rows = tuple(clean_line(line) for line in lines[:MAX_ROWS])
    return rows if is_complete and len(lines) <= MAX_ROWS else (*rows, "...")
