"""The command line of a `command` phase: its parameters in the style that the program expects."""

import re
import shlex
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

FlagStyle = Literal["dash", "underscore", "equals", "override"]
BooleanStyle = Literal["no", "flag", "value"]

PARAMETER_IN_COMMAND: Final = re.compile(r"\{params\.([^{}\s]+)\}")
_USUAL_BOOLEANS: Final[dict[FlagStyle, BooleanStyle]] = {
    "dash": "no",
    "underscore": "no",
    "equals": "value",
    "override": "value",
}
SHELLS: Final = ("sh", "bash", "dash", "zsh", "ksh")
_SPECIAL_IN_LIST: Final = re.compile(r"[,\[\]{}\"']|^\s|\s$|^$")
_NEGATIVE_NUMBER: Final = re.compile(r"-\d+|-\d*\.\d+")
_SHELL_SCRIPT_FLAG: Final = re.compile(r"-[a-z]*c")


def find_parameters_in(command: Sequence[str]) -> list[str]:
    """Return the names in the placeholders `{params.NAME}` of a command, in their order."""
    return [name for word in command for name in PARAMETER_IN_COMMAND.findall(word)]


def build_arguments(
    command: Sequence[str],
    parameters: Mapping[str, Any],
    style: FlagStyle = "dash",
    booleans: BooleanStyle | None = None,
) -> list[str]:
    """Return a command with its placeholders filled in, followed by the other parameters as flags.

    A placeholder that is a whole word becomes one word per item of a list. In the script of a shell
    (`sh -c`), values are quoted, also inside of quotes.
    """
    placed = set(find_parameters_in(command))
    values = {"batch": 1, **parameters}
    words: list[str] = []
    for i, word in enumerate(command):
        if (whole := PARAMETER_IN_COMMAND.fullmatch(word)) and whole[1] in values:
            words += _format_items(values[whole[1]])
        else:
            words.append(_fill(word, values, is_script=is_shell_script(command, i)))
    flags = {name: value for name, value in parameters.items() if name not in placed}
    return [*words, *format_flags(flags, style, booleans)]


def format_flags(
    parameters: Mapping[str, Any], style: FlagStyle = "dash", booleans: BooleanStyle | None = None
) -> list[str]:
    """Return parameters as command-line arguments.

    Args:
        parameters: by name. Only `dash` changes a name: each `_` becomes `-`.
        style: `--batch-size 8`, `--batch_size 8`, `--batch_size=8` or `batch_size=8`. A list is several
            words, or `a,b` after `=`, or `[a,b]` as an override.
        booleans: `--x` or `--no-x`; `--x` or nothing; or a value, `true` or `false`.
    """
    booleans = booleans or _USUAL_BOOLEANS[style]
    arguments: list[str] = []
    for name, value in parameters.items():
        if isinstance(value, bool) and booleans != "value":
            if value or booleans == "no":
                arguments.append(_format_flag(name, style, negative=not value))
        elif style in ("dash", "underscore"):
            arguments += _join_dash(_format_flag(name, style), _format_items(value))
        elif value is not None:
            items = _format_items(value)
            is_override_list = style == "override" and isinstance(value, list | tuple)
            text = f"[{','.join(map(_quote_item, items))}]" if is_override_list else ",".join(items)
            arguments.append(f"{_format_flag(name, style)}={text}")
    return arguments


def _join_dash(flag: str, items: list[str]) -> list[str]:
    """Return a flag and its values; argparse takes `-1e-05` and `-x` for flags unless `=` joins them."""
    if len(items) == 1 and items[0].startswith("-") and not _NEGATIVE_NUMBER.fullmatch(items[0]):
        return [f"{flag}={items[0]}"]
    return [flag, *items]


def _format_flag(name: str, style: FlagStyle, *, negative: bool = False) -> str:
    if style == "override":
        return name
    if style == "dash":
        name = name.replace("_", "-")
    return f"--no-{name}" if negative else f"--{name}"


def _format_items(value: object) -> list[str]:
    """Return a value as words: several for a list."""
    if isinstance(value, list | tuple):
        return [word for item in value for word in _format_items(item)]
    if isinstance(value, bool):
        return ["true" if value else "false"]
    return [str(value)]


def _quote_item(item: str) -> str:
    """Return an item for a list of an override, in quotes if it would be taken for several items."""
    if not _SPECIAL_IN_LIST.search(item) or item.startswith("${"):
        return item
    escaped = item.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _fill(word: str, values: Mapping[str, Any], *, is_script: bool) -> str:
    def replace(match: re.Match[str]) -> str:
        if match[1] not in values:
            return match[0]
        items = _format_items(values[match[1]])
        if not is_script:
            return ",".join(items)
        quote = _find_open_quote(word[: match.start()])
        return " ".join(_quote_for_shell(item, quote) for item in items)

    return PARAMETER_IN_COMMAND.sub(replace, word)


def _find_open_quote(script: str) -> str:
    """Return the quotation mark that is open at the end of the start of a shell script, or ""."""
    quote, is_escaped = "", False
    for character in script:
        if is_escaped:
            is_escaped = False
        elif character == "\\" and quote != "'":
            is_escaped = True
        elif quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
    return quote


def _quote_for_shell(text: str, open_quote: str) -> str:
    """Return a text as a shell reads it outside of quotes, or inside of quotes that are already open."""
    if open_quote == "'":
        return text.replace("'", "'\\''")
    return re.sub(r'([\\"$`])', r"\\\1", text) if open_quote else shlex.quote(text)


def is_shell_script(command: Sequence[str], index: int) -> bool:
    """Return whether a word of a command is the script after `sh -c`."""
    is_shell = command[0].rpartition("/")[2] in SHELLS
    return is_shell and index > 1 and _SHELL_SCRIPT_FLAG.fullmatch(command[index - 1]) is not None
