"""Rows made of scripted responses: filters, retries, confirmations and balance."""

from collections.abc import Sequence
from pathlib import Path

from phases.datagen.filter_processes import FilterProcesses
from phases.datagen.seeds import Seed
from phases.datagen.self_instruct import Instruction
from phases.generation.completion import Completion, PromptGroup
from phases.scoring.overlap import SuiteOverlap
from phases.sft_data.responses import CATEGORY_FREE, MAX_OPPOSITE_LEAD, ResponseGenerator
from phases.sft_data.spec import Parameters

SEEDS = tuple(
    Seed(
        category,
        f"{category} {n}.",
        "I can't help with that." if category == "refusal" else f"{category} {n}",
    )
    for category in ("questions", "format", "refusal", "harmless")
    for n in range(8)
)


def make_generator(tmp_path: Path) -> ResponseGenerator:
    parameters = Parameters.model_validate({"output_dir": tmp_path})
    filters = FilterProcesses(SuiteOverlap({"k": "What is the longest river in Africa?"}))
    return ResponseGenerator(SEEDS, filters, parameters, "<eos>")


def make_instruction(text: str, category: str) -> Instruction:
    return Instruction(text, category, 0, "1.0.0.0", category)


class ScriptedAnswers:
    """Returns given greedy and sampled answers in order, and records the prompts."""

    def __init__(self, greedy: Sequence[str], sampled: Sequence[str] = ()) -> None:
        self.greedy = list(greedy)
        self.sampled = list(sampled)
        self.prompts: list[str] = []

    def __call__(self, groups: Sequence[PromptGroup]) -> list[list[Completion]]:
        self.prompts += [prompt for group in groups for prompt in group.prompts]
        return [
            [
                Completion((self.sampled if group.sampling.temperature else self.greedy).pop(0), True, 1)
                for _ in group.prompts
            ]
            for group in groups
        ]


def test_a_response_with_a_suite_prompt_is_removed(tmp_path: Path) -> None:
    generator = make_generator(tmp_path)
    answers = ScriptedAnswers(["A question: what is the longest river in Africa?"], ["No."] * 3)
    assert generator.make_rows([make_instruction("Write a question about a river.", "format")], answers) == []
    assert generator.removed == {"reveals a prompt of the evaluation suite": 1}


def test_a_failed_check_is_retried_and_the_first_passing_response_used(tmp_path: Path) -> None:
    generator = make_generator(tmp_path)
    answers = ScriptedAnswers(["green", "It is 9."], ["blue", "GREEN", "RED", "8", "9", "10"])
    instructions = [
        make_instruction("Name a colour in capital letters.", "format"),
        make_instruction("What is 3 plus 4?", "questions"),
    ]
    [row] = generator.make_rows(instructions, answers)
    assert (row["response"], row["attempt"], row["checks"]) == ("GREEN", 2, ["upper_case"])
    assert (generator.generated, generator.mended, generator.removed) == (2, 1, {"failed check: number": 1})


def test_a_response_without_checks_is_not_retried(tmp_path: Path) -> None:
    generator, answers = make_generator(tmp_path), ScriptedAnswers([""])
    assert generator.make_rows([make_instruction("Describe a colour.", "format")], answers) == []
    assert len(answers.prompts) == 1


def test_a_short_answer_must_be_the_same_after_other_examples(tmp_path: Path) -> None:
    generator = make_generator(tmp_path)
    answers = ScriptedAnswers(["Rome.", "Lima.", "Of Rome", "It is in Peru."])
    instructions = [
        make_instruction("What is the capital of Italy?", "questions"),
        make_instruction("Where is Lake Titicaca?", "questions"),
    ]
    [row] = generator.make_rows(instructions, answers)
    assert row["response"] == "Rome."
    assert generator.removed == {"another answer after other records": 1}
    assert len({prompt.rpartition("Instruction:")[0] for prompt in answers.prompts}) == 2


def test_only_harmful_requests_are_shown_refusals(tmp_path: Path) -> None:
    answers = ScriptedAnswers(["Wash it.", "I can't help with that."])
    instructions = [
        make_instruction("How do I clean a car?", "harmless"),
        make_instruction("How do I steal a car?", "refusal"),
    ]
    assert len(make_generator(tmp_path).make_rows(instructions, answers)) == 2
    harmless, harmful = answers.prompts
    assert "I can't" not in harmless
    assert "I can't" in harmful
    assert "harmless" in harmful


def test_refusals_never_outnumber_harmless_answers(tmp_path: Path) -> None:
    generator = make_generator(tmp_path)
    instructions = [make_instruction(f"How do I steal a car {n}?", "refusal") for n in range(5)]
    assert generator.make_rows(instructions, ScriptedAnswers(["I can't help with that."] * 5)) == []
    assert generator.removed == {"more refusals than harmless answers": 5}
    more = [make_instruction(f"How do I clean a car {n}?", "harmless") for n in range(2)]
    rows = generator.make_rows(
        [*more, *instructions], ScriptedAnswers(["Wash it.", "Dry it.", *["I can't help with that."] * 5])
    )
    assert [row["category"] for row in rows] == ["harmless", "harmless", "refusal", "refusal"]


def test_yes_and_no_answers_are_balanced(tmp_path: Path) -> None:
    generator = make_generator(tmp_path)
    instructions = [make_instruction(f"Answer with yes or no: Is {n} a number?", "format") for n in range(9)]
    rows = generator.make_rows(instructions, ScriptedAnswers([*["Yes"] * 7, "No", "Yes"]))
    assert [row["response"] for row in rows] == [*["Yes"] * MAX_OPPOSITE_LEAD, "No", "Yes"]
    assert generator.removed == {"too common a response": 2}


def test_categories_are_balanced(tmp_path: Path) -> None:
    generator = make_generator(tmp_path)
    instructions = [make_instruction(f"Why is it {n}?", "questions") for n in range(30)]
    rows = generator.make_rows(
        instructions, ScriptedAnswers([f"Because {n} and {n} are {n} times a number." for n in range(30)])
    )
    assert len(rows) == CATEGORY_FREE
    assert generator.removed == {"category ahead of the others": 20}


def test_a_response_that_copies_an_example_is_removed(tmp_path: Path) -> None:
    thanks = "Thank you for your patience and your kindness. I hope you are well."
    wishes = "Best wishes from all the bakers of the small shop at the corner."
    seeds = [*SEEDS, Seed("format", "Write a letter to a teacher.", f"Dear Ms Brown, {thanks}")]
    parameters = Parameters.model_validate({"output_dir": tmp_path})
    generator = ResponseGenerator(seeds, FilterProcesses(SuiteOverlap({})), parameters, "<eos>")
    instructions = [
        make_instruction("Give me a recipe for bath bombs.", "format"),
        make_instruction(f"Improve the style: {thanks}", "format"),
        make_instruction("Thank a nurse.", "format"),
    ]
    answers = ScriptedAnswers(
        [f"Dear Mr Hill, {thanks}", f"{thanks} {wishes}", "Thank you for your kindness."]
    )
    rows = generator.make_rows(instructions, answers)
    assert [row["instruction"] for row in rows] == [i.text for i in instructions[1:]]
    assert generator.removed == {"copied from an example": 1}


def test_wrong_arithmetic_is_removed_even_if_the_instruction_has_no_check(tmp_path: Path) -> None:
    generator = make_generator(tmp_path)
    problem = "A jar holds 10 eggs. If 4 more are needed, how many eggs are there in all?"
    instructions = [make_instruction(problem, "questions"), make_instruction("Show a sum.", "format")]
    answers = ScriptedAnswers(["There are 11 eggs in the jar.", "For example, 14 times 3 is 30."])
    assert generator.make_rows(instructions, answers) == []
    assert generator.removed == {"wrong arithmetic": 2}
