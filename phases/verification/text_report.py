"""The text report of a verification, with the calibration next to the signals."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from phases.scoring.stats import estimate_rate
from phases.verification import signals
from phases.verification.measurement import Evidence
from phases.verification.signals import Conclusion, Signals, Thresholds, draw_conclusion

CALIBRATION: Final = Path(__file__).with_name("calibration.json")
"""Signals of known base and tuned models, between which the thresholds lie."""


class CalibrationCase(msgspec.Struct, frozen=True):
    """The signals of a known model: `base`, `seen` (a base model that has seen chats) or `tuned`."""

    name: str
    kind: str
    signals: Signals


class Calibration(msgspec.Struct, frozen=True):
    """The content of `calibration.json`."""

    cases: list[CalibrationCase]


def format_report(name: str, conclusion: Conclusion, reasons: Sequence[str], evidence: Evidence) -> str:
    """Return the report of a verification."""
    cases = msgspec.json.decode(CALIBRATION.read_bytes(), type=Calibration).cases
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
        "Sentinels: bare instructions, which a base model does not follow",
    ]
    for row in evidence.completions:
        lines += [
            f"  [{'followed' if row['passed'] else 'not followed'}] {row['kind']}: {row['prompt']!r}",
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
        "success_rate": signals.SUCCESS_RATE,
        "chat_leak": signals.CHAT_LEAK,
        "stop_excess": signals.STOP_EXCESS,
    }
    return [
        "Thresholds: from the first a signal is weak evidence of tuning, from the second strong evidence",
        *(f"  {name:20} {limits.weak:>10}   {limits.strong}" for name, limits in thresholds.items()),
        f"  {'identity_preference':20} {signals.IDENTITY_PREFERENCE:>10}   weak evidence only",
        f"  {'completion_rate':20} {signals.MIN_COMPLETION_RATE:>10}   nothing can be concluded below it",
        f"  {'frame_stop':20} {signals.FRAME_STOP:>10}   the model has seen chats",
    ]


def format_error_rates(cases: Sequence[CalibrationCase]) -> list[str]:
    """Return how often the rules are wrong on the calibration, with Wilson intervals."""
    conclusions: dict[str, list[Conclusion]] = {"base": [], "tuned": []}
    for case in cases:
        conclusion, _ = draw_conclusion(case.signals)
        conclusions["tuned" if case.kind == "tuned" else "base"].append(conclusion)
    lines = [
        f"Error rates on the {len(cases)} cases of the calibration; the thresholds were set on most of them,",
        "and several are stages of one model: the rates may be higher on other models",
    ]
    mistakes: tuple[tuple[str, Conclusion], ...] = (("base", "contaminated"), ("tuned", "clean"))
    for kind, mistake in mistakes:
        drawn = conclusions[kind]
        rate = estimate_rate(drawn.count(mistake), len(drawn))
        lines.append(
            f"  {kind:5} called {mistake + ':':13} {rate.passed} of {rate.total} "
            f"[{rate.low:.0%}, {rate.high:.0%}]; inconclusive: {drawn.count('inconclusive')}"
        )
    names = ", ".join(f"{case.name} ({case.kind})" for case in cases)
    return [*lines, f"  cases: {names}"]


def _format_positions(positions: Sequence[Mapping[str, Any]]) -> list[str]:
    lines = ["Probabilities by place      texts   chat token: mean, largest   end: mean, largest"]
    for place in dict.fromkeys(position["place"] for position in positions):
        rows = [position for position in positions if position["place"] == place]
        chat = _format_mean_and_largest([row["chat_probability"] for row in rows])
        end = _format_mean_and_largest([row["end_probability"] for row in rows])
        lines.append(f"  {place:25} {len(rows):>5}   {chat}        {end}")
    return lines


def _format_mean_and_largest(values: Sequence[float]) -> str:
    return f"{sum(values) / len(values):.6f}, {max(values):.6f}"
