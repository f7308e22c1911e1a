"""What would fail later, as a list that fills while the checks run."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from textual.content import Content

from widgets import styles
from widgets.rows import row
from widgets.text import fit, wrap

LOOKS: Final = {
    "ok": styles.Badge("ok", "✓", styles.GOOD),
    "warn": styles.Badge("look", "!", styles.WARN),
    "fail": styles.Badge("fail", "✗", styles.BAD),
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


def render_check_rows(checks: Sequence[Check], *, looking: bool, width: int) -> list[Content]:
    """Return what was found so far, a check after the other, and whether more is to come."""
    state = ("  looking ...", styles.WARN) if looking else (f"  {summary(checks)}", styles.INFO)
    rows = [row(width, ("PREFLIGHT", styles.HEADING), state)]
    indent = 7 + NAME
    for check in checks:
        look = LOOKS[check.state]
        for i, line in enumerate(wrap(check.found, width - indent)):
            start = f"{look.symbol} {look.word:<5}" if i == 0 else " " * 7
            name = fit(check.name if i == 0 else "", NAME - 1) + " "
            rows.append(row(width, (start, look.style), (name, styles.QUIET), (line, "")))
        if check.todo:
            for i, line in enumerate(wrap(check.todo, width - indent - 3)):
                rows.append(
                    row(width, (" " * indent + ("-> " if i == 0 else "   "), styles.INFO), (line, ""))
                )
    return rows
