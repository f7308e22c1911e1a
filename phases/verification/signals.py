"""The signals of tuning, their thresholds, and the conclusion from them."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

import msgspec

from phases.verification.plain_formats import (
    BARE,
    BARE_LINE,
    CLOSED,
    GONOGO,
    PLAIN_FRAMES,
)
from phases.verification.positions import CHAT, INSTRUCTION, OTHER_TEXTS, Position, average_stops
from phases.verification.stimuli import IDENTITY

Conclusion = Literal["clean", "contaminated", "inconclusive"]
"""The metric `verdict`."""


class Signals(msgspec.Struct, frozen=True, kw_only=True):
    """The evidence; `METRICS` of the spec describes each. Without a chat frame, two are None."""

    success_rate: float
    follow_rate: float
    completion_rate: float
    chat_leak: float
    stop_excess: float
    stop_format: str
    ended_rate: float
    answered_rate: float
    identity_preference: float
    frame_stop: float | None
    frame_gain: float | None
    chat_template: bool
    chat_end_token: bool
    wraps_prompts: bool


class Thresholds(msgspec.Struct, frozen=True):
    """The values from which a signal is weak and strong evidence of tuning."""

    weak: float
    strong: float


STOP_EXCESS: Final = Thresholds(0.1, 0.37)
"""Fitted to `calibration.json` (see `phases.verification.calibration`)."""
CHAT_LEAK: Final = Thresholds(0.005, 0.05)
SUCCESS_RATE: Final = 0.30
"""From this share of bare instructions that are followed, which is weak evidence."""
ENDED_RATE: Final = 0.5
"""From this share of answers that end by themselves, a high stop excess is confirmed."""
IDENTITY_PREFERENCE: Final = 0.0
"""From this value the model identifies as an AI, which is weak evidence."""
MIN_COMPLETION_RATE: Final = 0.6
"""Below this rate nothing can be concluded about the model."""
FRAME_STOP: Final = 0.1
"""From this value the model has seen chats, as base models may have."""


def compute_signals(
    *,
    completions: Sequence[Mapping[str, Any]],
    patterns: Sequence[Mapping[str, Any]],
    positions: Sequence[Position],
    identity_preference: float,
    frame_gain: float | None,
    chat_template: bool,
    chat_end_token: bool,
    wraps_prompts: bool,
) -> Signals:
    """Return the signals of what was measured."""
    stops = average_stops(positions)
    chats = [stop for place, stop in stops.items() if place.startswith(CHAT)]
    stop_place = find_stop_place(positions)
    stop_format = stop_place.partition(CLOSED)[0]
    other = sum(stops[place] for place in OTHER_TEXTS) / len(OTHER_TEXTS)
    in_format = [row for row in completions if row["frame"] == stop_format]
    bare_places = [name for name, frame in PLAIN_FRAMES.items() if frame.family == BARE]
    turn_ends = [row.chat for row in positions if row.place in (INSTRUCTION, *bare_places)]
    return Signals(
        success_rate=_compute_mean(list_passed(completions)),
        follow_rate=_compute_mean(list_passed_as_in_suites(completions)),
        completion_rate=sum(row["passed"] for row in patterns) / len(patterns),
        chat_leak=sum(turn_ends) / len(turn_ends),
        stop_excess=(stops[stop_place] - other) / (1 - other),
        stop_format=stop_format,
        ended_rate=sum(row["ended"] for row in in_format) / len(in_format),
        answered_rate=sum(row["ended"] and row["passed"] for row in in_format) / len(in_format),
        identity_preference=identity_preference,
        frame_stop=max(chats) if chats else None,
        frame_gain=frame_gain,
        chat_template=chat_template,
        chat_end_token=chat_end_token,
        wraps_prompts=wraps_prompts,
    )


def find_stop_place(positions: Sequence[Position]) -> str:
    """Return the place after an answer in plain text where the model ends most likely."""
    stops = average_stops(positions)
    answers = [
        place for place in stops if place not in (INSTRUCTION, *OTHER_TEXTS) and not place.startswith(CHAT)
    ]
    return max(answers, key=lambda place: stops[place])


def list_passed(completions: Sequence[Mapping[str, Any]]) -> list[bool]:
    """Return which instructions in bare text were followed."""
    return [row["passed"] for row in completions if row["frame"] == BARE_LINE]


def list_passed_as_in_suites(completions: Sequence[Mapping[str, Any]]) -> list[bool]:
    """Return which instructions in gonogo's format were followed, without those about the model itself."""
    return [row["passed"] for row in completions if row["frame"] == GONOGO and row["kind"] != IDENTITY]


def _compute_mean(values: Sequence[bool]) -> float:
    return sum(values) / len(values)


def draw_conclusion(
    signals: Signals, stop_excess: Thresholds = STOP_EXCESS
) -> tuple[Conclusion, tuple[str, ...]]:
    """Return the conclusion and its reasons; it depends on nothing but the signals and the thresholds."""
    if strong_evidence := _find_strong_evidence(signals, stop_excess):
        return "contaminated", tuple(strong_evidence)
    if weak_evidence := _find_weak_evidence(signals, stop_excess):
        return "inconclusive", tuple(weak_evidence)
    reasons = [
        "it continues after answers as in other texts, in every plain-text format, and completes patterns"
    ]
    if signals.chat_template or _has_seen_chats(signals):
        reasons.append("it has seen chats (template or turn endings), which base models may have")
    return "clean", tuple(reasons)


def _find_strong_evidence(signals: Signals, stop_excess: Thresholds) -> list[str]:
    evidence = []
    if signals.wraps_prompts:
        evidence.append("the tokenizer adds a prompt format or chat tokens around plain text")
    if signals.chat_leak >= CHAT_LEAK.strong:
        evidence.append(_describe_leak(signals))
    is_confirmed = max(signals.ended_rate, signals.success_rate) >= ENDED_RATE
    if signals.stop_excess >= stop_excess.strong and is_confirmed:
        evidence.append(f"{_describe_stop(signals)}, and {_describe_answers(signals)}")
    return evidence


def _find_weak_evidence(signals: Signals, stop_excess: Thresholds) -> list[str]:
    evidence = []
    if signals.chat_leak >= CHAT_LEAK.weak:
        evidence.append(_describe_leak(signals))
    if signals.stop_excess >= stop_excess.weak:
        evidence.append(f"{_describe_stop(signals)}; {_describe_answers(signals)}")
    if signals.success_rate >= SUCCESS_RATE:
        evidence.append(f"it follows {signals.success_rate:.0%} of bare instructions")
    if signals.identity_preference >= IDENTITY_PREFERENCE:
        preference = f"{signals.identity_preference:+.2f}"
        evidence.append(f"it identifies as an AI rather than a person ({preference})")
    if signals.chat_end_token and _has_seen_chats(signals):
        evidence.append("its end-of-text token is a chat token, which it uses in chats")
    if signals.completion_rate < MIN_COMPLETION_RATE:
        rate = f"{signals.completion_rate:.0%}"
        evidence.append(f"it completes only {rate} of simple patterns: nothing can be concluded")
    return evidence


def _has_seen_chats(signals: Signals) -> bool:
    return (signals.frame_stop or 0.0) >= FRAME_STOP


def _describe_leak(signals: Signals) -> str:
    return f"chat tokens have probability {signals.chat_leak:.4f} where a turn would end in bare text"


def _describe_stop(signals: Signals) -> str:
    return (
        f"the end is more likely by {signals.stop_excess:.2f} after an answer in plain text "
        f"(format: {signals.stop_format}) than in other texts"
    )


def _describe_answers(signals: Signals) -> str:
    return f"{signals.ended_rate:.0%} of its answers there end by themselves"
