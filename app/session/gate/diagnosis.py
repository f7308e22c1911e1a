"""What went wrong with an attempt: told from its exit, the end of its log, the machine, and its numbers.

What the log says is evidence, not proof: the line is quoted, and the operator decides.
"""

import re
import signal
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from app.monitor.files import LogTail
from app.monitor.machine_sample import MachineSample
from app.monitor.progress import read_progress
from app.plan.causes import Cause
from app.plan.schema import Parameters, Phase
from app.session.journal.events import AttemptEnded, Parameter
from app.session.journal.state import PhaseRecord
from phases.contract.protocol import Sample, Value

_LINES = 200
_LONGEST_QUOTE = 240
_KILLED = 128 + signal.SIGKILL
_NEARLY_FULL = 0.9
_LAST_SAMPLE = 64 << 10
_FEWEST_SAMPLES = 4
_LONG_ENOUGH = 120
_COMPRESSES = 0.2
_NOT_OUTPUTS = ("instruction", "prompt", "fails")

# In the order in which they explain each other: who runs out of memory may lose connections after it.
_SAYS: tuple[tuple[Cause, re.Pattern[str]], ...] = (
    (
        "oom",
        re.compile(
            r"(?:CUDA|HIP|XPU|MPS)\b.{0,40}out of memory|\b(?:torch|cuda)\.OutOfMemoryError"
            r"|CU(?:BLAS|DNN|SPARSE|FFT)_STATUS_ALLOC_FAILED|No available memory for the cache blocks",
            re.IGNORECASE,
        ),
    ),
    (
        "host_oom",
        re.compile(
            r"DefaultCPUAllocator: (?:can't allocate|not enough) memory|^MemoryError\b|std::bad_alloc"
            r"|Cannot allocate memory|Unable to allocate .{1,40} for an array|\bOut of memory: Killed",
        ),
    ),
    ("disk", re.compile(r"No space left on device|Disk quota exceeded|\bENOSPC\b|\bErrno (?:28|122)\b")),
    (
        "nan",
        re.compile(
            r"\b(?:loss|grad_norm)\b['\"]?(?: is|\s*[:=])\s*['\"]?[-+]?(?:nan|inf(?:inity)?)\b"
            r"|\bloss has diverged|\bFound (?:nan|inf)",
            re.IGNORECASE,
        ),
    ),
    ("gated", re.compile(r"GatedRepoError|\bgated repo\b|RepositoryNotFoundError|\b40[13] Client Error")),
    (
        "network",
        re.compile(
            r"\bConnect(?:ion|Timeout)?Error\b|\b(?:Connect|Read)Timeout\b|Max retries exceeded"
            r"|name resolution|Name or service not known|Network is unreachable|Connection re(?:fused|set)"
            r"|LocalEntryNotFoundError|OfflineModeIsEnabled|SSLError|ProxyError"
            r"|couldn't connect to ['\"]?https?:",
            re.IGNORECASE,
        ),
    ),
)


class Finding(msgspec.Struct, frozen=True):
    """What went wrong, and what says so."""

    cause: Cause
    evidence: str = ""


def of_failure(end: AttemptEnded, folder: Path, *, slow: bool, disk: bool) -> Finding | None:
    """Return why an attempt failed or had to be stopped, as far as that can be told.

    Args:
        end: how it ended.
        folder: its folder, with its log and the machine's samples.
        slow: its pace was far below what was planned.
        disk: it was stopped before it could fill the disk.
    """
    if end.reason in ("stalled", "stopped", "deadline"):
        stopped_for: dict[Cause, bool] = {"stall": end.reason == "stalled", "disk": disk, "slow": slow}
        return next((Finding(cause) for cause, so in stopped_for.items() if so), None)
    if said := _said(_end_of_log(folder)):
        return said
    if end.signal == signal.SIGKILL or end.code == _KILLED:
        return Finding("host_oom", _memory(folder) + "nobody here sent SIGKILL: most likely the kernel did")
    if _last_loss_is_nan(folder):
        return Finding("nan", "the last loss that it reported")
    return None


def of_result(
    metrics: Mapping[str, Value],
    earlier: Mapping[str, Mapping[str, Value]],
    folder: Path,
    *,
    slow: bool,
) -> Finding | None:
    """Return what is wrong with what an attempt delivered that ended well by its exit, if anything is.

    Args:
        metrics: what it measured.
        earlier: what phases before it measured, in their order.
        folder: its folder.
        slow: it took far longer than was planned.
    """
    if _last_loss_is_nan(folder) or any(
        value is None for name, value in metrics.items() if name.endswith("loss")
    ):
        return Finding("nan")
    for first, final in _losses(metrics):
        if _number(metrics[final]) >= _number(metrics[first]):
            return Finding("loss", f"{final} {metrics[final]:.4g}, {first} {metrics[first]:.4g}")
    base = next((found for found in earlier.values() if _measured_alike(metrics, found)), None)
    samples = _samples(folder)
    # A base model that rambles is as it should be: only what was trained is looked at.
    if (base is not None or "success_rate" not in metrics) and _degenerate(samples):
        return Finding("degenerate", f"{sum(map(_is_degenerate, samples))} of {len(samples)} samples")
    if base is not None and _number(metrics["success_rate_low"]) <= _number(base["success_rate"]):
        return Finding(
            "no_gain",
            f"success_rate {metrics['success_rate']:.3f}, its 95 % interval from "
            f"{metrics['success_rate_low']:.3f} up; the base model's {base['success_rate']:.3f}",
        )
    return Finding("slow") if slow else None


def remedies(phase: Phase, record: PhaseRecord, cause: str) -> dict[str, tuple[Parameters, ...]]:
    """Return the plan's remedies that were not tried yet, those of the cause first, each in its order."""
    tried = [attempt.spec.parameters for attempt in record.attempts]

    def untried(steps: Sequence[Parameters]) -> tuple[Parameters, ...]:
        return tuple(step for step in steps if not any(_has(given, step) for given in tried))

    order = sorted(phase.remedies, key=lambda name: name != cause)
    left: dict[str, tuple[Parameters, ...]] = {name: untried(phase.remedies[name]) for name in order}
    return {name: steps for name, steps in left.items() if steps}


def _has(given: Mapping[str, Parameter], step: Parameters) -> bool:
    return all(given.get(name) == value for name, value in step.items())


def _end_of_log(folder: Path) -> list[str]:
    log = LogTail(folder / "output.log", _LINES)
    while log.poll():
        pass
    return [*log.lines, log.partial]


def _said(lines: Sequence[str]) -> Finding | None:
    """Return what the last lines of a log say."""
    for cause, pattern in _SAYS:
        for line in reversed(lines):
            if match := pattern.search(line):
                start = max(0, match.start() - _LONGEST_QUOTE // 2)
                return Finding(cause, f"the log says: {line[start : start + _LONGEST_QUOTE].strip()}")
    return None


def _memory(folder: Path) -> str:
    """Return in words that the host's memory was nearly full, or "" where it was not, or nobody knows."""
    try:
        with (folder / "machine.jsonl").open("rb") as file:
            file.seek(max(0, file.seek(0, 2) - _LAST_SAMPLE))
            last = msgspec.json.decode(file.read().splitlines()[-1], type=MachineSample)
    except (OSError, IndexError, msgspec.MsgspecError):
        return ""
    if last.memory_used < _NEARLY_FULL * last.memory_total:
        return ""
    return f"{last.memory_used / 2**30:.1f} of {last.memory_total / 2**30:.1f} GiB were in use; "


def _last_loss_is_nan(folder: Path) -> bool:
    series = read_progress(folder / "progress.jsonl").series
    return any(values.series().last is None for name, values in series.items() if name.endswith("loss"))


def _losses(metrics: Mapping[str, Value]) -> Iterator[tuple[str, str]]:
    """Yield the names of first and final training losses, as phases and the plan's `metrics` call them."""
    for first in metrics:
        rest = first.removeprefix("first_")
        if rest != first and rest.endswith("loss") and "eval" not in rest:
            final = next((name for name in (f"final_{rest}", rest) if name in metrics), None)
            if final is not None and all(_is_number(metrics[name]) for name in (first, final)):
                yield first, final


def _measured_alike(metrics: Mapping[str, Value], other: Mapping[str, Value]) -> bool:
    """Say whether both are success rates of the same prompts."""
    names = ("success_rate", "success_rate_low", "prompts")
    numbers = all(_is_number(found.get(name)) for found in (metrics, other) for name in names)
    return numbers and metrics["prompts"] == other["prompts"]


def _is_number(value: Value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _number(value: Value) -> float:
    assert isinstance(value, int | float)
    return value


def _samples(folder: Path) -> tuple[Sample, ...]:
    return tuple(read_progress(folder / "progress.jsonl").samples)


def _degenerate(samples: Sequence[Sample]) -> bool:
    return len(samples) >= _FEWEST_SAMPLES and sum(map(_is_degenerate, samples)) * 2 > len(samples)


def _is_degenerate(sample: Sample) -> bool:
    """Say whether the outputs of a sample are empty, or the longest says the same over and over."""
    outputs = [text.strip() for name, text in sample.texts.items() if name.lower() not in _NOT_OUTPUTS]
    longest = max(outputs, key=len, default="").encode()
    if not longest:
        return bool(outputs)
    return len(longest) >= _LONG_ENOUGH and len(zlib.compress(longest)) < _COMPRESSES * len(longest)
