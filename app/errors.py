"""Errors that are shown to the operator as one message."""


class UserError(Exception):
    """An expected failure of a command or a request; the message says why and what to do."""


def take_first_line(error: Exception) -> str:
    """Return the first line of an error's message."""
    return str(error).split("\n", 1)[0]
