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
    (`sh -c`), values are quoted.
    """
    named = set(find_parameters_in(command))
    values = {"batch": 1, **parameters}
    words: list[str] = []
    for i, word in enumerate(command):
        if (whole := PARAMETER_IN_COMMAND.fullmatch(word)) and whole[1] in values:
            words += _format_items(values[whole[1]])
        else:
            words.append(_fill(word, values, is_script=is_shell_script(command, i)))
    flags = {name: value for name, value in parameters.items() if name not in named}
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
            arguments += [_format_flag(name, style), *_format_items(value)]
        elif value is not None:
            items = ",".join(_format_items(value))
            is_override_list = style == "override" and isinstance(value, list | tuple)
            text = f"[{items}]" if is_override_list else items
            arguments.append(f"{_format_flag(name, style)}={text}")
    return arguments


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


def _fill(word: str, values: Mapping[str, Any], *, is_script: bool) -> str:
    def replace(match: re.Match[str]) -> str:
        if match[1] not in values:
            return match[0]
        items = _format_items(values[match[1]])
        return " ".join(map(shlex.quote, items)) if is_script else ",".join(items)

    return PARAMETER_IN_COMMAND.sub(replace, word)


def is_shell_script(command: Sequence[str], index: int) -> bool:
    """Return whether a word of a command is the script after `sh -c`."""
    is_shell = command[0].rpartition("/")[2] in SHELLS
    return is_shell and index > 1 and _SHELL_SCRIPT_FLAG.fullmatch(command[index - 1]) is not None
