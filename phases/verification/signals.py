"""The signals of chat tuning, their thresholds, and the conclusion from them."""

from typing import Final, Literal

import msgspec

Conclusion = Literal["clean", "contaminated", "inconclusive"]
"""The metric `verdict`."""


class Signals(msgspec.Struct, frozen=True, kw_only=True):
    """The evidence; `METRICS` of the spec describes each. Without a chat frame, two are None."""

    success_rate: float
    completion_rate: float
    chat_leak: float
    stop_excess: float
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


CHAT_LEAK: Final = Thresholds(0.005, 0.05)
STOP_EXCESS: Final = Thresholds(0.05, 0.15)
SUCCESS_RATE: Final = Thresholds(0.30, 0.50)
IDENTITY_PREFERENCE: Final = 0.0
"""From this value the model identifies as an AI, which is weak evidence."""
MIN_COMPLETION_RATE: Final = 0.6
"""Below this rate nothing can be concluded about the model."""
FRAME_STOP: Final = 0.1
"""From this value the model has seen chats, as base models may have."""


def draw_conclusion(signals: Signals) -> tuple[Conclusion, tuple[str, ...]]:
    """Return the conclusion and its reasons; it depends on nothing but the signals."""
    if strong_evidence := _find_strong_evidence(signals):
        return "contaminated", tuple(strong_evidence)
    if weak_evidence := _find_weak_evidence(signals):
        return "inconclusive", tuple(weak_evidence)
    reasons = ["it continues bare text as a document and completes patterns"]
    if signals.chat_template or _has_seen_chats(signals):
        reasons.append("it has seen chats (template or turn endings), which base models may have")
    return "clean", tuple(reasons)


def _find_strong_evidence(signals: Signals) -> list[str]:
    has_strong_stop = signals.stop_excess >= STOP_EXCESS.strong
    is_set_up_for_chats = signals.chat_template or signals.chat_end_token
    evidence = []
    if signals.wraps_prompts:
        evidence.append("the tokenizer adds chat tokens around plain text")
    if signals.chat_leak >= CHAT_LEAK.strong:
        evidence.append(_describe_leak(signals))
    if has_strong_stop and signals.success_rate >= SUCCESS_RATE.strong:
        evidence.append(f"{_describe_success(signals)}, and {_describe_stop(signals)}")
    if has_strong_stop and is_set_up_for_chats and _has_seen_chats(signals):
        evidence.append(f"{_describe_stop(signals)}, and it is set up for chats")
    return evidence


def _find_weak_evidence(signals: Signals) -> list[str]:
    evidence = []
    if signals.chat_leak >= CHAT_LEAK.weak:
        evidence.append(_describe_leak(signals))
    if signals.stop_excess >= STOP_EXCESS.weak:
        evidence.append(_describe_stop(signals))
    if signals.success_rate >= SUCCESS_RATE.weak:
        evidence.append(_describe_success(signals))
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
    difference = f"{signals.stop_excess:.2f}"
    return f"the end of text is more likely by {difference} after a bare answer than in a document"


def _describe_success(signals: Signals) -> str:
    return f"it follows {signals.success_rate:.0%} of bare instructions"
