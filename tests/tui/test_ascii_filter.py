"""Symbols on a terminal that shows only ASCII."""

import ast
from collections.abc import Iterator
from pathlib import Path

from app.tui.ascii_filter import to_ascii

PACKAGES = Path(__file__).parents[2]
BRAILLE = range(0x2800, 0x2900)


def find_symbols(source: str) -> Iterator[str]:
    """Yield the characters in a module's texts that are not ASCII."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from (char for char in node.value if not char.isascii())


def test_every_symbol_of_the_screens_has_a_counterpart() -> None:
    files = [*PACKAGES.glob("widgets/*.py"), *PACKAGES.glob("app/tui/**/*.py")]
    symbols = {char for file in files for char in find_symbols(file.read_text()) if ord(char) not in BRAILLE}
    assert {"◆", "✓", "✗", "→"} <= symbols
    assert {char for char in symbols if to_ascii(char) == "?"} <= {"\N{REPLACEMENT CHARACTER}"}


def test_a_gate_does_not_look_like_an_open_question() -> None:
    assert to_ascii("◆ GATE") == "* GATE"
