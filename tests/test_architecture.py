"""The rules of docs/architecture.md about imports and files."""

import ast
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from tests.conftest import SLOWEST_FILES

ROOT = Path(__file__).parents[1]
PACKAGES = ("app", "phases", "widgets")
MOST_LINES = 400
MOST_LOCAL_IMPORTS = 40
LAYERS = (
    ("app.errors", "app.own_folder", "app.paths", "app.ticks", "app.timeouts", "app.units"),
    ("app.memory", "app.monitor", "app.plan"),
    ("app.session",),
    ("app.labelling",),
    ("app.preflight", "app.report"),
    ("widgets",),
    ("app.tui",),
    ("app.cli",),
)
"""From the ground up: a module imports from its own layer and from those below."""


@cache
def read_modules() -> dict[str, ast.Module]:
    modules = {}
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
            modules[name] = ast.parse(path.read_text())
    return modules


def list_imports(tree: ast.AST) -> Iterator[str]:
    """Yield the project's modules that a module imports."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                yield name if name in read_modules() else node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


@cache
def build_graph() -> dict[str, set[str]]:
    modules = read_modules()
    return {
        name: {imported for imported in list_imports(tree) if imported in modules and imported != name}
        for name, tree in modules.items()
    }


def find_layer(module: str) -> int:
    for level, packages in enumerate(LAYERS):
        if any(module == package or module.startswith(f"{package}.") for package in packages):
            return level
    raise AssertionError(f"{module} belongs to no layer: add it to LAYERS and to docs/architecture.md")


def may_import(module: str, imported: str) -> bool:
    if imported in PACKAGES:  # An empty package.
        return True
    if module.startswith("phases.contract"):
        return imported.startswith("phases.contract")
    if module.startswith("phases"):
        return imported.startswith("phases")
    if imported.startswith("phases"):
        return imported.startswith("phases.contract") or imported.endswith(".spec")
    return find_layer(imported) <= find_layer(module)


def test_imports_have_no_cycle() -> None:
    TopologicalSorter(build_graph()).prepare()


def test_imports_point_down() -> None:
    edges = [(module, name) for module, names in build_graph().items() for name in names]
    assert len(edges) > 1000
    assert [(module, name) for module, name in edges if not may_import(module, name)] == []


@pytest.mark.parametrize(
    ("module", "imported"),
    [
        ("phases.models.loader", "app.units"),
        ("phases.contract.reporter", "phases.models.loader"),
        ("app.session.start", "app.tui.app"),
        ("app.labelling.labeller", "app.report.history"),
        ("app.cli.label", "phases.evaluation.recipe"),
        ("widgets.gate", "app.tui.keys"),
    ],
)
def test_an_upward_import_is_found(module: str, imported: str) -> None:
    assert not may_import(module, imported)


def test_app_names_no_phase_module() -> None:
    names = {f"phases.{path.parent.name}" for path in (ROOT / "phases").glob("*/spec.py")}
    assert "phases.evaluation" in names
    named = [
        (module, node.value)
        for module, tree in read_modules().items()
        if module.startswith(("app.", "widgets."))
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and node.value in names
    ]
    assert named == []


def test_few_imports_are_local() -> None:
    functions = [
        node
        for tree in read_modules().values()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    local = {
        node
        for function in functions
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    }
    assert 0 < len(local) < MOST_LOCAL_IMPORTS


def test_files_are_short() -> None:
    paths = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    long = {path: count for path in paths if (count := len(path.read_text().splitlines())) > MOST_LINES}
    assert long == {}


def test_the_slowest_test_files_exist() -> None:
    """Renamed files would start last, and the suite would wait for them."""
    assert [name for name in SLOWEST_FILES if not (ROOT / name).is_file()] == []
