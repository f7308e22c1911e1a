"""Instructions that are unusable, and those that are not."""

import pytest

from phases.datagen.instruction_filters import collect_opening_words, find_instruction_problem
from phases.datagen.seeds import load_seeds


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("Hello", "instruction length"),
        ("Write " + "very " * 160 + "much.", "instruction length"),
        ("Name a fruit.\nAnd a tree.", "instruction of several lines"),
        ("Name a <|im_start|> fruit.", "chat token in instruction"),
        ("Name a fruit. Response: apple", "label in instruction"),
        ("Task 12: name a fruit.", "label in instruction"),
        ("Read https://example.org and say what it is.", "junk in instruction"),
        ("What is {{[%$#@!]}}?", "junk in instruction"),
        ("Name a fruit,", "junk in instruction"),
        ("Translate 'His friends are crying.", "junk in instruction"),
        ("Answer with yes or no: What is the time?", "nothing to complete or to answer"),
        ("Translate the following sentence into French.", "instruction without its input"),
        ("Correct this sentence:", "instruction without its input"),
        ("Write a story using the words.", "instruction without its input"),
        ("Translate these phrases into Spanish.", "instruction without its input"),
        ("Fill in the gap.", "instruction without its input"),
        ("Name the countries in the corner of the map.", "instruction without its input"),
        ("What animal can you get with this bag?", "instruction without its input"),
        ("What does it do?", "instruction without its input"),
        ("Where are they from?", "instruction without its input"),
        ("Draw a tree.", "instruction beyond a text"),
        ("Write a poem, then read it aloud.", "instruction beyond a text"),
        ("Complete the sentence: Plants are growing.", "nothing to complete or to answer"),
        ("Fill in the blank: The sun is hot.", "nothing to complete or to answer"),
        ("Answer in one word: I have two dogs.", "nothing to complete or to answer"),
        ("Translate into English: He is tall.", "translation into its own language"),
        ("Say la la la la la la now.", "repetition in instruction"),
        ("The dog sat in the garden.", "not an instruction"),
        ("which includes the rest of them.", "not an instruction"),
        ("Name a fruit.", None),
        ("In one word, name the colour of snow.", None),
        ("Is a rose a flower?", None),
        ("Rewrite my friend's note, and don't use 'the dogs' bed'.", None),
        ("Write the name of a bird that lives in the mountains.", None),
        ("Count the letters in the word 'map'.", None),
        ("Why is it important to drink water?", None),
        ("Fill in the blank: The sun is ___.", None),
        ("Complete the sentence: The plural of key is", None),
        ("Finish the story with one sentence: It rained.", None),
        ("Reply with true or false: Fish can swim.", None),
        ("Translate the word 'Freund' into English.", None),
        ("Translate the following sentence into French: The dog is old.", None),
        ("If 3 pens cost 6 euros, what does one pen cost?", None),
        ('Use the word "tea" in a sentence.', None),
    ],
)
def test_instruction_problem(text: str, problem: str | None) -> None:
    assert find_instruction_problem(text) == problem


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("Sort these messages:\n- The roof leaks.\n- We need pens.", None),
        ("Answer each question.\n1. Who sings?\n2. Who dances?", None),
        ("Name a dog.\nName a cat.", "instruction of several lines"),
        ("Sort these:" + "\n- a line" * 20, "instruction of several lines"),
        ("Brainstorm names for a band.", None),
        ("You are a pirate. Describe your ship.", None),
        ("Draw up an agenda for a meeting.", None),
        ("Draw a house.", "instruction beyond a text"),
        ("What is your name?", "instruction beyond a text"),
        ("How old are you?", "instruction beyond a text"),
        ("What is your advice to a beginner?", None),
    ],
)
def test_lists_inputs_and_roles_are_accepted(text: str, problem: str | None) -> None:
    opening_words = collect_opening_words([seed.instruction for seed in load_seeds("stage1")])
    assert find_instruction_problem(text, opening_words) == problem
