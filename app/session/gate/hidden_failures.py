"""Signs of failure in a program that exited with 0."""

import re
from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path
from typing import Final

from app.monitor.log_news import simplify_line
from app.session.attempt.exit_record import find_exit
from app.session.gate.log_end import find_last_exception
from app.session.gate.log_lines import Line, split_lines

_CRASH: Final = re.compile(
    r"^(?:.*: line \d+: +)?(?:\d+ +)?(?:Killed|Segmentation fault|Aborted|Bus error|Illegal instruction"
    r"|Floating point exception)(?: \(core dumped\))?(?:\s{2,}.*)?$"
    r"|^Fatal Python error:|^terminate called after throwing|^thread '.*' panicked at|^panic: |^fatal error: "
)
# The program did not start, or gave up with a message.
_REFUSAL: Final = re.compile(
    r": command not found$|(?:^\S*sh:|: line \d+:) .*: (?:not found|Permission denied)$"
    r"|: can't open file .*\[Errno \d+\]|python[\d.]*: No module named |^(?:Syntax|Indentation|Tab)Error: "
    r"|error: (?:unrecognized arguments|the following arguments are required|argument .+: )"
    r"|^make(?:\[\d+\])?: \*\*\* .*Error \d+|^Node\.js v\d"
)
# Launchers and trackers write a summary after a crash; the rest of a message is often indented.
_EPILOGUE: Final = re.compile(
    r"^(?:\s|wandb:|\[?[EWI]\d{4} |=+$|-+$|Failures:|Root Cause|\[\d+\]:|.*ChildFailedError)"
    r"|\d%\||^(?:goroutine \d|main\.|frame #\d)"
)
_SUCCESS: Final = re.compile(r"\b(?:finished|completed?|done|saved|success(?:ful(?:ly)?)?)\b", re.IGNORECASE)
# The message of bash about a background job.
_KILLED_JOB: Final = re.compile(r": line \d+: +\d+ (?:Killed|Segmentation fault|Aborted|Bus error)\b")
_MAX_LINES_AFTER: Final = 8
_LAST_LINES: Final = 3
_MIN_REPEATS: Final = 20


def find_hidden_failures(folder: Path, cookie: str, lines: Sequence[str]) -> list[str]:
    """Return the signs of failure in an attempt that exited with 0, as sentences.

    Args:
        folder: the attempt's folder.
        cookie: the attempt's cookie, which its exit record has.
        lines: the end of its log.
    """
    log_lines = split_lines(lines)
    texts = [line.text.rstrip() for line in log_lines]
    crash = _find_crash(log_lines)
    killed_jobs = [] if crash else [line for line in texts if _KILLED_JOB.search(line)][-1:]
    return [
        *crash,
        *(f"A background process was killed: {line[:200]}." for line in killed_jobs),
        *_find_killed_processes(folder, cookie),
        *_find_repetition(texts),
    ]


def _find_crash(lines: Sequence[Line]) -> list[str]:
    """Return the crash that the log ends with, which the last program of a pipeline hides."""
    crash = _find_last_exception(lines) or _find_last_crash([line.text.rstrip() for line in lines])
    if not crash:
        return []
    return [
        f"The program exited with 0, but its log ends with a crash: {crash[:200]}. In a pipeline such as "
        "`train | tee log`, only the last program's exit counts: start it with bash -o pipefail."
    ]


def _find_last_exception(lines: Sequence[Line]) -> str:
    """Return the exception of the last traceback if nothing but a summary follows it, otherwise ""."""
    exception = find_last_exception(lines)
    if exception is None:
        return ""
    after = [line.text for line in lines if line.number > exception.number]
    return exception.text.strip() if _is_epilogue(after) else ""


def _find_last_crash(lines: Sequence[str]) -> str:
    """Return the message of a crash that is among the last lines, or only before a summary, or ""."""
    for i in range(len(lines) - 1, -1, -1):
        if _CRASH.search(lines[i]) or _REFUSAL.search(lines[i]):
            return lines[i].strip() if _is_epilogue(lines[i + 1 :], _LAST_LINES) else ""
    return ""


def _is_epilogue(lines: Sequence[str], most: int = _MAX_LINES_AFTER) -> bool:
    """Return whether the lines after a crash are the rest of its message or a summary, and no success."""
    others = [line for line in lines if not _EPILOGUE.search(line)]
    return len(others) <= most and not any(_SUCCESS.search(line) for line in lines)


def _find_killed_processes(folder: Path, cookie: str) -> list[str]:
    record = find_exit(folder, cookie)
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
