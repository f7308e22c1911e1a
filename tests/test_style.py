"""The language of docstrings, comments and documentation, and constructs that take a second look."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("app", "phases", "widgets", "tools", "benchmarks")
ODD_PHRASE = re.compile(
    r"\b(?:so many|anew|beside|goes on|sees to|is to be|as first written|of its own|nobody|meanwhile"
    r"|stands)\b"
    r"|(?<!here )\b(?:is|are|was|were) no (?!longer|more|other|such|reason|way|\w+er\b)[a-z]"
    r"|^(?:# )?(?:What|Who) (?!(?:is|does|are) [^?]*\?)",
)
"""Phrases with a plainer equivalent, and sentences without a subject ("What is left of a budget.").

"A lead-in is no item" is one of them: it is not an item.
"""


VAGUE_NAMES = frozenset({"asked", "found", "given", "said", "shown", "told"})
"""Participles, which say how a value came about and not what it is."""


def find_texts(source: str) -> Iterator[tuple[int, str]]:
    """Yield the line and the text of each docstring and comment."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            yield node.lineno, str(node.value.value)
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


def find_names(source: str) -> Iterator[tuple[int, str]]:
    """Yield the line and the name of each variable and argument; fields may have names that are on disk."""
    nodes = list(ast.walk(ast.parse(source)))
    fields = {id(node.target) for node in nodes if isinstance(node, ast.AnnAssign) and node.value is None}
    for node in nodes:
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and id(node) not in fields:
            yield node.lineno, node.id
        if isinstance(node, ast.arg):
            yield node.lineno, node.arg


def find_puzzles(source: str) -> Iterator[tuple[int, str]]:
    """Yield the line and the name of each construct that takes a second look."""
    for node in ast.walk(ast.parse(source)):
        children = list(ast.iter_child_nodes(node))
        if isinstance(node, ast.IfExp) and any(isinstance(child, ast.IfExp) for child in children):
            yield node.lineno, "nested conditional expression"
        if isinstance(node, ast.For) and isinstance(node.target, ast.Attribute):
            yield node.lineno, "loop over an attribute"
        is_arithmetic = isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub | ast.Mult)
        if is_arithmetic and any(isinstance(child, ast.Compare) for child in children):
            yield node.lineno, "arithmetic on a comparison"
        if isinstance(node, ast.FunctionDef) and any(isinstance(child, ast.ClassDef) for child in children):
            yield node.lineno, "class within a function"


def read_sources() -> dict[str, str]:
    paths = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    return {str(path.relative_to(ROOT)): path.read_text() for path in paths}


def test_docstrings_and_comments_have_no_odd_phrases() -> None:
    found = [
        (name, line, text[:60])
        for name, source in read_sources().items()
        for line, text in find_texts(source)
        if ODD_PHRASE.search(text)
    ]
    assert found == []


def test_the_documentation_has_no_odd_phrases() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    lines = [(page.name, line.lstrip("# ")) for page in pages for line in page.read_text().splitlines()]
    assert [(name, line) for name, line in lines if ODD_PHRASE.search(line)] == []


def test_variables_are_named_for_what_they_hold() -> None:
    found = [
        (name, line, variable)
        for name, source in read_sources().items()
        for line, variable in find_names(source)
        if variable in VAGUE_NAMES
    ]
    assert found == []


def test_no_construct_takes_a_second_look() -> None:
    found = [
        (name, line, puzzle)
        for name, source in read_sources().items()
        for line, puzzle in find_puzzles(source)
    ]
    assert found == []


@pytest.mark.parametrize(
    "source",
    [
        "x = 1 if a else 2 if b else 3",
        "for self.kind in kinds: pass",
        "ending = 's' * (count > 1)",
        "def run():\n    class Inner: pass",
    ],
)
def test_a_puzzle_is_found(source: str) -> None:
    assert len(list(find_puzzles(source))) == 1


@pytest.mark.parametrize("source", ["found = 1", "for said in texts: pass", "def f(given): pass"])
def test_a_vague_name_is_found(source: str) -> None:
    assert [name for _, name in find_names(source) if name in VAGUE_NAMES]


@pytest.mark.parametrize(
    "source",
    [
        '"""What is left of the budget."""',
        "x = 1  # the phase goes on",
        "# Who may decide",
        "# a list is no text",
    ],
)
def test_an_odd_phrase_is_found(source: str) -> None:
    assert [text for _, text in find_texts(source) if ODD_PHRASE.search(text)]
