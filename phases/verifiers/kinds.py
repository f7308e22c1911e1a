"""Kinds of things with the names that WordNet lists below them (Miller 1995)."""

from functools import lru_cache
from pathlib import Path
from typing import Final

KINDS: Final = Path(__file__).with_name("kinds.txt")
KIND_MARK: Final = ":"
"""The first character of an item that means all names of a kind, such as ":birds"."""


def list_kind(kind: str) -> list[list[str]]:
    """Return the names of each thing of a kind, as keys of `item_names.make_key`."""
    return [names.split("|") for names in _read_kinds()[kind].split(", ")]


@lru_cache(maxsize=1)
def _read_kinds() -> dict[str, str]:
    lines = KINDS.read_text(encoding="utf-8").splitlines()
    return dict(line.split(": ", 1) for line in lines if not line.startswith("#"))
