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
def test_defects_fail_any_response(instruction: str, response: str, wrong: tuple[str, ...]) -> None:
    assert find_failures(instruction, [], response) == wrong


def test_going_round_in_circles() -> None:
    assert is_ramble("he said and then he said and then he said and then he said and then")
    assert is_ramble("1 1 1 1 1")
    assert is_ramble("no\nno\nno")
    assert not is_ramble("dog dog dog dog dog")
    assert not is_ramble("A b c d. A b c e.")


def test_a_long_sentence_that_says_the_same_words_again_rambles() -> None:
    assert is_ramble("It is the one that comes after it and the one after that is the one that follows it.")
    assert is_ramble("The first thing to know about it is that there are many things to know about it here.")
    assert not is_ramble("There is a time to work and a time to rest, and there is also some time to play.")
    assert not is_ramble("hello hello hello hello hello")


def test_another_question_or_list_after_the_answer_rambles() -> None:
    assert is_ramble("Paris.\n\nQuestion: What is it?\nAnswer: It is it.")
    assert is_ramble("Dogs are loyal.\n1. The dog is big.\n2. The dog is old.")
    assert not is_ramble("Do this:\n1. Sleep.\n2. Eat.")
    assert not is_ramble("1. Sleep.\n2. Eat.")


def test_an_echo_is_the_complete_instruction() -> None:
    assert is_echo("Write one sentence about rain.", "WRITE ONE SENTENCE ABOUT RAIN!")
    assert not is_echo("Say yes", "say yes")
    assert not is_echo("Write one sentence about rain.", "One sentence about rain.")


def test_a_question_and_its_answer_in_json_may_share_words() -> None:
    question = "What is the largest planet in our solar system?"
    answer = "Jupiter is the largest planet in our solar system."
    assert not is_ramble(f'{{"question": "{question}", "answer": "{answer}"}}')
    assert is_ramble(f'{{"question": "{question}", "answer": "{answer} {answer}"}}')
