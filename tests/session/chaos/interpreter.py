"""An interpreter whose processes run on a described machine: a virtual environment with the stand-ins."""

import os
import shutil
import sys
import sysconfig
import tempfile
import venv
from pathlib import Path

_INSIDE = "CHAOS_INTERPRETER"
_STANDINS = Path(__file__).with_name("standins")
_CHECKOUT = Path(__file__).parents[3]


def enter(arguments: list[str]) -> None:
    """Continue in an interpreter with the stand-ins, unless this is one.

    Its processes start others with `sys.executable`, so they have the stand-ins as well, whatever their
    environment and flags.
    """
    if os.environ.get(_INSIDE) == sys.prefix:
        return
    folder = Path(tempfile.gettempdir()) / f"chaos-python-{os.getuid()}-{os.getpid()}"
    venv.create(folder, with_pip=False, symlinks=True)
    standard = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib")}
    paths = [path for path in sys.path if path and path not in standard and "lib-dynload" not in path]
    site = folder / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
    lines = [str(_CHECKOUT), *(path for path in paths if Path(path).is_dir())]
    start = f"import sys; sys.path.insert(0, {str(_STANDINS)!r}); import gonogo_machine"
    (site / "chaos.pth").write_text("\n".join([*lines, start]) + "\n")
    os.environ[_INSIDE] = str(folder)
    python = folder / "bin" / "python"
    os.chdir(_CHECKOUT)
    os.execv(python, [str(python), "-m", "tests.session.chaos", *arguments[1:]])


def remove() -> None:
    """Remove the environment of this interpreter."""
    if os.environ.get(_INSIDE) == sys.prefix:
        shutil.rmtree(sys.prefix, ignore_errors=True)
