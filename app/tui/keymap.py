"""The operator's own keys: a TOML file that gives commands of the one table other keys.

    [session]
    log = "L,f2"
    metric.1 = "tab"

`gonogo keys` prints the whole table as such a file. What a file leaves out keeps its keys.
"""

import os
from collections.abc import Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Final

from textual.keys import Keys, _character_to_key, key_to_character

from app.tui.keys import COMMANDS, SCREENS, Command, commands

ANSWERS: Final = ("decide.send", "confirm.yes")
"""What sends a decision or stops something: never a key that is pressed by habit."""

BY_HABIT: Final = ("enter", "space", "escape", "backspace", "tab")

# Commands whose keys work at the same time: those of a dialog and of the table in it; the app's everywhere
# but in a dialog.
_TOGETHER: Final = (("decide", "parameters"), ("quit",), ("confirm",))
_IN_DIALOGS: Final = frozenset(screen for screens in _TOGETHER for screen in screens)


class KeyMapError(ValueError):
    """A key map that cannot be used; the message says where, what was expected, and what to do."""


def place(environment: Mapping[str, str]) -> Path:
    """Return where the key map is looked for."""
    base = environment.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(base) / "gonogo" / "keys.toml"


def load(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the keys of each command that the operator's file names; none where there is no file.

    Raises:
        KeyMapError: the file is no key map.
    """
    path = place(environment)
    try:
        source = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise KeyMapError(f"{path}: cannot be read: {error}") from None
    return parse(source, path)


def parse(source: str, path: Path) -> dict[str, str]:
    """Return the keys of each command that a key map names, in Textual's names.

    Raises:
        KeyMapError: it is no TOML, names an unknown command or key, or gives one key to two commands.
    """
    import tomllib

    try:
        entries = dict(_flat("", tomllib.loads(source)))
    except tomllib.TOMLDecodeError as error:
        raise KeyMapError(f"{path}: not TOML: {error}") from None
    known = {command.id for command in COMMANDS}
    found = {}
    for name, keys in entries.items():
        try:
            if name not in known:
                raise KeyMapError(_unknown(name, known))
            found[name] = ",".join(_keys(name, keys))
        except KeyMapError as error:
            raise KeyMapError(f"{path}{_line(source, name)}: {name}: {error}") from None
    for screens in _scopes():
        if clash := _clash(screens, found):
            first, second, key = clash
            other, name = (first, second) if second in found else (second, first)
            raise KeyMapError(
                f"{path}{_line(source, name)}: {name}: {key!r} is already the key of {other}; "
                "give one of the two another key"
            )
    return found


def template() -> str:
    """Return the whole table as a key map."""
    titles = {**SCREENS, "confirm": "Yes or no"}
    lines = [
        "# The keys of gonogo's screens. Several keys stand between commas; a comma itself is `comma`.",
        f"# Keep what you change in {place(os.environ)}; what is not there keeps these keys.",
    ]
    for screen, of_screen in groupby(COMMANDS, key=lambda command: command.screen):
        lines += ["", f"[{screen}]  # {titles[screen]}"]
        for command in of_screen:
            name = command.id.removeprefix(f"{screen}.")
            setting = f'{name} = "{command.keys}"'
            lines.append(f"{setting:<48}  # {command.help}")
    return "\n".join(lines) + "\n"


def _flat(above: str, table: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    for name, value in table.items():
        if isinstance(value, dict):
            yield from _flat(f"{above}{name}.", value)
        else:
            yield f"{above}{name}", value


def _unknown(name: str, known: set[str]) -> str:
    import difflib

    close = difflib.get_close_matches(name, known, 1)
    perhaps = f"perhaps you mean {close[0]}; " if close else ""
    return f"no such command; {perhaps}`gonogo keys` lists them"


def _keys(name: str, given: object) -> Iterator[str]:
    if not isinstance(given, str) or not given.strip():
        raise KeyMapError('expected keys between commas, such as "L,f2"')
    command = next(each for each in COMMANDS if each.id == name)
    for each in given.split(","):
        key = each.strip()
        key = _character_to_key(key) if len(key) == 1 else key
        character = key_to_character(key)
        if character is None and key.rpartition("+")[2] not in _named() and key not in _named():
            raise KeyMapError(
                f"unknown key {key!r}; expected a character, or a name such as f2, tab or ctrl+l"
            )
        if name in ANSWERS and key in BY_HABIT:
            raise KeyMapError(f"{key} is pressed by habit, and this answers; expected another key")
        if command.in_texts and character is not None:
            raise KeyMapError(
                f"{key!r} is typed in texts, and this works there too; expected one such as ctrl+l"
            )
        yield key


def _named() -> frozenset[str]:
    """Return the keys that have names of their own: Textual's, and those that the table uses."""
    used = (key for command in COMMANDS for key in command.keys.split(","))
    return frozenset((*(key.value for key in Keys), *used))


def _scopes() -> Iterator[tuple[str, ...]]:
    yield from _TOGETHER
    yield from ((screen, "app") for screen in SCREENS if screen not in _IN_DIALOGS and screen != "app")


def _clash(screens: tuple[str, ...], key_map: Mapping[str, str]) -> tuple[str, str, str] | None:
    taken: dict[str, Command] = {}
    for command in (each for screen in screens for each in commands(screen, key_map)):
        for key in command.keys.split(","):
            if key in taken:
                return taken[key].id, command.id, key
            taken[key] = command
    return None


def _line(source: str, name: str) -> str:
    """Return `, line N` for the key of that dotted name; its table's line where it has none."""
    from app.plan.toml_lines import find_lines  # only a mistake asks for it: it loads a parser

    path = tuple(name.split("."))
    line = find_lines(source).get(path)
    return f", line {line}" if line else ""
