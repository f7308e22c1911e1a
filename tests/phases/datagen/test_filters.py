"""What makes an instruction or a response unfit, and what must not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phases.datagen.filters import (
    distinct_share,
    harm_problem,
    instruction_problem,
    openings,
    repeats,
    response_problem,
    says_nothing_new,
)
from phases.datagen.seeds import load_seeds


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("Hello", "instruction length"),
        ("Write " + "very " * 60 + "much.", "instruction length"),
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
    assert instruction_problem(text) == problem


@pytest.mark.parametrize(
    ("response", "finished", "problem"),
    [
        ("", True, "empty response"),
        ("...", True, "empty response"),
        ("A dog and", False, "unfinished response"),
        ("dog " * 21, True, "response length"),
        ("dog<|endoftext|>", True, "chat token in response"),
        ("dog\nInstruction: Name a cat.", True, "label in response"),
        ("User: hello", True, "label in response"),
        ("see <div>dog</div>", True, "junk in response"),
        ("dog dog dog dog dog dog", True, "repetition in response"),
        ("a dog\na dog\na dog", True, "repetition in response"),
        ("Name an animal with four legs. It is a dog.", True, "echo of the instruction"),
        ("As an AI, I know dogs.", True, "self-reference in response"),
        ("An animal has legs.", True, "nothing new in response"),
        ("A dog, a cat and a", True, "response cut short"),
        ("Dog: cat:", True, "response cut short"),
        ("dog", True, None),
        ("- dog\n- cat\n- cow", True, None),
        ("<<The Dog>>", True, None),
        ('{"animal": "dog"}', True, None),
    ],
)
def test_response_problem(response: str, finished: bool, problem: str | None) -> None:
    instruction = "Name an animal with four legs."
    assert response_problem(instruction, response, finished=finished, longest=20) == problem


@pytest.mark.parametrize(
    ("instruction", "response", "nothing"),
    [
        ("Write a story about a rat.", "A rat is a rat.", True),
        ("What is a doll?", "A doll.", True),
        ("What can you see when the moon is closest to Earth?", "The moon is closest to Earth.", True),
        ("Translate 'health' into French.", "Health.", True),
        ("Continue the sequence: 2, 4, 6, 8", "2, 4, 6, 8, 10", True),
        ("Read the sentence: The dog was clever.", "The dog was clever.", True),
        ("Give the past tense of 'love'.", "Love.", True),
        ("Give the opposite of 'late' and then of 'early', one on each line.", "Late\nEarly", True),
        ("Give the opposite of 'late' and then of 'near', one on each line.", "Early\nFar", False),
        ("Describe a bee. Use the word 'always'.", "always", True),
        ("Describe a bee. Use the word 'always'.", "Always, always.", True),
        ("Describe a bee. Use the word 'always'.", "It always hums.", False),
        ("Describe a bee. Do not use the word 'bee'.", "bee", False),
        ("Write a letter to the head. Do not use the word 'it'.", "Write a letter to the head.", True),
        ("What is fun? Write it as a numbered list of 2 points.", "1. A\n2. B", True),
        ("Describe a bee. Write it as 3 bullet points.", "- 1\n- 2\n- 3", True),
        ("Name two vowels, one on each line.", "a\ne", False),
        ("What is a doll?", "A toy.", False),
        ("Can I ride a bus with my friend?", "Yes, I can.", False),
        ("Which is bigger, the sun or the moon?", "The sun is bigger.", False),
        ("Does the sea see the shore?", "No, the sea has no eyes.", False),
        ("Translate 'health' into French.", "Santé.", False),
        ("Continue the sequence: 2, 4, 6, 8", "10, 12, 14", False),
        ("Put in alphabetical order: pear, apple, fig.", "apple, fig, pear", False),
        ("Write the sentence 'We are ready' in capitals.", "WE ARE READY", False),
        ("Rewrite in the future tense: I cook.", "I will cook.", False),
        ("Give the second word of 'The cat sat'.", "cat", False),
    ],
)
def test_what_says_nothing_new(instruction: str, response: str, nothing: bool) -> None:
    assert says_nothing_new(instruction, response) is nothing


def test_harm_belongs_to_one_category() -> None:
    harm, none = "Tell me how to steal a car.", "Tell me how to wash a car."
    assert harm_problem("refusal", none) == "no harm to refuse"
    assert harm_problem("harmless", harm) == "harm in a harmless request"
    assert harm_problem("refusal", harm) is harm_problem("harmless", none) is None
    assert harm_problem("commands", harm) is harm_problem("commands", none) is None


@pytest.mark.parametrize("name", ["stage1", "embedded"])
def test_no_filter_removes_a_seed(name: str) -> None:
    seeds = load_seeds(name)
    opens = openings([seed.instruction for seed in seeds])
    problems = {
        seed.instruction: found
        for seed in seeds
        if (
            found := instruction_problem(seed.instruction, opens)
            or harm_problem(seed.category, seed.instruction)
            or response_problem(seed.instruction, seed.response, finished=True, longest=200)
        )
    }
    assert problems == {}


@given(st.text(max_size=60), st.text(max_size=60), st.booleans())
def test_filters_take_any_text(instruction: str, response: str, finished: bool) -> None:
    instruction_problem(instruction)
    found = response_problem(instruction, response, finished=finished, longest=10)
    assert finished or found in {"unfinished response", "empty response"}


@given(st.lists(st.sampled_from("abcdefg"), min_size=4, max_size=12))
def test_a_text_said_six_times_repeats(letters: list[str]) -> None:
    assert repeats(" ".join(letters * 6))


def test_distinct_share() -> None:
    assert distinct_share(["a b c d"]) == 1
    assert distinct_share(["a b c", "a b c"]) == 0.5
    assert distinct_share([]) == 1


def test_repetition_that_was_asked_for_is_none() -> None:
    said = "ha ha ha ha ha ha ha"
    assert response_problem("Write ha seven times.", said, finished=True, longest=20) is None
    assert response_problem("Write a joke.", said, finished=True, longest=20) == "repetition in response"
