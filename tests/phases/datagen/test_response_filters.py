"""Responses that are unusable, and those that are not."""

import pytest

from phases.datagen.response_filters import find_response_problem, is_uninformative


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
        ("see <div>dog</div>", True, "markup in response"),
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
    assert find_response_problem(instruction, response, finished=finished, max_words=20) == problem


@pytest.mark.parametrize(
    ("instruction", "response", "expected"),
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
def test_uninformative_responses(instruction: str, response: str, expected: bool) -> None:
    assert is_uninformative(instruction, response) is expected


def test_requested_repetition_is_not_a_problem() -> None:
    response = "ha ha ha ha ha ha ha"
    assert find_response_problem("Write ha seven times.", response, finished=True, max_words=20) is None
    assert (
        find_response_problem("Write a joke.", response, finished=True, max_words=20)
        == "repetition in response"
    )


@pytest.mark.parametrize(
    ("instruction", "response"),
    [
        ("Write an HTML heading about dogs.", "<h1>All about dogs</h1>"),
        ("Write about dogs in Markdown.", "## Breeds\n\nThere are many.\n\n## Food\n\nMeat and grain."),
        ("Write a dialogue.", "Ann: Where is the dog?\nBob: It hides behind the sofa."),
        ("List the animals that this sentence mentions: A cat saw a dog.", "a cat, a dog"),
    ],
)
def test_structured_responses_are_accepted(instruction: str, response: str) -> None:
    assert find_response_problem(instruction, response, finished=True, max_words=50) is None


def test_a_heading_that_starts_another_record_is_no_structure() -> None:
    text = "A dog.\n### Instruction\nName a cat."
    assert find_response_problem("Name an animal.", text, finished=True, max_words=50) == "label in response"


@pytest.mark.parametrize(
    ("instruction", "response", "problem"),
    [
        ("Write a poem about the mirror.", "a", "text of a few words"),
        ("Tell me a story.", "Once upon.", "text of a few words"),
        ("Write a poem in three words.", "Rain, rain, away", None),
        ("Write a poem title.", "Rain", None),
        ("Write seven planets on separate lines.", "Mars\nVenus\nMars", "repetition in response"),
        ("Name three drinks.", "1. Tea\n2. Milk\n3. tea", "repetition in response"),
        ("Say hello three times, on separate lines.", "hello\nhello\nhello", None),
        ("How old are you?", "old", "nothing new in response"),
        ("Who was king?", "King.", "nothing new in response"),
        ("Which is bigger, a cat or a horse?", "horse", None),
        ("The cup is on the shelf. Where is the cup?", "shelf", None),
    ],
)
def test_answers_without_content(instruction: str, response: str, problem: str | None) -> None:
    assert find_response_problem(instruction, response, finished=True, max_words=50) == problem
