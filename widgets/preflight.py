"""What would fail later, as a list that fills while the checks run."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from textual.content import Content

from widgets import format as fmt
from widgets.rows import row
from widgets.samples import wrapped

LOOKS: Final = {
    "ok": fmt.Look("ok", "✓", "v", fmt.GOOD),
    "warn": fmt.Look("look", "!", "!", fmt.WARN),
    "fail": fmt.Look("fail", "✗", "x", fmt.BAD),
}
NAME: Final = 14


@dataclass(frozen=True)
class Check:
    """What a check found and, unless all is well, what to do."""

    name: str
    state: Literal["ok", "warn", "fail"]
    found: str
    todo: str = ""


def summary(checks: Sequence[Check]) -> str:
    """Return how many checks came out how."""
    states = [check.state for check in checks]
    return f"{states.count('fail')} failed, {states.count('warn')} to look at, {states.count('ok')} ok"


def check_rows(checks: Sequence[Check], *, looking: bool, width: int) -> list[Content]:
    """Return what was found so far, a check after the other, and whether more is to come."""
    state = ("  looking ...", fmt.WARN) if looking else (f"  {summary(checks)}", fmt.INFO)
    rows = [row(width, ("PREFLIGHT", f"{fmt.STRONG} {fmt.QUIET}"), state)]
    indent = 7 + NAME
    for check in checks:
        look = LOOKS[check.state]
        for i, line in enumerate(wrapped(check.found, width - indent)):
            start = f"{look.sign} {look.word:<5}" if i == 0 else " " * 7
            name = fmt.fit(check.name if i == 0 else "", NAME - 1) + " "
            rows.append(row(width, (start, look.style), (name, fmt.QUIET), (line, "")))
        if check.todo:
            for i, line in enumerate(wrapped(check.todo, width - indent - 3)):
                rows.append(row(width, (" " * indent + ("-> " if i == 0 else "   "), fmt.INFO), (line, "")))
    return rows
