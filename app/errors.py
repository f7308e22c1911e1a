"""The base of errors that are shown to the operator as one message."""


class UserError(Exception):
    """An expected failure of a command or a request; the message says why and what to do."""
