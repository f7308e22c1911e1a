"""The description of a log: what to read from it. It is light to import, unlike the reader of logs."""

import msgspec


class LogFormat(msgspec.Struct, frozen=True):
    """The metrics and progress to read from a log.

    Attributes:
        patterns: regular expressions with one group, the number, by metric.
        preset: name of a preset in `app.monitor.trainers` to use instead.
        progress: regular expression with the units done and, as a second group, their total.
    """

    patterns: dict[str, str] = {}
    preset: str = ""
    progress: str = ""
