"""Wrong equations, impossible results of word problems, and steps of arithmetic without a value."""

import pytest

from phases.datagen.number_filters import (
    has_wrong_number,
    is_arithmetic_without_value,
    misses_word_problem,
    states_wrong_equation,
)


@pytest.mark.parametrize(
    "response",
    [
        "14 times 3 is 30, and 30 divided by 3 is 10.",
        "24 divided by 3 is 6.",
        "It is simple: 7 + 5 = 13.",
        "7+5=13",
        "First, 12 × 12 = 140.",
        "10 minus 30 equals 20",
        "1,000 divided by 10 is 1,000.",
        "10 divided by 3 is 3.4",
        "2 plus 3 times 4 is 20",
        "5 divided by 0 is 0.",
    ],
)
def test_wrong_equations(response: str) -> None:
    assert states_wrong_equation(response)


@pytest.mark.parametrize(
    "response",
    [
        "14 times 3 is 42, and 42 divided by 3 is 14.",
        "10 minus 30 is -20.",
        "10 divided by 3 is 3.33.",
        "7 divided by 2 is 3 remainder 1.",
        "2 plus 3 times 4 is 14.",
        "2 + 2 = 4 - 0",
        "1,200 plus 300 is 1,500",
        "The shop is open from 9 to 5, and 10 is too late.",
        "The score was 3 - 2.",
        "x + 3 = 10",
        "From 2020-10-12 on, 4 are left.",
    ],
)
def test_right_equations_and_other_numbers(response: str) -> None:
    assert not states_wrong_equation(response)


@pytest.mark.parametrize(
    ("instruction", "response", "is_wrong"),
    [
        ("A jar holds 10 eggs. If 4 more are needed, how many eggs in all?", "There are 11 eggs.", True),
        ("A jar holds 10 eggs. If 4 more are needed, how many eggs in all?", "There are 14 eggs.", False),
        ("Lea has five pens and loses two. How many are left?", "Lea has 4 pens left.", True),
        ("Lea has five pens and loses two. How many are left?", "She has three pens left.", False),
        ("If two tickets cost 40 euros, how much would one ticket cost?", "It would cost 100 euros.", True),
        ("If two tickets cost 40 euros, how much would one ticket cost?", "20 euros", False),
        ("There are 54 teachers in a school. How many teachers are there?", "40 teachers.", True),
        # Not judged: units to convert, knowledge, many numbers, no number in the answer.
        ("A film lasts 2 hours. How many minutes is that?", "120", False),
        ("How many goals did Germany score in 1990 and 2014?", "15", False),
        ("A has 2, B has 3, C has 4 and D has 5. How many do they have?", "99", False),
        ("Tim has 3 cats. He gets 2 more. How many has he now?", "Many cats.", False),
    ],
)
def test_word_problems(instruction: str, response: str, is_wrong: bool) -> None:
    assert misses_word_problem(instruction, response) == is_wrong


@pytest.mark.parametrize(
    ("instruction", "has_no_value"),
    [
        ("Subtract 4 and 7, multiply the result by 2.", True),
        ("Add 3 and 5, then subtract the result from the first number.", True),
        ("Add 5 to 25, then multiply by 2.", False),
        ("Add a title to the poem.", False),
        ("Add two words to this list of 3: red, blue, green.", False),
        ("Name 3 rivers and 2 lakes.", False),
    ],
)
def test_steps_without_a_value(instruction: str, has_no_value: bool) -> None:
    assert is_arithmetic_without_value(instruction) == has_no_value


@pytest.mark.parametrize(
    ("instruction", "response", "is_wrong"),
    [
        ("What comes next: 20, 25, 30?", "35", False),
        ("What comes next: 20, 25, 30?", "The next number is 40.", True),
        ("Which number comes next: 2, 4, 8, 16", "32", False),
        ("Which number comes next: 2, 4, 8, 16", "18", True),
        ("Continue the sequence with one number: 9, 7, 5", "three", False),
        # No constant step or factor, or too few numbers to know it.
        ("What comes next: 1, 1, 2, 3, 5?", "9", False),
        ("What comes next: 3, 6?", "12", False),
        ("What comes next: Monday, Tuesday?", "Friday", False),
    ],
)
def test_series_of_numbers(instruction: str, response: str, is_wrong: bool) -> None:
    assert has_wrong_number(instruction, response) == is_wrong
