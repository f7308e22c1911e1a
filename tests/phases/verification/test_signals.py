"""The signals of what was measured, and the conclusion from them."""

from typing import Any

import msgspec
import pytest

from phases.verification.plain_formats import PLAIN_FRAMES
from phases.verification.positions import CHAT, INSTRUCTION, OTHER_TEXTS, Position
from phases.verification.signals import (
    ENDED_RATE,
    STOP_EXCESS,
    Signals,
    compute_signals,
    draw_conclusion,
    find_stop_place,
)

BASE = Signals(
    success_rate=0.05,
    follow_rate=0.1,
    completion_rate=1.0,
    chat_leak=0.0,
    stop_excess=0.01,
    stop_format="question",
    ended_rate=0.1,
    answered_rate=0.0,
    identity_preference=-0.5,
    frame_stop=None,
    frame_gain=None,
    chat_template=False,
    chat_end_token=False,
    wraps_prompts=False,
)
WEAK_STOP = (STOP_EXCESS.weak + STOP_EXCESS.strong) / 2


def but(**changed: Any) -> Signals:
    return msgspec.structs.replace(BASE, **changed)


@pytest.mark.parametrize(
    ("signals", "verdict"),
    [
        (BASE, "clean"),
        # A base model that has seen chats: template, and turns that end inside a frame.
        (but(chat_template=True, frame_stop=0.9, frame_gain=0.4), "clean"),
        (but(chat_template=True, frame_stop=0.9, identity_preference=0.3), "inconclusive"),
        (but(chat_template=True), "clean"),
        (but(chat_leak=0.3), "contaminated"),
        (but(chat_leak=0.02), "inconclusive"),
        # Tuned: it ends answers in some plain-text format, and more than other texts.
        (but(stop_excess=0.9, ended_rate=1.0), "contaminated"),
        (but(stop_excess=0.9, ended_rate=0.0, success_rate=0.6), "contaminated"),
        (but(stop_excess=STOP_EXCESS.strong, ended_rate=ENDED_RATE), "contaminated"),
        (but(stop_excess=0.9, ended_rate=0.2), "inconclusive"),
        (but(stop_excess=WEAK_STOP, ended_rate=1.0), "inconclusive"),
        # A small model may end nonsense: that alone is no tuning.
        (but(ended_rate=1.0), "clean"),
        # A format in which a base model answers well is none that it was tuned in.
        (but(follow_rate=0.6), "clean"),
        (but(success_rate=0.4), "inconclusive"),
        (but(chat_end_token=True, frame_stop=0.9), "inconclusive"),
        (but(wraps_prompts=True), "contaminated"),
        (but(completion_rate=0.2), "inconclusive"),
        (but(completion_rate=0.2, stop_excess=0.9, ended_rate=1.0), "contaminated"),
    ],
)
def test_rules(signals: Signals, verdict: str) -> None:
    assert draw_conclusion(signals)[0] == verdict


def test_a_base_model_that_has_seen_chats_is_clean_with_a_note() -> None:
    _, reasons = draw_conclusion(but(frame_stop=0.9))
    assert "it has seen chats (template or turn endings), which base models may have" in reasons
    assert len(draw_conclusion(BASE)[1]) == 1


def test_a_contaminated_model_is_reported_with_the_format() -> None:
    _, [reason] = draw_conclusion(but(stop_excess=0.81, stop_format="Vicuna", ended_rate=0.95))
    assert "more likely by 0.81" in reason
    assert "format: Vicuna" in reason
    assert "95% of its answers there end by themselves" in reason


def position(place: str, stop: float, chat: float = 0.0) -> Position:
    return Position(place, "text", [1], chat, stop)


def compute(positions: list[Position], completions: list[dict[str, Any]]) -> Signals:
    return compute_signals(
        completions=completions,
        patterns=[{"passed": True}],
        positions=positions,
        identity_preference=-1.0,
        frame_gain=None,
        chat_template=False,
        chat_end_token=False,
        wraps_prompts=False,
    )


def answer(frame: str, *, ended: bool, passed: bool) -> dict[str, Any]:
    return {"frame": frame, "kind": "json", "ended": ended, "passed": passed}


OTHER = [position(place, stop) for place, stop in zip(OTHER_TEXTS, (0.1, 0.2, 0.3), strict=True)]
PLACES = [position(INSTRUCTION, 0.9), position(CHAT + "default", 0.95), *OTHER]
ANSWERS = [
    answer("bare, next line", ended=False, passed=False),
    answer("bare, next line", ended=False, passed=True),
    answer("gonogo", ended=False, passed=True),
]


@pytest.mark.parametrize("frame", PLAIN_FRAMES)
def test_the_stop_excess_is_that_of_the_format_where_the_model_stops_most(frame: str) -> None:
    stops = [position(name, 0.8 if name == frame else 0.1) for name in PLAIN_FRAMES]
    answers = [row for row in ANSWERS if row["frame"] != frame]
    in_format = [answer(frame, ended=True, passed=True), answer(frame, ended=True, passed=False)]
    signals = compute([*PLACES, *stops], answers + in_format)
    assert signals.stop_format == frame
    assert signals.stop_excess == pytest.approx((0.8 - 0.2) / (1 - 0.2))
    assert signals.ended_rate == 1.0
    assert signals.answered_rate == 0.5
    assert signals.frame_stop == 0.95


def test_the_end_after_the_mark_of_a_turn_counts_for_its_format() -> None:
    places = [
        *PLACES,
        position("gonogo", 0.3),
        position("ChatML", 0.0),
        position("ChatML, closed by '<|im_end|>'", 0.9),
    ]
    places.append(position("bare, next line", 0.0))
    assert find_stop_place(places) == "ChatML, closed by '<|im_end|>'"
    signals = compute(places, [*ANSWERS, answer("ChatML", ended=True, passed=True)])
    assert signals.stop_format == "ChatML"
    assert signals.ended_rate == 1.0


def test_the_chat_leak_is_that_of_bare_text() -> None:
    places = [*OTHER, position(CHAT + "default", 1.0, chat=1.0), position("gonogo", 0.5, chat=0.5)]
    places += [position(INSTRUCTION, 0.1, chat=0.1), position("bare, next line", 0.3, chat=0.3)]
    assert compute(places, ANSWERS).chat_leak == pytest.approx(0.2)


def test_the_follow_rate_leaves_out_questions_that_no_suite_asks() -> None:
    places = [*PLACES, position("gonogo", 0.3), position("bare, next line", 0.0)]
    identity = {**answer("gonogo", ended=False, passed=False), "kind": "identity"}
    assert compute(places, [*ANSWERS, identity]).follow_rate == 1.0
