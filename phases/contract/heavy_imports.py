"""Import of modules that load torch and other large libraries."""

import gc
import importlib
import sys
from types import ModuleType


def import_heavy(name: str) -> ModuleType:
    """Import a module without collecting garbage: the many objects of large libraries live until the end."""
    if name in sys.modules:
        return sys.modules[name]
    gc.disable()
    try:
        module = importlib.import_module(name)
        gc.freeze()
    finally:
        gc.enable()
    return module
