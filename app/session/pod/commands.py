"""Commands of the plan that concern the pod, with environment variables in place."""

from collections.abc import Mapping, Sequence


def expand_command(command: Sequence[str], environment: Mapping[str, str]) -> list[str]:
    """Return a command with the words `$NAME` and `${NAME}` replaced by variables; unknown names stay."""
    variables = {f"${name}": value for name, value in environment.items()}
    variables |= {f"${{{name}}}": value for name, value in environment.items()}
    return [variables.get(word, word) for word in command]
