"""The environment of all tests of the screens: one time zone, no outside settings, one snapshot folder."""

import time
from pathlib import Path

import pytest
import pytest_textual_snapshot
import textual.app
import textual.pilot
import textual.screen

from tests.tui.settling import wait_for_idle
from widgets import styles

SNAPSHOTS = Path(__file__).parent / "snapshots"


@pytest.fixture(autouse=True)
def _same_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "TMUX", "GONOGO_ASCII", "GONOGO_THEME", "TEXTUAL", "TEXTUAL_FILTERS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    monkeypatch.setattr(styles.terminal, "ascii", False)
    monkeypatch.setattr(
        pytest_textual_snapshot.SVGImageExtension,
        "dirname",
        classmethod(lambda cls, *, test_location: str(SNAPSHOTS / test_location.basename)),
    )


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace Textual's pauses of 20 ms, in which it measures whether the process works."""
    monkeypatch.setattr(textual.screen, "UPDATE_PERIOD", 1 / 1000)
    for module in (textual.app, textual.pilot):
        monkeypatch.setattr(module, "wait_for_idle", wait_for_idle)


@pytest.fixture
def ascii_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(styles.terminal, "ascii", True)
