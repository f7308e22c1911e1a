"""Instructions with answers, and documents without any, to tune models on."""

import ast
import sys
import sysconfig
import textwrap
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Final

from phases.contract import files
from tools.embedded_model.corpus import draw_document
from tools.embedded_model.tasks import draw_task

SEEDS: Final = Path(__file__).parents[2] / "phases/seeds/stage1.jsonl"
_QUESTIONS: Final = (
    "What does the Python function {name} of the module {module} do?",
    "Explain {module}.{name} briefly.",
    "Describe what {name} ({module}) is for.",
    "In the standard library of Python, what is {module}.{name}?",
    "I found {name} in the module {module}. What is it good for?",
)
_MAX_ANSWER: Final = 400
_MAX_DOCUMENT: Final = 700
_MIN_ANSWER: Final = 20


def make_world_pairs(count: int, seed: int) -> list[tuple[str, str]]:
    """Return different instructions with answers from the embedded model's world."""
    rng = Random(f"{seed} world")
    pairs: dict[str, str] = {}
    while len(pairs) < count:
        task = draw_task(rng)
        pairs.setdefault(task.instruction, task.answer)
    return list(pairs.items())


def make_mixed_pairs(count: int, seed: int) -> list[tuple[str, str]]:
    """Return instructions with answers: seeds, questions about Python, and tasks of the small world."""
    rng = Random(f"{seed} mixed")
    seeds = [(row["instruction"], row["response"]) for row in files.read_rows(SEEDS)]
    questions = [
        (rng.choice(_QUESTIONS).format(name=name, module=module), text)
        for module, name, text in _list_docstrings()
        if len(text) <= _MAX_ANSWER
    ]
    rng.shuffle(seeds)
    rng.shuffle(questions)
    pairs = seeds[: count // 5] + questions[: count * 2 // 5]
    pairs += make_world_pairs(count - len(pairs), seed)
    rng.shuffle(pairs)
    return pairs


def make_world_documents(count: int, seed: int) -> list[str]:
    """Return documents of the embedded model's world; they are its pre-training data."""
    rng = Random(f"{seed} documents")
    return [draw_document(rng) for _ in range(count)]


def make_python_documents(count: int, seed: int) -> list[str]:
    """Return pieces of prose and code from the standard library of Python."""
    rng = Random(f"{seed} documents")
    texts = [path.read_text(encoding="utf-8", errors="ignore") for path in _list_modules()]
    pieces: list[str] = []
    while len(pieces) < count:
        text = rng.choice(texts)
        start = rng.randrange(max(1, len(text) - _MAX_DOCUMENT))
        pieces.append(text[start : start + _MAX_DOCUMENT])
    return pieces


def _list_modules() -> list[Path]:
    folder = Path(sysconfig.get_path("stdlib"))
    names = sorted(name for name in sys.stdlib_module_names if not name.startswith("_"))
    packages = [path for name in names for path in sorted((folder / name).glob("*.py"))]
    return [path for name in names if (path := folder / f"{name}.py").is_file()] + packages


def _list_docstrings() -> Iterator[tuple[str, str, str]]:
    """Yield module, name and the first paragraph of every documented function and class."""
    for path in _list_modules():
        try:
            tree = ast.parse(path.read_text(encoding="utf-8"))
        except (SyntaxError, UnicodeDecodeError):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and (text := ast.get_docstring(node)):
                paragraph = textwrap.dedent(text).split("\n\n")[0].replace("\n", " ")
                if len(paragraph) >= _MIN_ANSWER:
                    module = path.parent.name if path.stem == "__init__" else path.stem
                    yield module, node.name, paragraph
