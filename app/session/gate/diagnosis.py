"""Diagnose an attempt from its exit, the end of its log, the machine's samples and its metrics.

A line in the log is evidence and not proof, so the diagnosis quotes it and the operator decides.
"""

import re
import signal
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from app.monitor.files import LogTail
from app.monitor.finiteness import NotFinite, find_not_finite_series, is_loss_or_gradient
from app.monitor.machine_sample import MachineSample
from app.monitor.progress import read_progress
from app.plan.causes import Cause
from app.plan.schema import Parameters, Phase
from app.session.journal.events import AttemptEnded, Parameter
from app.session.journal.state import PhaseRecord
from app.units import format_gib
from phases.contract.protocol import Sample, Value

_LOG_LINES = 200
_LONGEST_QUOTE = 240
_KILLED_EXIT_CODE = 128 + signal.SIGKILL
_NEARLY_FULL_SHARE = 0.9
_LAST_SAMPLE_BYTES = 64 << 10
_MIN_SAMPLES = 4
_MIN_REPETITIVE_BYTES = 120
_REPETITIVE_RATIO = 0.2
_MAX_FINDINGS = 2
_NOT_OUTPUTS = ("instruction", "prompt", "fails")

# The first match wins: a process that runs out of memory may also lose connections afterwards.
_LOG_PATTERNS: tuple[tuple[Cause, re.Pattern[str]], ...] = (
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


class Diagnosis(msgspec.Struct, frozen=True):
    """The cause of a problem, and the evidence for it."""

    cause: Cause
    evidence: str = ""


def diagnose_failure(
    end: AttemptEnded, folder: Path, *, is_slow: bool, is_disk_full: bool
) -> Diagnosis | None:
    """Return why an attempt failed or had to be stopped, or None if the cause is unknown.

    Args:
        end: how the attempt ended.
        folder: the attempt's folder, with its log and the machine's samples.
        is_slow: its pace was far below the plan's estimate.
        is_disk_full: it was stopped before it could fill the disk.
    """
    if end.reason in ("stalled", "stopped", "deadline"):
        return _diagnose_stop(end, is_slow=is_slow, is_disk_full=is_disk_full)
    if diagnosis := _search_log(_read_end_of_log(folder)):
        return diagnosis
    if end.signal == signal.SIGKILL or end.code == _KILLED_EXIT_CODE:
        memory = _describe_full_memory(folder)
        return Diagnosis("host_oom", f"{memory}gonogo did not send SIGKILL, so most likely the kernel did")
    if _is_last_loss_nan(folder):
        return Diagnosis("nan", "the last loss that the phase reported")
    return None


def _diagnose_stop(end: AttemptEnded, *, is_slow: bool, is_disk_full: bool) -> Diagnosis | None:
    if end.reason == "stalled":
        return Diagnosis("stall")
    if is_disk_full:
        return Diagnosis("disk")
    return Diagnosis("slow") if is_slow else None


def diagnose_result(
    metrics: Mapping[str, Value],
    earlier: Mapping[str, Mapping[str, Value]],
    folder: Path,
    not_finite: Sequence[NotFinite],
    *,
    is_slow: bool,
) -> Diagnosis | None:
    """Return what is wrong with the result of an attempt that exited normally, or None.

    Args:
        metrics: the attempt's metrics.
        earlier: the metrics of the other phases, by phase, in their order.
        folder: the attempt's folder.
        not_finite: the metrics of its result and log that were not finite.
        is_slow: it took far longer than the plan's estimate.
    """
    reported = read_progress(folder / "progress.jsonl")
    worthless = [
        finding for finding in (*not_finite, *find_not_finite_series(reported.series)) if finding.is_cause
    ]
    if worthless:
        return Diagnosis("nan", "; ".join(finding.describe() for finding in worthless[:_MAX_FINDINGS]))
    missing = [name for name, value in metrics.items() if value is None and is_loss_or_gradient(name)]
    if missing:
        return Diagnosis("nan", f"no value of {', '.join(missing[:_MAX_FINDINGS])}")
    for first, final in _find_loss_pairs(metrics):
        if _as_number(metrics[final]) >= _as_number(metrics[first]):
            return Diagnosis("loss", f"{final} {metrics[final]:.4g}, {first} {metrics[first]:.4g}")
    base = next((other for other in earlier.values() if _are_comparable(metrics, other)), None)
    # A base model may ramble; only a trained model's samples are a finding.
    rate = "following_rate" if "following_rate" in metrics else "success_rate"
    if base is not None or rate not in metrics:
        samples = reported.samples
        degenerate = sum(map(_is_degenerate, samples))
        if len(samples) >= _MIN_SAMPLES and degenerate * 2 > len(samples):
            return Diagnosis("degenerate", f"{degenerate} of {len(samples)} samples")
    if base is not None:
        # Solved examples show what the base model can do without training.
        reference = "following_rate_few_shot" if "following_rate_few_shot" in base else rate
        if _as_number(metrics[f"{rate}_low"]) <= _as_number(base[reference]):
            return Diagnosis(
                "no_gain",
                f"{rate} {metrics[rate]:.3f} with a 95 % interval from {metrics[f'{rate}_low']:.3f}; "
                f"the base model has {reference} {base[reference]:.3f}",
            )
    return Diagnosis("slow") if is_slow else None


def find_remedies(phase: Phase, record: PhaseRecord, cause: str) -> dict[str, tuple[Parameters, ...]]:
    """Return the plan's untried remedies by cause, those for this cause first, each in the plan's order."""
    tried = [attempt.spec.parameters for attempt in record.attempts]
    remedies: dict[str, tuple[Parameters, ...]] = {}
    for name in sorted(phase.remedies, key=lambda name: name != cause):
        untried = tuple(
            remedy
            for remedy in phase.remedies[name]
            if not any(_contains(parameters, remedy) for parameters in tried)
        )
        if untried:
            remedies[name] = untried
    return remedies


def _contains(parameters: Mapping[str, Parameter], remedy: Parameters) -> bool:
    return all(parameters.get(name) == value for name, value in remedy.items())


def _read_end_of_log(folder: Path) -> list[str]:
    log = LogTail(folder / "output.log", _LOG_LINES)
    while log.poll():
        pass
    return [*log.lines, log.partial]


def _search_log(lines: Sequence[str]) -> Diagnosis | None:
    for cause, pattern in _LOG_PATTERNS:
        for line in reversed(lines):
            if match := pattern.search(line):
                start = max(0, match.start() - _LONGEST_QUOTE // 2)
                return Diagnosis(cause, f"the log says: {line[start : start + _LONGEST_QUOTE].strip()}")
    return None


def _describe_full_memory(folder: Path) -> str:
    """Return the host's memory in use if it was nearly full at the last sample, otherwise ""."""
    try:
        with (folder / "machine.jsonl").open("rb") as file:
            file.seek(max(0, file.seek(0, 2) - _LAST_SAMPLE_BYTES))
            last = msgspec.json.decode(file.read().splitlines()[-1], type=MachineSample)
    except (OSError, IndexError, msgspec.MsgspecError):
        return ""
    if last.memory_used < _NEARLY_FULL_SHARE * last.memory_total:
        return ""
    return f"{format_gib(last.memory_used)} of {format_gib(last.memory_total)} GiB were in use; "


def _is_last_loss_nan(folder: Path) -> bool:
    series = read_progress(folder / "progress.jsonl").series
    return any(values.series().last is None for name, values in series.items() if name.endswith("loss"))


def _find_loss_pairs(metrics: Mapping[str, Value]) -> Iterator[tuple[str, str]]:
    """Yield the names of the first and the final training losses."""
    for first in metrics:
        name = first.removeprefix("first_")
        if name == first or not name.endswith("loss") or "eval" in name:
            continue
        final = f"final_{name}" if f"final_{name}" in metrics else name
        if final in metrics and _is_number(metrics[first]) and _is_number(metrics[final]):
            yield first, final


def _are_comparable(metrics: Mapping[str, Value], other: Mapping[str, Value]) -> bool:
    """Return whether both have a rate of the same name on the same number of prompts."""
    rate = "following_rate" if "following_rate" in metrics else "success_rate"
    names = (rate, f"{rate}_low", "prompts")
    has_numbers = all(_is_number(values.get(name)) for values in (metrics, other) for name in names)
    return has_numbers and metrics["prompts"] == other["prompts"]


def _is_number(value: Value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _as_number(value: Value) -> float:
    assert isinstance(value, int | float)
    return value


def _is_degenerate(sample: Sample) -> bool:
    """Return whether a sample's outputs are empty, or its longest output is repetitive."""
    outputs = [text.strip() for name, text in sample.texts.items() if name.lower() not in _NOT_OUTPUTS]
    longest = max(outputs, key=len, default="").encode()
    if not longest:
        return bool(outputs)
    is_repetitive = len(zlib.compress(longest)) < _REPETITIVE_RATIO * len(longest)
    return len(longest) >= _MIN_REPETITIVE_BYTES and is_repetitive
