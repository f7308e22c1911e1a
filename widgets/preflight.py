"""The results of preflight checks, as a list that grows while the checks run."""

from collections.abc import Sequence
from typing import Final, Literal

import msgspec
from textual.content import Content

from widgets import styles
from widgets.rows import row
from widgets.text import fit, wrap

BADGES: Final = {
    "ok": styles.Badge("ok", "✓", styles.GOOD),
    "warn": styles.Badge("warn", "!", styles.WARN),
    "fail": styles.Badge("fail", "✗", styles.BAD),
}
STATE_WIDTH: Final = 7
NAME_WIDTH: Final = 14


class PreflightResult(msgspec.Struct, frozen=True):
    """The result of a check, and what to do about it unless it is ok."""

    name: str
    state: Literal["ok", "warn", "fail"]
    message: str
    todo: str = ""


def summarize_results(results: Sequence[PreflightResult]) -> str:
    """Return the number of results of each state."""
    states = [result.state for result in results]
    warnings = states.count("warn")
    return (
        f"{states.count('fail')} failed, {warnings} warning{'' if warnings == 1 else 's'}, "
        f"{states.count('ok')} ok"
    )


def render_result_rows(results: Sequence[PreflightResult], *, running: bool, width: int) -> list[Content]:
    """Return the results so far, and whether more will follow."""
    summary = (f"  {summarize_results(results)}", styles.INFO)
    if running:
        summary = ("  checking ...", styles.WARN)
    rows = [row(width, ("PREFLIGHT", styles.HEADING), summary)]
    indent = STATE_WIDTH + NAME_WIDTH
    for result in results:
        badge = BADGES[result.state]
        for i, line in enumerate(wrap(result.message, width - indent)):
            state = f"{badge.symbol} {badge.word:<5}" if i == 0 else " " * STATE_WIDTH
            name = fit(result.name if i == 0 else "", NAME_WIDTH - 1) + " "
            rows.append(row(width, (state, badge.style), (name, styles.QUIET), (line, "")))
        if result.todo:
            for i, line in enumerate(wrap(result.todo, width - indent - 2)):
                arrow = "→ " if i == 0 else "  "
                rows.append(row(width, (" " * indent + arrow, styles.INFO), (line, "")))
    return rows
