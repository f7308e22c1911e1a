"""The text report of a verification, with the calibration next to the signals."""

from collections.abc import Sequence

import msgspec

from phases.scoring.stats import estimate_rate
from phases.verification import signals
from phases.verification.calibration import CalibrationCase, count_errors, load_calibration
from phases.verification.measurement import Evidence
from phases.verification.positions import Position
from phases.verification.signals import Conclusion, Signals, Thresholds


def format_report(name: str, conclusion: Conclusion, reasons: Sequence[str], evidence: Evidence) -> str:
    """Return the report of a verification."""
    cases = load_calibration()
    lines = [
        f"Verification of {name}: {conclusion.upper()}",
        *(f"  - {reason}" for reason in reasons),
        "",
        *_format_signals(evidence.signals, cases),
        "",
        *_format_thresholds(),
        "",
        *format_error_rates(cases),
        "",
        f"Chat tokens in the vocabulary: {evidence.chat_tokens or 'none'}",
        f"Tokens that end a text: {evidence.end_tokens}",
        "",
        *_format_positions(evidence.positions),
        "",
        "Sentinels: instructions in bare text, in gonogo's format and where stop_excess is highest",
    ]
    for row in evidence.completions:
        lines += [
            f"  [{'followed' if row['passed'] else 'not followed'}{', ended' if row['ended'] else ''}] "
            f"{row['frame']}, {row['kind']}: {row['prompt']!r}",
            f"      ids {row['prompt_ids']}",
            f"      -> {row['completion']!r}",
        ]
    lines += ["", "Patterns, which a base model completes"]
    lines += [
        f"  [{'right' if row['passed'] else 'wrong'}] {row['prompt']!r} -> {row['completion']!r}"
        for row in evidence.patterns
    ]
    return "\n".join(lines) + "\n"


def _format_signals(measured: Signals, cases: Sequence[CalibrationCase]) -> list[str]:
    lines = ["Signals, and their ranges in the calibration (seen: base models that have seen chats)"]
    for name, value in msgspec.to_builtins(measured).items():
        ranges = []
        for kind in ("base", "seen", "tuned"):
            values = [getattr(case.signals, name) for case in cases if case.kind == kind]
            numbers = [number for number in values if isinstance(number, float)]
            if numbers:
                ranges.append(f"{kind} {min(numbers):.3f}..{max(numbers):.3f}")
        text = f"{value:.4f}" if isinstance(value, float) else str(value)
        lines.append(f"  {name:20} {text:>10}   {'   '.join(ranges)}".rstrip())
    return lines


def _format_thresholds() -> list[str]:
    thresholds: dict[str, Thresholds] = {
        "chat_leak": signals.CHAT_LEAK,
        "stop_excess": signals.STOP_EXCESS,
    }
    return [
        "Thresholds: from the first a signal is weak evidence of tuning, from the second strong evidence",
        *(f"  {name:20} {limits.weak:>10}   {limits.strong}" for name, limits in thresholds.items()),
        f"  {'ended_rate':20} {signals.ENDED_RATE:>10}   confirms a strong stop_excess",
        f"  {'success_rate':20} {signals.SUCCESS_RATE:>10}   weak evidence only",
        f"  {'identity_preference':20} {signals.IDENTITY_PREFERENCE:>10}   weak evidence only",
        f"  {'completion_rate':20} {signals.MIN_COMPLETION_RATE:>10}   nothing can be concluded below it",
        f"  {'frame_stop':20} {signals.FRAME_STOP:>10}   the model has seen chats",
    ]


def format_error_rates(cases: Sequence[CalibrationCase]) -> list[str]:
    """Return how often the conclusion is wrong on families that the thresholds were not fitted to."""
    lines = [
        f"Error rates on the {len(cases)} models of the calibration, each family (base model) judged by the",
        "thresholds of the other families; models of one family are alike, so the intervals are too narrow",
        "  models                  number   wrong                      inconclusive",
    ]
    for count in count_errors(cases):
        rate = estimate_rate(count.wrong, count.total)
        wrong = f"{count.wrong:>3} [{rate.low:.0%}, {rate.high:.0%}]"
        lines.append(f"  {count.label:22} {count.total:>7}   {wrong:24} {count.inconclusive:>5}")
    families = dict.fromkeys(case.family for case in cases)
    return [
        *lines,
        "  wrong: a tuned model called clean, or a base model or one that has seen chats called contaminated",
        f"  families: {', '.join(families)}",
    ]


def _format_positions(positions: Sequence[Position]) -> list[str]:
    lines = ["Probabilities by place      texts   chat token: mean, largest   end: mean, largest"]
    for place in dict.fromkeys(position.place for position in positions):
        rows = [position for position in positions if position.place == place]
        chat = _format_mean_and_largest([row.chat for row in rows])
        stop = _format_mean_and_largest([row.stop for row in rows])
        lines.append(f"  {place:25} {len(rows):>5}   {chat}        {stop}")
    return lines


def _format_mean_and_largest(values: Sequence[float]) -> str:
    return f"{sum(values) / len(values):.6f}, {max(values):.6f}"
