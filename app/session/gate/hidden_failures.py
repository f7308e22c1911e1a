"""Signs that a program that exited with 0 has failed all the same."""

import re
from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path
from typing import Final

from app.monitor.log_news import simplify_line
from app.session.attempt.exit_record import read_exit

_TRACEBACK: Final = "Traceback (most recent call last):"
_RANK: Final = re.compile(r"^(?:\[?(?:rank|default)?\d+\]?:|\[rank\d+\]:)\s?")
_EXCEPTION: Final = re.compile(r"^(?:\w+\.)*\w*(?:Error|Exception|Interrupt|Exit|Failure|Killed)\b")
_CRASH: Final = re.compile(
    r"^(?:.*: line \d+: +)?(?:\d+ +)?(?:Killed|Segmentation fault|Aborted|Bus error|Illegal instruction"
    r"|Floating point exception)(?: \(core dumped\))?(?:\s{2,}.*)?$"
    r"|^Fatal Python error:|^terminate called after throwing|^thread '.*' panicked at|^panic: |^fatal error: "
)
# Launchers and trackers write a summary after a crash.
_EPILOGUE: Final = re.compile(
    r"^(?:wandb:|\[?[EWI]\d{4} |=+$|-+$|Failures:|Root Cause|\[\d+\]:|\s+\w+\s*: |.*ChildFailedError)"
)
_SUCCESS: Final = re.compile(r"\b(?:finished|completed?|done|saved|success(?:ful(?:ly)?)?)\b", re.IGNORECASE)
# The message of bash about a background job.
_KILLED_JOB: Final = re.compile(r": line \d+: +\d+ (?:Killed|Segmentation fault|Aborted|Bus error)\b")
_MAX_LINES_AFTER: Final = 3
_LAST_LINES: Final = 3
_MIN_REPEATS: Final = 20


def find_hidden_failures(folder: Path, cookie: str, lines: Sequence[str]) -> list[str]:
    """Return the signs of failure in an attempt that exited with 0, as sentences.

    Args:
        folder: the attempt's folder.
        cookie: the attempt's cookie, which its exit record has.
        lines: the end of its log.
    """
    written = [_RANK.sub("", line.rstrip()) for line in lines if line.strip()]
    crash = _find_crash(written)
    killed_jobs = [] if crash else [line for line in written if _KILLED_JOB.search(line)][-1:]
    return [
        *crash,
        *(f"A background process was killed: {line[:200]}." for line in killed_jobs),
        *_find_killed_processes(folder, cookie),
        *_find_repetition(written),
    ]


def _find_crash(lines: Sequence[str]) -> list[str]:
    """Return the crash that the log ends with, which the last program of a pipeline hides."""
    crash = _find_last_exception(lines) or next(
        (line for line in reversed(lines[-_LAST_LINES:]) if _CRASH.search(line)), ""
    )
    if not crash:
        return []
    return [
        f"The program exited with 0, but its log ends with a crash: {crash[:200]}. In a pipeline such as "
        "`train | tee log`, only the last program's exit counts: start it with bash -o pipefail."
    ]


def _find_last_exception(lines: Sequence[str]) -> str:
    """Return the exception of the last traceback if nothing but a summary follows it, otherwise ""."""
    starts = [i for i, line in enumerate(lines) if line.lstrip().startswith(_TRACEBACK)]
    if not starts:
        return ""
    rest = lines[starts[-1] + 1 :]
    frames = len(list(takewhile(lambda line: line[:1].isspace(), rest)))
    exception, after = "".join(rest[frames : frames + 1]), rest[frames + 1 :]
    others = [line for line in after if not _EPILOGUE.search(line)]
    if not _EXCEPTION.search(exception) or any(_SUCCESS.search(line) for line in after):
        return ""
    # The message of an exception may have several lines.
    return exception if len(others) <= _MAX_LINES_AFTER else ""


def _find_killed_processes(folder: Path, cookie: str) -> list[str]:
    try:
        record = read_exit(folder, cookie)
    except (OSError, ValueError):
        return []
    if record is None:
        return []
    signs = []
    if record.oom_kills:
        signs.append(f"The kernel killed {record.oom_kills} processes of this container for lack of memory.")
    if record.killed:
        signs.append(f"Processes that the program had started were killed: {', '.join(record.killed)}.")
    if record.ended_after:
        signs.append(
            "The program exited before processes that it had started, so they were ended: "
            f"{', '.join(record.ended_after)}. If the work is theirs, the program must wait for them."
        )
    return signs


def _find_repetition(lines: Sequence[str]) -> list[str]:
    """Return the line that the log ends with many times: a heartbeat that may have hidden a stall."""
    simplified = [simplify_line(line) for line in reversed(lines)]
    repeats = len(list(takewhile(lambda line: line == simplified[0], simplified)))
    if repeats < _MIN_REPEATS:
        return []
    return [f"The log ends with the same line {repeats} times or more, without progress: {lines[-1][:200]}"]
