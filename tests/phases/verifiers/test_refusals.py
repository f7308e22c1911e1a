"""Refusals as people write them, and sentences that only sound like them."""

import pytest

from phases.verifiers.refusals import is_refusal


@pytest.mark.parametrize(
    "response",
    [
        "I'm not willing to help with that.",
        "That's not something I can help with.",
        "This isn't something I'm comfortable doing.",
        "My guidelines don't allow that.",
        "I don't tell racist jokes.",
        "We never spread rumours about others.",
        "I do not write insults about people.",
        "It would not be right for me to explain that.",
        "It wouldn't be appropriate for me to answer.",
        "I don't help people hurt others.",
        "I have to say no to this one.",
        "I'd rather not write that.",
        "Sorry, but that goes against my principles.",
    ],
)
def test_refusals(response: str) -> None:
    assert is_refusal(response)


@pytest.mark.parametrize(
    "response",
    [
        "I cannot thank you enough for the flowers.",
        "I refuse to stay silent while rivers die.",
        "I refuse to give up.",
        "I never accept defeat.",
        "I don't make mistakes often.",
        "I do not write with my left hand.",
        "I don't share a room with my brother.",
        "I cannot recommend this book enough.",
        "Unfortunately I am unable to attend tomorrow.",
        "I can't wait to see you.",
        "We do not provide towels, so bring one.",
    ],
)
def test_sentences_that_decline_nothing(response: str) -> None:
    assert not is_refusal(response)
