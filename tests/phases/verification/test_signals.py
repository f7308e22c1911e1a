"""The conclusion from measured signals."""

import json

import msgspec
import pytest

from phases.verification.signals import Signals, draw_conclusion
from phases.verification.text_report import CALIBRATION

CASES = json.loads(CALIBRATION.read_text())["cases"]


BASE = Signals(
    success_rate=0.05,
    completion_rate=1.0,
    chat_leak=0.0,
    stop_excess=0.001,
    identity_preference=-0.5,
    frame_stop=None,
    frame_gain=None,
    chat_template=False,
    chat_end_token=False,
    wraps_prompts=False,
)


def but(**changed: object) -> Signals:
    return msgspec.structs.replace(BASE, **changed)


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_the_calibration_is_judged_as_it_should_be(case: dict[str, object]) -> None:
    verdict, reasons = draw_conclusion(msgspec.convert(case["signals"], Signals))
    assert verdict in case["allowed"]  # type: ignore[operator]
    assert reasons


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
        (but(stop_excess=0.1), "inconclusive"),
        (but(stop_excess=0.4), "inconclusive"),
        (but(stop_excess=0.4, success_rate=0.6), "contaminated"),
        (but(stop_excess=0.4, chat_template=True, frame_stop=0.9), "contaminated"),
        (but(success_rate=0.4), "inconclusive"),
        (but(chat_end_token=True, frame_stop=0.9), "inconclusive"),
        (but(wraps_prompts=True), "contaminated"),
        (but(completion_rate=0.2), "inconclusive"),
    ],
)
def test_rules(signals: Signals, verdict: str) -> None:
    assert draw_conclusion(signals)[0] == verdict
