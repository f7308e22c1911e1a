"""The environment of all tests of the screens: one time zone, no outside settings, one snapshot folder."""

import time
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import pytest
import pytest_textual_snapshot
import textual.app
import textual.pilot
import textual.screen
from textual.css.model import RuleSet
from textual.css.stylesheet import Stylesheet

from tests.tui.settling import wait_for_idle
from widgets import styles

SNAPSHOTS = Path(__file__).parent / "snapshots"
parse_rules = Stylesheet._parse_rules
parsed_rules: dict[Hashable, dict[Hashable, list[RuleSet]]] = {}
"""For each set of colors, the rules of each source."""


def parse_rules_once(sheet: Stylesheet, css: str, **options: Any) -> list[RuleSet]:
    """Return the rules of a source as parsed for an earlier app with these colors."""
    colors = frozenset(sheet._variables.items())
    if colors not in parsed_rules and len(parsed_rules) > 1:  # An app starts with Textual's own colors.
        parsed_rules.clear()
    rules, key = parsed_rules.setdefault(colors, {}), (css, *options.values())
    if key not in rules:
        rules[key] = parse_rules(sheet, css, **options)
    return rules[key]


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


@pytest.fixture(autouse=True)
def _parse_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace the parsing of the same style sheets three times for each app."""
    monkeypatch.setattr(Stylesheet, "_parse_rules", parse_rules_once)


@pytest.fixture
def ascii_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(styles.terminal, "ascii", True)
