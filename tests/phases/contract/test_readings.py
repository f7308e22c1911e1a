"""The first turn and the first paragraph of an output."""

import pytest

from phases.contract.readings import starts_new_turn, take_first_paragraph, take_first_turn

ASKED = "Name the capital of France."


@pytest.mark.parametrize(
    "turn",
    [
        "\nQuestion: What is the capital of Spain?\nAnswer: Madrid",
        "\nQ: What is next?\nA: Rome",
        "\nQ2: What is next?",
        "\n\n### Instruction:\nName a river.\n\n### Response:\nSeine",
        "\n\n### Instruction\nName a river.",
        " ### Instruction:\nName a river.",
        "\nInstruction: Name a river.",
        "\n**Instruction 2:** Name a river.",
        "\n2. Instruction: Name a river.",
        "\nInput: Germany\nOutput: Berlin",
        "\nUser: thanks",
        "\nHuman: thanks\nAssistant: sure",
        " USER: thanks ASSISTANT: you are welcome",
        ". USER: thanks",
        "</s>USER: thanks",
        "<|im_end|>\n<|im_start|>user\nthanks",
        "<|endoftext|>Lorem ipsum",
        "<end_of_turn>\n<start_of_turn>user",
        "<|eot_id|><|start_header_id|>user<|end_header_id|>",
        " [INST] thanks [/INST]",
        "\n[INST] thanks [/INST]",
        "\n<|user|>\nthanks",
        "\n# User\nthanks",
        "\n=== Question 2 ===\nthanks",
        "\n[Question]: thanks",
        "\n> **Prompt:** thanks",
        "\nTask: Name a river.",
        "\n   Instruction : Name a river.",
        "\nINSTRUCTION: Name a river.",
        "\nExercise 3: Name a river.",
        "\nResponse: Paris",
        "\n<human>: thanks",
        "\n<user>thanks</user>",
        "\nInstruction： Name a river.",
        "\nNext question: Name a river.",
        "\nAnother instruction: Name a river.",
        "\nInstruction 2 - Name a river.",
        "\nQuestion 3. Name a river.",
        "\nQ2) Name a river.",
        "\nQuestion No. 2: Name a river.",
        "\nInstruction\nName a river.",
        "\n[User] thanks",
        "\nTeacher: Well done.",
        "\nFrage: Wie heißt die Hauptstadt von Spanien?",
        "\nPregunta: ¿Cuál es la capital de España?",
        "\n用户：谢谢",
        '\n{"role": "user", "content": "thanks"}',
        "\n<<human>>: thanks",
        "\n---\nInstruction: Name a river.",
        "\n\n***\n\nQuestion: What is the capital of Spain?",
        "\n==========\n### Instruction:\nName a river.",
        "\nExample 2:\nInstruction: Name a river.",
        "\n\nExample\n\nInput: Germany\nOutput: Berlin",
        "\nFollow-up question: What is the capital of Spain?",
        "\nTask 2\nName a river.",
        "\nQues: What is the capital of Spain?",
        "\nContext: Madrid is a city.\nQuestion: What is the capital of Spain?",
    ],
)
def test_the_answer_ends_before_a_new_turn_in_any_format(turn: str) -> None:
    assert take_first_turn(ASKED, " Paris" + turn).strip(" .\n") == "Paris"


@pytest.mark.parametrize(
    "output",
    [
        "Paris",
        "The question is easy: Paris.",
        "My answer to the user's question: Paris.",
        "Paris\nAnswer: Paris",
        "- Paris\n- Lyon",
        "# Capital\nParis",
        "# Humans and cities\nParis",
        "The human: a strange animal.",
        '{"question": "capital", "input": "France"}',
        "Note: Paris\nReason: it is.",
        "Users: many\nInputs are fine",
        "a < b > c",
        "1. Paris\n2. Lyon",
        "Questionable: no",
        "Aid: many",
        "Q3 was good for sales.",
        "The task\nis done.",
        "Problems are hard.",
        "Inputs - many",
        "",
        " 1. surgeon\n2. teacher\n3. cook",
        "Human",
        " question\n",
        "Paris\n---\nLyon",
        "Paris\nExample 2: Lyon",
        "- - -\nParis\n---",
        "The problem\n2 and 3",
    ],
)
def test_an_ordinary_text_has_one_turn(output: str) -> None:
    assert not starts_new_turn(ASKED, output)
    assert take_first_turn(ASKED, output) == output


@pytest.mark.parametrize(
    "output", [" Response: Paris", "### Response:\nParis", "\n\nAssistant: Paris", "**Response:** Paris"]
)
def test_the_label_of_the_answer_itself_is_no_new_turn(output: str) -> None:
    assert not starts_new_turn(ASKED, output)
    assert take_first_turn(ASKED, output).strip() == "Paris"
    assert take_first_turn(ASKED, output + "\nResponse: Rome").strip() == "Paris"


@pytest.mark.parametrize(
    "instruction",
    [
        "Write a riddle in two lines that start with Question: and Answer:.",
        'Use the headings "Question" and "Answer".',
        "Use the labels **Question** and **Answer**.",
    ],
)
def test_a_label_that_the_instruction_shows_belongs_to_the_answer(instruction: str) -> None:
    output = "Here is one.\nQuestion: What barks?\nAnswer: A dog"
    assert take_first_turn(instruction, output + "\nUser: thanks").rstrip() == output
    assert take_first_turn("Answer the question.", output).rstrip() == "Here is one."


def test_an_instruction_that_ends_with_a_label_and_its_text_shows_no_label() -> None:
    instruction = "Turn this statement into a question: The shop is open."
    assert take_first_turn(instruction, "Is it open?\nQuestion: Why?\nAnswer: So.").strip() == "Is it open?"


def test_a_number_before_a_turn_is_the_answer() -> None:
    assert take_first_turn("Write only the next number.", " 25.\n\nQuestion: And then?").strip() == "25."


def test_a_word_that_could_be_a_label_is_the_answer_before_a_turn() -> None:
    asked = "Name a mammal."
    assert take_first_turn(asked, " Human\n\nInstruction: Name a fish.").strip() == "Human"
    assert take_first_turn(asked, "Dog\nHuman\nName a fish.").strip() == "Dog"


def test_an_output_that_starts_with_a_turn_has_no_answer() -> None:
    assert take_first_turn(ASKED, "\n\n### Instruction:\nName a river.").strip() == ""
    assert take_first_turn(ASKED, " Question: Why?").strip() == ""


def test_the_first_paragraph_ends_at_a_blank_line() -> None:
    assert take_first_paragraph(" \n\n Paris\nLyon\n \t\nMore") == "Paris\nLyon"
    assert take_first_paragraph("Paris") == "Paris"
    assert take_first_paragraph("") == ""
