"""The operator's own keys: a TOML file that gives commands of the key table other keys.

    [session]
    log = "L,f2"
    metric.1 = "tab"

`gonogo keys` prints the complete table as such a file. Commands that the file leaves out keep their keys.
"""

import difflib
import os
import tomllib
from collections.abc import Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Final

from textual.keys import Keys, _character_to_key, key_to_character

from app.paths import find_home_folder
from app.tui.keys import COMMANDS, TABLE_TITLES, KeyCommand, select_commands

ANSWERS: Final = ("decide.send", "confirm.yes")
"""Commands that send a decision or stop something. They need a key that is not pressed by habit."""

HABITUAL_KEYS: Final = ("enter", "space", "escape", "backspace", "tab")

# Tables whose keys work at the same time: those of a dialog and of the table of parameters in it. The keys of
# "app" work everywhere else.
_DIALOG_SCOPES: Final = (("decide", "parameters"), ("later", "later_dialog"), ("quit",), ("confirm",))
_DIALOG_TABLES: Final = frozenset(table for scope in _DIALOG_SCOPES for table in scope)


class KeyMapError(ValueError):
    """A mistake in a key map; the message says where it is, what was expected, and what to do."""


def find_key_map(environment: Mapping[str, str]) -> Path:
    """Return the path of the operator's key map."""
    return find_home_folder("XDG_CONFIG_HOME", ".config", environment) / "gonogo" / "keys.toml"


def load_key_map(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the keys of each command in the operator's file; empty if there is no file.

    Raises:
        KeyMapError: the file cannot be read or has a mistake.
    """
    path = find_key_map(environment)
    try:
        source = path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):  # HOME may be /dev/null.
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise KeyMapError(f"{path}: cannot be read: {error}") from None
    return parse_key_map(source, path)


def parse_key_map(source: str, path: Path) -> dict[str, str]:
    """Return the keys of each command in a key map, in Textual's names.

    Raises:
        KeyMapError: it is not TOML, names an unknown command or key, or gives one key to two commands.
    """
    try:
        entries = dict(_flatten("", tomllib.loads(source)))
    except tomllib.TOMLDecodeError as error:
        raise KeyMapError(f"{path}: not TOML: {error}") from None
    commands = {command.id: command for command in COMMANDS}
    key_map = {}
    for name, value in entries.items():
        try:
            if name not in commands:
                raise KeyMapError(_describe_unknown(name, list(commands)))
            key_map[name] = ",".join(_parse_keys(commands[name], value))
        except KeyMapError as error:
            raise KeyMapError(f"{path}{_locate(source, name)}: {name}: {error}") from None
    for tables in _list_scopes():
        if clash := _find_clash(tables, key_map):
            first, second, key = clash
            other, name = (first, second) if second in key_map else (second, first)
            raise KeyMapError(
                f"{path}{_locate(source, name)}: {name}: {key!r} is already the key of {other}; "
                "give one of the two another key"
            )
    return key_map


def render_key_map() -> str:
    """Return the complete table as a key map."""
    titles = {**TABLE_TITLES, "confirm": "Yes or no"}
    lines = [
        "# The keys of gonogo's screens. Separate several keys with commas; the comma key itself is `comma`.",
        f"# Keep only what you change, in {find_key_map(os.environ)}; other commands keep these keys.",
    ]
    for table, commands in groupby(COMMANDS, key=lambda command: command.table):
        lines += ["", f"[{table}]  # {titles[table]}"]
        for command in commands:
            name = command.id.removeprefix(f"{table}.")
            setting = f'{name} = "{command.keys}"'
            lines.append(f"{setting:<48}  # {command.help}")
    return "\n".join(lines) + "\n"


def _flatten(prefix: str, table: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    for name, value in table.items():
        if isinstance(value, dict):
            yield from _flatten(f"{prefix}{name}.", value)
        else:
            yield f"{prefix}{name}", value


def _describe_unknown(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, 1)
    suggestion = f"did you mean {close[0]}? " if close else ""
    return f"no such command; {suggestion}`gonogo keys` lists them"


def _parse_keys(command: KeyCommand, value: object) -> Iterator[str]:
    if not isinstance(value, str) or not value.strip():
        raise KeyMapError('expected keys separated by commas, such as "L,f2"')
    for text in value.split(","):
        key = text.strip()
        key = _character_to_key(key) if len(key) == 1 else key
        character = key_to_character(key)
        named_keys = _list_named_keys()
        if character is None and key.rpartition("+")[2] not in named_keys and key not in named_keys:
            raise KeyMapError(
                f"unknown key {key!r}; expected a character, or a name such as f2, tab or ctrl+l"
            )
        if command.id in ANSWERS and key in HABITUAL_KEYS:
            raise KeyMapError(f"{key} is pressed by habit, and this command answers; expected another key")
        if command.works_in_texts and character is not None:
            raise KeyMapError(
                f"{key!r} is typed in texts, where this command works too; expected one such as ctrl+l"
            )
        yield key


def _list_named_keys() -> frozenset[str]:
    """Return the keys that have names: Textual's, and those in the table."""
    in_table = (key for command in COMMANDS for key in command.keys.split(","))
    return frozenset((*(key.value for key in Keys), *in_table))


def _list_scopes() -> Iterator[tuple[str, ...]]:
    """Yield the tables whose keys work at the same time."""
    yield from _DIALOG_SCOPES
    yield from ((table, "app") for table in TABLE_TITLES if table not in _DIALOG_TABLES and table != "app")


def _find_clash(tables: tuple[str, ...], key_map: Mapping[str, str]) -> tuple[str, str, str] | None:
    """Return two commands that have the same key, and the key."""
    commands: dict[str, KeyCommand] = {}
    for command in (each for table in tables for each in select_commands(table, key_map)):
        for key in command.keys.split(","):
            if key in commands:
                return commands[key].id, command.id, key
            commands[key] = command
    return None


def _locate(source: str, name: str) -> str:
    """Return `, line N` for a dotted key, or for its table if the key itself has no line."""
    # Only a mistake needs the parser that keeps positions, which is slow to import.
    from app.plan.toml_lines import find_lines

    line = find_lines(source).get(tuple(name.split(".")))
    return f", line {line}" if line else ""
