"""Colors and badges: how states look on every screen."""

from typing import Final

import msgspec

from app.plan.values import Verdict
from app.session.snapshot import PhaseState, SessionState

# Names of theme colors, which app/tui/themes.py defines.
GOOD: Final = "$good"
WARN: Final = "$warn"
BAD: Final = "$bad"
INFO: Final = "$info"
QUIET: Final = "$quiet"
FAINT: Final = "$line"
STRONG: Final = "bold"
HEADING: Final = f"{STRONG} {QUIET}"
ALARM: Final = f"{STRONG} {BAD}"


class Terminal(msgspec.Struct):
    """Capabilities of the terminal, set once before the first screen is drawn.

    Widgets draw in Unicode, which app/tui/ascii_filter.py translates. Only charts read `ascii`: the filter
    cannot tell which curve a dot belongs to.
    """

    ascii: bool = False


terminal: Final = Terminal()


class Badge(msgspec.Struct, frozen=True):
    """A state as a word and a symbol, so that color is never the only sign of it."""

    word: str
    symbol: str
    style: str

    @property
    def label(self) -> str:
        """The symbol and the word."""
        return f"{self.symbol} {self.word}"


PHASE_BADGES: Final[dict[PhaseState, Badge]] = {
    "waiting": Badge("waiting", "·", QUIET),
    "running": Badge("running", "▸", INFO),
    "stopping": Badge("stopping", "▪", WARN),
    "gate": Badge("gate", "◆", WARN),
    "done": Badge("done", "✓", GOOD),
    "failed": Badge("failed", "✗", BAD),
    "skipped": Badge("skipped", "-", QUIET),
    "left_out": Badge("left out", "-", QUIET),
}
STALLED: Final = Badge("stalled", "!", BAD)
UNKNOWN: Final = Badge("unknown", "?", WARN)
"""The remaining time of a stalled phase."""

SESSION_BADGES: Final[dict[SessionState, Badge]] = {
    "ready": Badge("READY", "·", INFO),
    "running": Badge("RUNNING", "▸", INFO),
    "gate": Badge("GATE", "◆", WARN),
    "finished": Badge("FINISHED", "✓", GOOD),
    "stopped": Badge("STOPPED", "✗", BAD),
}

VERDICT_BADGES: Final[dict[Verdict, Badge]] = {
    "go": Badge("GO", "✓", GOOD),
    "investigate": Badge("INVESTIGATE", "!", WARN),
    "stop": Badge("STOP", "✗", BAD),
}

CHECK_BADGES: Final[dict[bool | None, Badge]] = {
    True: Badge("pass", "✓", GOOD),
    False: Badge("fail", "✗", BAD),
    None: Badge("n/a", "?", WARN),
}
