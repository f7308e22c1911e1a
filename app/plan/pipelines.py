"""Pipelines in the shell scripts of a plan whose failures the shell hides."""

import itertools
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from app.plan.arguments import SHELLS, is_shell_script
from app.plan.schema import Plan
from phases.contract.files import read_regular_file

_MAX_SCRIPT_BYTES: Final = 1 << 20
_MAX_QUOTED: Final = 100
_PIPES: Final = ("|", "|&")
_ENDS: Final = (";", "&", "&&", "||", "\n", ";;")


def find_pipeline_warnings(plan: Plan) -> list[str]:
    """Return a warning for each phase whose script has a pipeline that hides failures."""
    return [
        f"phase {phase.id}: in `{pipeline}`, only the exit code of the last program counts. "
        "Use bash with `set -o pipefail`, so that a failure of the others opens the gate"
        for phase in plan.phases
        if phase.command and (pipeline := _find_pipeline(phase.command, plan.folder))
    ]


def _find_pipeline(command: Sequence[str], folder: Path) -> str:
    """Return the first pipeline of a command's shell script that lacks pipefail, or ""."""
    script = _read_script(command, folder)
    if "|" not in script or "pipefail" in script or any("pipefail" in word for word in command):
        return ""
    return next((pipeline for line in script.split("\n") if (pipeline := _find_pipeline_in_line(line))), "")


def _read_script(command: Sequence[str], folder: Path) -> str:
    """Return the script that a command gives to a shell, as an argument or in a file; "" if it gives none."""
    for index, word in enumerate(command):
        if is_shell_script(command, index):
            return word
    if command[0].rpartition("/")[2] not in SHELLS:
        return ""
    name = next((word for word in command[1:] if not word.startswith("-")), "")
    try:
        return read_regular_file(folder / name, _MAX_SCRIPT_BYTES).decode(errors="replace") if name else ""
    except (OSError, ValueError):
        return ""


def _find_pipeline_in_line(line: str) -> str:
    """Return a line if it has a pipeline outside of quotes, parentheses and conditions, otherwise ""."""
    lexer = shlex.shlex(line, posix=False, punctuation_chars=True)
    lexer.whitespace_split = True
    try:
        words = list(lexer)
    except ValueError:  # A quotation continues on the next line.
        return ""
    depth = 0
    flat: list[str] = []
    for word in words:
        depth += word.count("(") - word.count(")") if set(word) <= set("();&|") else 0
        flat.append(word if depth == 0 else "")
    for is_end, group in itertools.groupby(flat, key=lambda word: word in _ENDS):
        part = list(group)
        if not is_end and any(word in _PIPES for word in part) and part[0] not in ("if", "while", "until"):
            return line.strip()[:_MAX_QUOTED]
    return ""
