"""Find what ended a program from the end of its log: its launcher's summary, or its last exception.

Earlier lines are hints: a program may have retried a download, or recovered from a full GPU. Lines of several
ranks and processes are separated by their prefixes first.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from app.monitor.sanitize import clean_line
from app.plan.causes import CAUSES, Cause
from app.session.gate.log_causes import CONSEQUENCES, find_cause
from app.session.gate.log_lines import TRACEBACK, Line, split_lines

_LONGEST_QUOTE: Final = 160
_MAX_HINTS: Final = 2
_MAX_MESSAGE_LINES: Final = 12
_SUMMARY_LINES: Final = 12
_RECOVERY_LINES: Final = 3
"""Number of later steps that show a recovery. A progress bar is drawn once more after an exception."""

_CERTAIN: Final = frozenset(CAUSES) - CONSEQUENCES
# A progress bar may precede it on the same line. A launcher's summary names it as well.
_TRACEBACK: Final = re.compile(rf"(?<!traceback : ){re.escape(TRACEBACK)}:?\W*$")
_EXCEPTION: Final = re.compile(
    r"(?:\w+\.)*\w*(?:Error|Exception|Exit|Interrupt|Failure)\b(?::|$)|(?:\w+\.)+\w+: "
)
_FRAME_CHARACTERS: Final = " \t|^~│╭╰├└╮❱"
# The traceback after such a line did not end the program.
_ASIDE: Final = re.compile(
    r"^(?:Exception ignored (?:in|from)|(?:Error|Exception) in (?:atexit|thread)|--- Logging error)"
)
_CHAIN: Final = re.compile(
    r"^(?:During handling of the above exception|The above exception was the direct cause)"
)
_NEXT_RECORD: Final = re.compile(
    r"\[?(?:\d{4}-\d\d-\d\d|\d\d:\d\d:\d\d|INFO|WARN|ERROR|DEBUG|[EWI]\d{4} )|[a-z]+: |[=*#-]{8}"
)
# Exceptions by which a parent only reports that its child has failed.
_INDIRECT: Final = re.compile(
    r"ChildFailedError|CalledProcessError|SpawnException|Process(?:Exited|Raised)Exception|EngineDeadError"
    r"|Engine core initialization failed|EngineCore \w+|See root cause above|ActorDiedError"
    r"|WorkerCrashedError|Worker(?:Proc)? \w*failed|exited unexpectedly|returned non-zero exit status"
    r"|unhandled (?:system|cuda) error|BrokenProcessPool|SystemExit|Background loop has errored"
)
_ROOT_CAUSE: Final = re.compile(r"Root Cause \(first observed failure\)")
_EXIT_CODES: Final = (
    re.compile(r"\bexitcode\s*: (-?\d+)"),
    re.compile(r"failed \(exitcode: (-?\d+)\)"),
    re.compile(r"died with <Signals\.SIG\w+: (\d+)>"),
    re.compile(r"exits with return code = (-?\d+)"),
)
_ROOT_RANK: Final = re.compile(r"^\s*rank\s*: (\d+)")
_SIGNALS: Final[dict[int, Cause]] = {9: "host_oom", 7: "shm"}
_ABORTED: Final = 6
_STEP: Final = re.compile(
    r"\b(?:step|iter(?:ation)?|epoch)s?['\"]?[ :=#\[]*\d+|\bloss['\"]?[ :=]+['\"]?\d|\d+%\|.*\|\s*\d+/\d+",
    re.IGNORECASE,
)
_ERROR_WORDS: Final = re.compile(r"error|exception|fail|out of memory|\bnan\b", re.IGNORECASE)


class LogFinding(NamedTuple):
    """The end of a program, according to its log.

    Attributes:
        cause: the cause, or None if it is not known.
        evidence: the line that names the cause, or else the last exception.
        hints: earlier lines that may be related.
        signal: the signal that ended a process, according to its launcher, if it is the cause.
    """

    cause: Cause | None
    evidence: str = ""
    hints: tuple[str, ...] = ()
    signal: int = 0


class _Failure(NamedTuple):
    """A traceback: the messages of its exceptions, that of the last exception first."""

    stream: str
    messages: tuple[tuple[Line, ...], ...]
    is_aside: bool = False

    @property
    def number(self) -> int:
        return self.messages[0][0].number

    @property
    def headline(self) -> str:
        return self.messages[0][0].text

    def find_cause(self) -> tuple[Cause, str] | None:
        """Return the cause that the exceptions name, and the line; a consequence only if a first line does.

        The lines after the first may be those of a logger, which reports what it retries.
        """
        text = "\n".join(line.text for message in self.messages for line in message)
        firsts = "\n".join(message[0].text for message in self.messages)
        if named_cause := find_cause(text, only=_CERTAIN):
            return named_cause[0], _quote(text, named_cause[1])
        if named_cause := find_cause(firsts):
            return named_cause[0], _quote(firsts, named_cause[1])
        return None


def explain_end(raw_lines: Sequence[str]) -> LogFinding:
    """Return what ended a program, by the last lines of its log."""
    lines = split_lines(raw_lines)
    code, summary = _read_summary(lines)
    if cause := _SIGNALS.get(code):
        return LogFinding(cause, summary, _find_hints(lines, cause), code)
    recovered = _find_recovery(lines)
    failures = _find_lasting_failures(lines, recovered)
    failures = [failure for failure in failures if not failure.is_aside] or failures
    direct = [failure for failure in failures if not _INDIRECT.search(failure.headline)]
    if code == _ABORTED and (finding := _explain_lines(lines, recovered)):
        return finding
    chosen = _choose_failures(lines, direct, was_launched=code != 0 or len(direct) < len(failures))
    if chosen:
        return _explain_failures(lines, chosen)
    return _explain_lines(lines, recovered) or LogFinding(
        None, _quote(failures[-1].headline, 0) if failures else "", _find_hints(lines, None)
    )


def find_last_exception(lines: Sequence[Line]) -> Line | None:
    """Return the first line of the exception that a log ends with, or None if the program has recovered."""
    recovered = _find_recovery(lines)
    failures = [failure for failure in _find_lasting_failures(lines, recovered) if not failure.is_aside]
    direct = [failure for failure in failures if not _INDIRECT.search(failure.headline)]
    return (direct or failures)[-1].messages[0][0] if failures else None


def _find_lasting_failures(lines: Sequence[Line], recovered: int) -> list[_Failure]:
    """Return the failures since a recovery, and that of the rank that a launcher saw fail first.

    The steps after that one are of other ranks, whose output comes late.
    """
    root = f"rank {_find_root_rank(lines)}"
    return [
        failure for failure in _find_failures(lines) if failure.number > recovered or failure.stream == root
    ]


def _find_recovery(lines: Sequence[Line]) -> int:
    """Return the number of the line up to which failures are over, by the steps after them, or -1."""
    steps = [line.number for line in lines if _STEP.search(line.text) and not _ERROR_WORDS.search(line.text)]
    return steps[-_RECOVERY_LINES] if len(steps) >= _RECOVERY_LINES else -1


def _read_summary(lines: Sequence[Line]) -> tuple[int, str]:
    """Return the exit code or signal of the process that a launcher saw fail first, and the line; or 0."""
    status = 0, ""
    for index, line in enumerate(lines):
        is_root = _ROOT_CAUSE.search(line.text) is not None
        for each in lines[index : index + _SUMMARY_LINES] if is_root else [line]:
            patterns = _EXIT_CODES if is_root else _EXIT_CODES[1:]
            match = next((match for pattern in patterns if (match := pattern.search(each.text))), None)
            if match and (is_root or not status[0]):
                status = abs(int(match[1])), _quote(each.text, match.start())
                if is_root:
                    return status
    return status


def _find_failures(lines: Sequence[Line]) -> list[_Failure]:
    """Return the tracebacks of all streams, in the order of their ends."""
    streams: dict[str, list[Line]] = {}
    for line in lines:
        streams.setdefault(line.stream, []).append(line)
    failures = [failure for stream in streams.values() for failure in _find_in_stream(stream)]
    return sorted(failures, key=lambda failure: failure.number)


def _find_in_stream(lines: Sequence[Line]) -> Iterator[_Failure]:
    messages: list[tuple[Line, ...]] = []
    index = 0
    while index < len(lines):
        if not _TRACEBACK.search(lines[index].text):
            if _CHAIN.search(lines[index].text) and not messages:
                messages = _find_message_before(lines[:index])
            index += 1
            continue
        is_aside = index > 0 and _ASIDE.search(lines[index - 1].text) is not None
        start = index = _skip_frames(lines, index + 1)
        length = 0
        while index < len(lines) and length < _MAX_MESSAGE_LINES:
            text = lines[index].text
            length += text[:1] not in _FRAME_CHARACTERS
            if _TRACEBACK.search(text) or _CHAIN.search(text) or (index > start and _NEXT_RECORD.match(text)):
                break
            index += 1
        if index > start:
            messages.insert(0, tuple(lines[start:index]))
            if index == len(lines) or not _CHAIN.search(lines[index].text):
                yield _Failure(lines[0].stream, tuple(messages), is_aside)
                messages = []


def _find_message_before(lines: Sequence[Line]) -> list[tuple[Line, ...]]:
    """Return the message that ends some lines: the first exception of a chain may have no traceback."""
    for start in range(len(lines) - 1, max(-1, len(lines) - _MAX_MESSAGE_LINES), -1):
        if _EXCEPTION.match(lines[start].text):
            return [tuple(lines[start:])]
    return []


def _skip_frames(lines: Sequence[Line], index: int) -> int:
    while index < len(lines) and lines[index].text[:1] in _FRAME_CHARACTERS:
        index += 1
    return index


def _choose_failures(
    lines: Sequence[Line], failures: Sequence[_Failure], *, was_launched: bool
) -> list[_Failure]:
    """Return the failures that can have ended the program: of one process the last, of ranks one of each."""
    last_of_each = list({failure.stream: failure for failure in failures}.values())
    of_root = [failure for failure in last_of_each if failure.stream == f"rank {_find_root_rank(lines)}"]
    # The rank that ended first may only have lost its connection to the one that failed.
    if of_root and not _is_consequence(of_root[-1]):
        return of_root
    if was_launched and len(last_of_each) == 1:
        return list(failures)  # All ranks may write without a prefix.
    return last_of_each


def _is_consequence(failure: _Failure) -> bool:
    named_cause = failure.find_cause()
    return named_cause is not None and named_cause[0] in CONSEQUENCES


def _find_root_rank(lines: Sequence[Line]) -> str:
    """Return the rank that a launcher saw fail first, or ""."""
    for index, line in enumerate(lines):
        if _ROOT_CAUSE.search(line.text):
            ranks = (_ROOT_RANK.search(each.text) for each in lines[index : index + _SUMMARY_LINES])
            return next((match[1] for match in ranks if match), "")
    return ""


def _explain_failures(lines: Sequence[Line], failures: Sequence[_Failure]) -> LogFinding:
    """Return the cause that failures name. One without a known cause explains the consequences elsewhere."""
    causes = [named_cause for failure in failures if (named_cause := failure.find_cause())]
    unknown = next((failure for failure in failures if failure.find_cause() is None), None)
    certain = [named_cause for named_cause in causes if named_cause[0] in _CERTAIN]
    first = min(failure.number for failure in failures)
    earlier = [line for line in lines if line.number < first]
    if certain or unknown is None:
        cause, evidence = (certain or causes)[0]
        return LogFinding(cause, evidence, _find_hints(earlier, cause))
    return LogFinding(None, _quote(unknown.headline.strip(), 0), _find_hints(earlier, None))


def _explain_lines(lines: Sequence[Line], recovered: int) -> LogFinding | None:
    """Return the cause of the most weight that the lines since the last recovery name."""
    final = [line for line in lines if line.number > recovered]
    text = "\n".join(line.text for line in reversed(final))
    named_cause = find_cause(text)
    if named_cause is None:
        return None
    earlier = [line for line in lines if line.number <= recovered]
    return LogFinding(named_cause[0], _quote(text, named_cause[1]), _find_hints(earlier, named_cause[0]))


def _find_hints(lines: Sequence[Line], cause: Cause | None) -> tuple[str, ...]:
    """Return lines that name other causes, the last line of each."""
    hints: dict[Cause, str] = {}
    for line in lines:
        if (named_cause := find_cause(line.text)) and named_cause[0] != cause:
            hints.pop(named_cause[0], None)
            hints[named_cause[0]] = _quote(line.text, named_cause[1])
    return tuple(hints.values())[-_MAX_HINTS:]


def _quote(text: str, position: int) -> str:
    """Return the line at a position of a text; a long line is cut around it, which dots show."""
    start = text.rfind("\n", 0, position) + 1
    line = text[start:].partition("\n")[0]
    column = position - start
    first = 0 if column <= _LONGEST_QUOTE // 2 else column - _LONGEST_QUOTE // 4
    last = first + _LONGEST_QUOTE
    part = clean_line(line[first:last]).strip()
    return f"{'... ' if first else ''}{part}{' ...' if len(line) > last else ''}"
