"""The operator's theme: chosen from a list, and remembered for this user on this machine."""

import os
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Final

from textual.command import DiscoveryHit, Hit, Hits, Provider

from app.errors import UserError
from app.paths import find_home_folder
from app.tui.themes import ANSI, DARK, DESCRIPTIONS, list_theme_names
from phases.contract.files import read_regular_file, write_atomically

VARIABLE: Final = "GONOGO_THEME"
_MAX_BYTES: Final = 200


class ThemeChoices(Provider):
    """The themes as commands of Textual's palette."""

    @property
    def _choices(self) -> list[tuple[str, Callable[[], None], str | None]]:
        choose: Callable[[str], None] = self.app.choose_theme  # type: ignore[attr-defined]
        return [
            (name, partial(choose, name), _describe_theme(name, is_used=name == self.app.theme))
            for name in list_theme_names()
        ]

    async def discover(self) -> Hits:
        """Yield every theme."""
        for name, choose, description in self._choices:
            yield DiscoveryHit(name, choose, help=description)

    async def search(self, query: str) -> Hits:
        """Yield the themes whose name or description matches."""
        matcher = self.matcher(query)
        for name, choose, description in self._choices:
            score = max(matcher.match(name), matcher.match(description or ""))
            if score > 0:
                yield Hit(score, matcher.highlight(name), choose, help=description)


def _describe_theme(name: str, *, is_used: bool) -> str | None:
    """Return what a theme is for, and whether it is in use; None if there is nothing to say."""
    return " · ".join(filter(None, ("in use" if is_used else "", DESCRIPTIONS.get(name)))) or None


def find_theme_setting(environment: Mapping[str, str] = os.environ) -> Path:
    """Return the path of the file that remembers the theme.

    Raises:
        UserError: this user has no home folder.
    """
    return find_home_folder("XDG_CONFIG_HOME", ".config", environment) / "gonogo" / "theme"


def save_theme(name: str) -> None:
    """Remember a theme for this user.

    Raises:
        OSError, UserError: it cannot be written.
    """
    write_atomically(find_theme_setting(), f"{name}\n")


def choose_start_theme(
    color_system: str | None, environment: Mapping[str, str] = os.environ
) -> tuple[str, str]:
    """Return the theme to start with, and a message if the environment names an unknown one.

    GONOGO_THEME comes first, then the remembered theme. A terminal of 16 colors gets one that needs no more.
    """
    names = list_theme_names()
    setting = environment.get(VARIABLE, "")
    american = setting.replace("colour", "color")
    for name in (american, f"gonogo-{american}"):
        if name in names:
            return name, ""
    message = f"{VARIABLE}={setting}: no such theme; expected one of {', '.join(names)}" if setting else ""
    remembered = _read_theme(environment)
    if color_system == "standard":
        return (remembered if "ansi" in remembered or "no-color" in remembered else ANSI.name), message
    return remembered or DARK.name, message


def _read_theme(environment: Mapping[str, str]) -> str:
    """Return the remembered theme; empty if there is none, or it is unknown to this version."""
    try:
        text = read_regular_file(find_theme_setting(environment), _MAX_BYTES).decode()
    except (OSError, UserError, ValueError):
        return ""
    return text.strip() if text.strip() in list_theme_names() else ""
