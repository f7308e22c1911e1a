"""Diagnose an attempt from its exit, the end of its log, the machine's samples and its metrics.

A line in the log is evidence and not proof, so the diagnosis quotes it and the operator decides.
"""

import signal
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

import msgspec

from app.monitor.finiteness import NotFinite, find_not_finite_series, is_loss_or_gradient
from app.monitor.machine_sample import MachineSample
from app.monitor.progress import read_progress
from app.monitor.tails import LogTail, Mask, mask_nothing
from app.plan.causes import Cause
from app.plan.schema import Parameters, Phase
from app.session.attempt.exit_record import find_exit
from app.session.gate.log_end import explain_end
from app.session.journal.events import AttemptEnded, Parameter
from app.session.journal.state import PhaseRecord
from app.units import format_gib
from phases.contract.files import open_regular_file
from phases.contract.protocol import Sample, Value

_LOG_LINES = 3000  # Eight ranks write long tracebacks.
_SIGNAL_EXIT_CODES = 128
_NEARLY_FULL_SHARE = 0.9
_LAST_SAMPLE_BYTES = 64 << 10
_MIN_SAMPLES = 4
_MIN_REPETITIVE_BYTES = 120
_REPETITIVE_RATIO = 0.2
# Both are of the same rows; the training loss also depends on which rows a step has.
_HELDOUT_LOSSES = ("heldout_loss_first", "heldout_loss_final")
_MAX_FINDINGS = 2
_NOT_OUTPUTS = ("instruction", "prompt", "fails", "note")


class Diagnosis(msgspec.Struct, frozen=True):
    """The cause of a problem, and the evidence for it.

    Attributes:
        cause: the cause, or "" if only the last exception is known.
        evidence: what shows the cause.
        hints: earlier lines of the log that may be related.
    """

    cause: Cause | Literal[""]
    evidence: str = ""
    hints: tuple[str, ...] = ()


def diagnose_failure(
    end: AttemptEnded,
    folder: Path,
    not_finite: Sequence[NotFinite] = (),
    *,
    cookie: str,
    is_slow: bool,
    is_disk_full: bool,
    mask: Mask = mask_nothing,
) -> Diagnosis | None:
    """Return why an attempt failed or had to be stopped, or None if nothing is known.

    Args:
        end: how the attempt ended.
        folder: the attempt's folder, with its log and the machine's samples.
        not_finite: the metrics in its log that were not finite.
        cookie: of the attempt.
        is_slow: its pace was far below the plan's estimate.
        is_disk_full: it was stopped before it could fill the disk.
        mask: masks secrets in the log, before a quotation of it is cut.
    """
    if end.reason in ("stalled", "stopped", "deadline"):
        return _diagnose_stop(end, is_slow=is_slow, is_disk_full=is_disk_full)
    finding = explain_end(read_end_of_log(folder, mask))
    if finding.cause is not None:
        diagnosis = Diagnosis(finding.cause, f"the log says: {finding.evidence}", finding.hints)
        return _check_kill(diagnosis, folder, cookie) if finding.signal == signal.SIGKILL else diagnosis
    exception = f"the last exception in its log is {finding.evidence}" if finding.evidence else ""
    hints = (exception, *finding.hints) if exception else finding.hints
    if _is_killed_by(end, signal.SIGKILL):
        return _check_kill(Diagnosis("host_oom", "it was killed by SIGKILL", hints), folder, cookie)
    if _is_killed_by(end, signal.SIGBUS):
        return Diagnosis("shm", "it was killed by SIGBUS", hints)
    reported = find_not_finite_series(read_progress(folder / "progress.jsonl").series)
    lasting = [each for each in (*not_finite, *reported) if not each.has_recovered]
    if lasting:
        return Diagnosis("nan", lasting[0].describe(), hints)
    return Diagnosis("", exception, finding.hints) if hints else None


def _is_killed_by(end: AttemptEnded, number: signal.Signals) -> bool:
    return end.signal == number or end.code == _SIGNAL_EXIT_CODES + number


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
    worthless: dict[str, NotFinite] = {}
    for finding in (*not_finite, *find_not_finite_series(reported.series)):
        if finding.is_cause:
            worthless.setdefault(finding.name, finding)  # A log and a report may have the same values.
    if worthless:
        findings = list(worthless.values())[:_MAX_FINDINGS]
        return Diagnosis("nan", "; ".join(finding.describe() for finding in findings))
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
        has_examples = "following_rate_few_shot" in base
        reference = "following_rate_few_shot" if has_examples else rate
        if _as_number(metrics[f"{rate}_low"]) <= _as_number(base[reference]):
            return Diagnosis(
                "no_gain",
                f"{rate.replace('_', ' ')} {metrics[rate]:.1%} with a 95 % interval from "
                f"{metrics[f'{rate}_low']:.1%}; the base model has {base[reference]:.1%}"
                f"{' after solved examples' if has_examples else ''}",
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


def read_end_of_log(folder: Path, mask: Mask = mask_nothing) -> list[str]:
    """Return the last lines of an attempt's log, with secrets masked."""
    log = LogTail(folder / "output.log", _LOG_LINES, mask=mask)
    while log.poll():
        pass
    return [*log.lines, log.partial]


def _check_kill(diagnosis: Diagnosis, folder: Path, cookie: str) -> Diagnosis:
    """Return whether lack of memory is why SIGKILL, which gonogo did not send, ended a process.

    Args:
        diagnosis: lack of memory, and the evidence of the signal.
        folder: the attempt's folder.
        cookie: of the attempt.
    """
    record = find_exit(folder, cookie)
    kills = record.host_oom_kills if record else None
    memory = _describe_full_memory(folder)
    cause: Cause | Literal[""] = diagnosis.cause
    if kills:
        processes = "a process" if kills == 1 else f"{kills} processes"
        killer = f"the kernel killed {processes} for lack of memory meanwhile"
    elif kills is None:
        killer = "gonogo did not kill it, so most likely the kernel did"
    elif memory:  # Programs such as systemd-oomd kill before the kernel does.
        killer = "neither gonogo nor the kernel killed it"
    else:
        cause = ""
        killer = (
            "gonogo did not kill it, and the kernel killed no process for lack of memory: another program or "
            "a person did"
        )
    return Diagnosis(cause, f"{memory}{diagnosis.evidence}; {killer}", diagnosis.hints)


def _describe_full_memory(folder: Path) -> str:
    """Return the host's memory in use if it was nearly full at the last sample, otherwise ""."""
    try:
        with open_regular_file(folder / "machine.jsonl") as file:
            file.seek(max(0, file.seek(0, 2) - _LAST_SAMPLE_BYTES))
            last = msgspec.json.decode(file.read().splitlines()[-1], type=MachineSample)
    except (OSError, IndexError, msgspec.MsgspecError):
        return ""
    if last.memory_used < _NEARLY_FULL_SHARE * last.memory_total:
        return ""
    return f"{format_gib(last.memory_used)} of {format_gib(last.memory_total)} GiB were in use; "


def _find_loss_pairs(metrics: Mapping[str, Value]) -> Iterator[tuple[str, str]]:
    """Yield the names of the first and the final losses: of held-out data if measured, else of training."""
    if all(_is_number(metrics.get(name)) for name in _HELDOUT_LOSSES):
        yield _HELDOUT_LOSSES
        return
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
