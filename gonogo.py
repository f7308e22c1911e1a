"""The entry point of the `gonogo` command: it finds gonogo's packages before others with the same names."""

import os
import sys
from pathlib import Path


def main() -> int:
    """Run the command line and return its exit status."""
    own_folder = str(Path(__file__).resolve().parent)
    others = os.environ.get("PYTHONPATH", "")
    if others and others.split(os.pathsep)[0] != own_folder:
        sys.path.insert(0, own_folder)
        # gonogo's other processes inherit it; see app/own_folder.py.
        os.environ["PYTHONPATH"] = os.pathsep.join([own_folder, others])
    from app.cli import main as run_command_line  # The folder must come first.

    return run_command_line()


if __name__ == "__main__":
    raise SystemExit(main())
