"""Each row of the failure matrix names its test, and the test is there."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in (ROOT / "docs" / "reliability.md").read_text().splitlines()
    if line.startswith("| ") and not line.startswith("| failure")
]
TESTS = ROOT / "tests" / "session"


def test_the_matrix_is_complete() -> None:
    assert len(ROWS) > 30
    assert all(len(row) == 5 and all(row) for row in ROWS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_a_row_names_a_test_that_is_there(row: list[str]) -> None:
    if said := re.fullmatch(r"`make chaos` \((?:victim: )?(.+)\)", row[-1]):
        source = "".join(path.read_text() for path in (TESTS / "chaos").glob("*.py"))
        assert all(word in source for word in re.split(r"\W+", said[1]))
        return
    named = re.findall(r"`([\w/]+\.py)::(\w+)`", row[-1])
    assert named
    for file, test in named:
        (path,) = [TESTS.parent / file] if "/" in file else TESTS.rglob(file)
        tree = ast.parse(path.read_text())
        assert test in {
            node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        }
