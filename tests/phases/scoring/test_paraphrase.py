"""Paraphrases of suite prompts are found, and other instructions are not."""

import json
from pathlib import Path

import pytest

from phases.datagen.seeds import load_seeds
from phases.datagen.vetted import list_test_instructions
from phases.scoring.instruction_content import list_terms
from phases.scoring.overlap import SuiteOverlap
from phases.scoring.paraphrase import ParaphraseIndex
from phases.scoring.suite import index_answers, index_instructions, load_halves, load_suite

PARAPHRASES = [
    json.loads(line)
    for line in Path(__file__).with_name("paraphrases.jsonl").read_text(encoding="utf-8").splitlines()
]
"""Paraphrases of prompts of both halves, written by hand."""
HALVES = load_halves("stage1")


@pytest.fixture(scope="module")
def overlap() -> SuiteOverlap:
    return SuiteOverlap(index_instructions(HALVES), index_answers(HALVES))


@pytest.fixture(scope="module")
def answers() -> dict[tuple[str, str], str]:
    return {
        (half.name, prompt.key): prompt.reference
        for half in (load_suite("stage1"), load_suite("stage1_test"))
        for prompt in half.prompts
    }


def test_nine_in_ten_paraphrases_are_found(
    overlap: SuiteOverlap, answers: dict[tuple[str, str], str]
) -> None:
    assert len(PARAPHRASES) > 150
    texts = [(row["paraphrase"], answers[row["suite"], row["key"]]) for row in PARAPHRASES]
    copies = [text for text, _ in texts if overlap.find_copy(text)]
    assert len(copies) < 0.05 * len(texts)
    without_answer = [text for text, _ in texts if overlap.find_contamination(text)]
    assert len(without_answer) >= 0.9 * len(texts)
    with_answer = [text for text, answer in texts if overlap.find_contamination(text, answer)]
    assert len(with_answer) >= 0.95 * len(texts)


def test_hardly_any_other_instruction_is_found(overlap: SuiteOverlap) -> None:
    others = [
        "Name the capital of Portugal.",
        "Translate the English word 'spoon' into Italian.",
        "Describe a foggy morning in exactly nine words.",
        "Multiply 6 by 9.",
        "How many sides does a hexagon have?",
        "Write the word 'umbrella' backwards.",
        "Begin your answer with 'To be honest': Are cities better than villages?",
        "Three friends share 21 cookies equally. How many does each get?",
        "Put this sentence into the passive voice: The teacher reads the book.",
        "Write an email to my landlord about a broken heater.",
        "Write two paragraphs about olives, separated by a blank line.",
        *list_test_instructions(),
        *(seed.instruction for seed in load_seeds("stage1")),
    ]
    found = [text for text in others if overlap.find_contamination(text)]
    assert len(found) <= 0.01 * len(others), found


def test_instructions_of_two_words_are_no_paraphrases_of_other_tasks(overlap: SuiteOverlap) -> None:
    verbs = ("Describe", "Explain", "Define", "Draw", "Discuss", "Praise")
    nouns = (
        "bees",
        "rain",
        "music",
        "metals",
        "winter",
        "trees",
        "friendship",
        "tables",
        "seasons",
        "continents",
    )
    texts = [f"{verb} {noun}." for verb in verbs for noun in nouns]
    found = [text for text in texts if overlap.find_contamination(text)]
    assert len(found) <= 0.02 * len(texts), found


INDEX = ParaphraseIndex(
    {
        "capital": "What is the capital of Canada?",
        "sum": "What is 23 plus 19?",
        "half": "What is half of 8?",
        "days": "How many days lie between the 9th of May and the 21st of May?",
        "rivers": "Name two rivers in Europe.",
        "quoted": "Write the word 'stop' backwards.",
        "sweets": "Name a sweet food that bees make.",
        "bees": "Complete the sentence: Bees make",
        "input": "Write this sentence in uppercase: The small dog sleeps",
        "related": "Write one sentence about a brave doctor.",
        "milk": "Translate the English word 'milk' into Spanish.",
        "court": "In which court are pirates tried?",
        "joined": "Join these two sentences with 'so': It was late. I slept.",
        "sequence": "Write only the next number of the sequence: 4, 7, 10, 13",
        "translated": "Translate this sentence into Spanish: She is late.",
        **{f"filler {n}": text for n, text in enumerate(["Sing a song.", "Draw a map.", "Tell a joke."])},
    },
    {"sweets": ["honey", "Honey."]},
)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("Name the capital of Canada.", "capital"),
        ("Which city is Canada's capital?", "capital"),
        ("What is the capital of Peru?", None),
        ("Add 19 and 23.", "sum"),
        ("What is 23 minus 19?", None),
        ("How many days are there from May 9 to May 21?", "days"),
        ("What is 23 plus 18?", None),
        ("Give me two European rivers.", "rivers"),
        ("Reverse the word 'stop'.", "quoted"),
        ("Reverse the word 'lamp'.", None),
        ("Name two lakes in Europe.", None),
        ("What do bees make?", "bees"),
        ("Describe bees.", None),
        ("Write a sentence about a bee.", None),
        ("What is 'milk' in Spanish?", "milk"),
        ("Translate 'I like milk' into Spanish.", None),
        ("Add nineteen and twenty-three.", "sum"),
        ("Divide 8 by two.", "half"),
        ("Take 8 and two.", None),
        ("In at most two sentences, name the capital of Canada.", "capital"),
        ("Name the capital of Canada. Two sentences max, please.", "capital"),
        ("Identify Canada's capital and keep it to one sentence.", "capital"),
        ("I don't know the capital of Canada. What's it?", "capital"),
        ("What is 'milk' in French?", None),
        ("What do you call milk in Spanish?", "milk"),
        ("Put into capitals: The small dog sleeps", "input"),
        ("Count the words: The small dog runs", None),
        ("Write a sentence about a courageous physician.", "related"),
        ("Write a sentence about a happy physician.", None),
        ("Write one sentence about brave doctors at work.", "related"),
        ("In which court are pirates tried?", "court"),
        ("In which courthouse are pirates tried?", "court"),
        ("Join 'It was late' and 'I slept' using so.", "joined"),
        ("Join 'It was late' and 'I slept' using but.", None),
        ("Join 'We ran' and 'It rained' using so.", None),
        ("Name the number that comes next in 4, 7, 10, 13.", "sequence"),
        ("Find the mean of 4, 7, 10, 13, 16 and 19.", None),
        ("Take 19 away from 42.", None),
        ("Translate 'I am late' into Spanish.", None),
        ("How do you say 'She is late' in Spanish?", "translated"),
    ],
)
def test_content_decides(text: str, key: str | None) -> None:
    found = INDEX.find_paraphrased(text)
    assert (found and found[0]) == key


def test_words_of_everyday_english_count_less() -> None:
    index = ParaphraseIndex({word: f"Describe the {word}." for word in ("lamp", *map(str, range(100)))})
    assert index.find_paraphrased("Describe the lamp in the room.") is not None
    assert index.find_paraphrased("Describe the lamp in the catacomb of pirates.") is None


def test_an_answer_finds_a_paraphrase_with_few_common_words() -> None:
    text = "What golden stuff do bees make?"
    assert INDEX.find_paraphrased(text) is None
    assert INDEX.find_paraphrased(text, "Bees produce honey.") is not None
    assert INDEX.find_paraphrased(text, "Bees produce wax.") is None


def test_a_long_response_with_the_answer_is_no_answer() -> None:
    """A text about a subject mentions what other instructions about it ask for."""
    text, answer = "What golden stuff do bees make?", "Bees collect nectar and turn it into honey."
    assert INDEX.find_paraphrased(text, answer) is not None
    more = "They live in hives with one queen, visit many flowers, carry pollen, and dance to show the way."
    assert INDEX.find_paraphrased(text, f"{answer} {more}") is None


def test_a_number_or_yes_or_no_hardly_ever_shows_that_an_answer_is_given() -> None:
    index = ParaphraseIndex(
        {
            "legs": "How many legs does a spider have?",
            "cold": "Is snow colder than rain?",
            **{
                f"filler {n}": f"Describe the {word}."
                for n, word in enumerate(("sun", "moon", "king", "lamp"))
            },
        },
        {"legs": ["8"], "cold": ["Yes"]},
    )
    text = "Draw a spider and count its legs."
    assert index.find_paraphrased(text) is None
    assert index.find_paraphrased(text, "It has 8 legs.") is not None
    long_response = "It has legs, a head, a belly, 8 eyes, silk, hair, strong jaws and poison."
    assert index.find_paraphrased(text, long_response) is None
    assert index.find_paraphrased("Is snow on mountains good for skiing?", "Yes") is None


def test_terms_leave_out_how_something_is_asked() -> None:
    assert list_terms("Please tell me the capital of Egypt.") == list_terms("What is Egypt's capital?")
    assert list_terms("Write 'Hi' in capital letters.") == list_terms("Write 'Hi' in upper case.")


def test_the_candidates_include_every_prompt_that_is_similar_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    suites = HALVES
    index = ParaphraseIndex(index_instructions(suites), index_answers(suites))
    texts = [seed.instruction for seed in load_seeds("stage1")]
    texts += [paraphrase["paraphrase"] for paraphrase in PARAPHRASES][::2]
    found = [index.find_paraphrased(text) for text in texts]
    monkeypatch.setattr(
        ParaphraseIndex, "_list_candidates", lambda self, content, related: set(self._contents)
    )
    assert [index.find_paraphrased(text) for text in texts] == found
    assert sum(match is not None for match in found) > 50
