"""Defects that fail every response."""

import pytest

from phases.verifiers.defects import is_echo, is_ramble
from phases.verifiers.registry import find_failures


@pytest.mark.parametrize(
    ("instruction", "response", "wrong"),
    [
        ("Name a dog.", "", ("empty",)),
        ("Name a dog.", "name a dog", ("echo",)),
        ("Say it now.", "Well. <|im_end|>", ("ramble",)),
        ("Say it now.", "Well.\nInstruction: next", ("ramble",)),
        ("Say it now.", "The dog ran away. The dog ran away.", ("ramble",)),
        ("Say it now.", "Well.", ()),
    ],
)
def test_what_is_always_wrong(instruction: str, response: str, wrong: tuple[str, ...]) -> None:
    assert find_failures(instruction, [], response) == wrong


def test_going_round_in_circles() -> None:
    assert is_ramble("he said and then he said and then he said and then he said and then")
    assert is_ramble("1 1 1 1 1")
    assert is_ramble("no\nno\nno")
    assert not is_ramble("dog dog dog dog dog")
    assert not is_ramble("A b c d. A b c e.")


def test_an_echo_is_the_whole_instruction() -> None:
    assert is_echo("Write one sentence about rain.", "WRITE ONE SENTENCE ABOUT RAIN!")
    assert not is_echo("Say yes", "say yes")
    assert not is_echo("Write one sentence about rain.", "One sentence about rain.")
