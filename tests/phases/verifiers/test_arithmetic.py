"""Arithmetic that an instruction asks for, and what is none."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phases.verifiers.arithmetic import evaluate_instruction


@pytest.mark.parametrize(
    ("instruction", "value"),
    [
        ("What is 6 times 7?", 42),
        ("How much is 12 + 7?", 19),
        ("Tell me, what is 4 * 12?", 48),
        ("What is 2 + 3 * 4?", 14),
        ("What is 10 - 2 - 3?", 5),
        ("What is 1,000 minus 1?", 999),
        ("What is 36 divided by 10?", Fraction(18, 5)),
        ("What is 203 x 2?", 406),
        ("What is half of 30?", 15),
        ("What is the square of 7?", 49),
        ("What is 7 squared?", 49),
        ("What is 20% of 50?", 10),
        ("What is the sum of 8 and 11?", 19),
        ("What is the difference between 8 and 11?", -3),
        ("Calculate 3 times 7.", 21),
        ("Add 6 and 4, then multiply the result by 3.", 30),
        ("Take 30, subtract 10, and then divide the result by 2.", 10),
        ("Double 7, then add 1.", 15),
        ("Subtract 8 from 20, divide the result by 4, and write the answer as a word.", 3),
        ("Add 30 and 30 and write the result in words.", 60),
        ("What is 17 times 3, in words?", 51),
        ("What is fifty-one minus twenty?", 31),
        ("Add seventeen and thirty-four.", 51),
        ("What is the sum of 14, 6 and 5?", 25),
        ("What is a quarter of 60?", 15),
        ("What is 2 to the power of 5?", 32),
        ("What is 10-4? Please reply with one word.", 6),
        ("What do you get when you multiply 5 by itself?", 25),
        ("What number do you get when you square 9?", 81),
        ("How often does 12 go into 144?", 12),
        ("How many times does 12 fit into 144?", 12),
        ("What is 3 cubed?", 27),
        ("Calculate 3 to the third power.", 27),
        ("Take 64 away from 100.", 36),
        ("What is (40 - 12) / 4? Just the number.", 7),
        ("2 x (3 + 4)", 14),
        ("Subtract 12 from 40, then divide the result by 4. Write only the final number.", 7),
        ("Take 9 away from 30 and divide what is left by 3. Give only the result.", 7),
        ("What is left if you take 12 from 30?", 18),
        ("Add up 3 and 4.", 7),
        ("How much do 7 and 8 make?", None),
        ("What is (2 + apples) times 3?", None),
        ("What is 9 times 9? Explain the answer.", None),
        ("What is one sentence plus two words?", None),
        ("What is 5 divided by 0?", None),
        ("What is 5?", None),
        ("What is 3 times the height of 7 men?", None),
        ("Add 6 and 4, then name a fruit.", None),
        ("How many apples are 3 apples and 4 apples?", None),
        ("Add salt.", None),
    ],
)
def test_evaluate_instruction(instruction: str, value: Fraction | int | None) -> None:
    assert evaluate_instruction(instruction) == value


@given(
    st.lists(st.integers(0, 999), min_size=2, max_size=5),
    st.lists(st.sampled_from("+-*"), min_size=4, max_size=4),
)
def test_an_expression_has_the_value_that_python_gives_it(numbers: list[int], signs: list[str]) -> None:
    text = str(numbers[0]) + "".join(f" {s} {n}" for s, n in zip(signs, numbers[1:], strict=False))
    assert evaluate_instruction(f"What is {text}?") == eval(text)


@given(st.text())
def test_any_text_is_read(text: str) -> None:
    evaluate_instruction(text)
