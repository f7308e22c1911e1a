"""Modules with many objects are imported without collections of garbage."""

import gc
import sys
from pathlib import Path

import pytest

from phases.contract.heavy_imports import import_heavy


@pytest.fixture
def write_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "heavy_example", raising=False)
    return tmp_path / "heavy_example.py"


def test_no_garbage_is_collected_while_a_module_is_imported(write_module: Path) -> None:
    write_module.write_text("import gc\nwas_enabled = gc.isenabled()\nvalues = [[n] for n in range(1000)]\n")
    frozen = gc.get_freeze_count()
    module = import_heavy("heavy_example")
    assert not module.was_enabled
    assert gc.isenabled()
    assert gc.get_freeze_count() >= frozen + 1000


def test_a_module_that_is_imported_already_freezes_nothing(write_module: Path) -> None:
    write_module.write_text("")
    module = import_heavy("heavy_example")
    frozen = gc.get_freeze_count()
    assert import_heavy("heavy_example") is module
    assert gc.get_freeze_count() <= frozen


def test_garbage_is_collected_after_an_import_that_failed(write_module: Path) -> None:
    write_module.write_text("raise ImportError")
    with pytest.raises(ImportError):
        import_heavy("heavy_example")
    assert gc.isenabled()
