"""The beginning of a file that a phase wrote, as `head` and `ls` would show it."""

from pathlib import Path
from typing import Final

from app.monitor.files import Mask, unmasked
from app.monitor.sanitize import clean_line

MOST_BYTES: Final = 65536
MOST_ROWS: Final = 50
MOST_NAMES: Final = 500


def first_rows(path: Path, mask: Mask = unmasked) -> tuple[str, ...]:
    """Return the first rows of a file as text that is safe to show; of a folder, sizes in bytes and names.

    Raises:
        OSError: it cannot be read.
    """
    if path.is_dir():
        inside = sorted(each for each in path.rglob("*") if each.is_file())
        names = [f"{each.stat().st_size:>15,}  {each.relative_to(path)}" for each in inside[:MOST_NAMES]]
        return tuple(map(clean_line, names))
    with path.open("rb") as file:
        start = file.read(MOST_BYTES)
        whole = not file.read(1)
    if b"\0" in start:
        return (f"not a text: {path.stat().st_size:,} bytes",)
    lines = mask(start).split(b"\n")
    if whole and lines[-1] == b"":
        del lines[-1]
    shown = tuple(map(clean_line, lines[:MOST_ROWS]))
    return shown if whole and len(lines) <= MOST_ROWS else (*shown, "...")
