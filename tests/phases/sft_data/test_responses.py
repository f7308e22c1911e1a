"""Rows made of scripted responses: filters, retries, confirmations and balance."""

from collections.abc import Sequence
from pathlib import Path

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


def responses(tmp_path: Path) -> ResponseGenerator:
    parameters = Parameters.model_validate({"output_dir": tmp_path})
    overlap = SuiteOverlap({"k": "What is the longest river in Africa?"})
    return ResponseGenerator(SEEDS, overlap, parameters, "<eos>")


def asked(text: str, category: str) -> Instruction:
    return Instruction(text, category, 0, "1.0.0.0", category)


class Answers:
    """Says what it is told, by temperature and by how often it has been asked; remembers the prompts."""

    def __init__(self, likeliest: Sequence[str], sampled: Sequence[str] = ()) -> None:
        self.likeliest = list(likeliest)
        self.sampled = list(sampled)
        self.prompts: list[str] = []

    def __call__(self, groups: Sequence[PromptGroup]) -> list[list[Completion]]:
        self.prompts += [prompt for group in groups for prompt in group.prompts]
        return [
            [
                Completion((self.sampled if group.sampling.temperature else self.likeliest).pop(0), True, 1)
                for _ in group.prompts
            ]
            for group in groups
        ]


def test_a_response_that_asks_what_the_suite_asks_is_no_row(tmp_path: Path) -> None:
    made, say = (
        responses(tmp_path),
        Answers(["A question: what is the longest river in Africa?"], ["No."] * 3),
    )
    assert made.make_rows([asked("Write a question about a river.", "format")], say) == []
    assert made.removed == {"holds a prompt of the evaluation suite": 1}


def test_a_response_that_fails_its_check_is_sampled_again_and_the_first_that_passes_is_taken(
    tmp_path: Path,
) -> None:
    made, say = responses(tmp_path), Answers(["green", "It is 9."], ["blue", "GREEN", "RED", "8", "9", "10"])
    some = [asked("Name a colour in capital letters.", "format"), asked("What is 3 plus 4?", "questions")]
    [row] = made.make_rows(some, say)
    assert (row["response"], row["attempt"], row["checks"]) == ("GREEN", 2, ["upper_case"])
    assert (made.generated, made.mended, made.removed) == (2, 1, {"failed check: number": 1})


def test_a_response_without_checks_is_not_sampled_again(tmp_path: Path) -> None:
    made, say = responses(tmp_path), Answers([""])
    assert made.make_rows([asked("Describe a colour.", "format")], say) == []
    assert len(say.prompts) == 1


def test_a_short_answer_must_be_the_same_after_other_records(tmp_path: Path) -> None:
    made, say = responses(tmp_path), Answers(["Rome.", "Lima.", "Of Rome", "It is in Peru."])
    some = [
        asked("What is the capital of Italy?", "questions"),
        asked("Where is Lake Titicaca?", "questions"),
    ]
    [row] = made.make_rows(some, say)
    assert row["response"] == "Rome."
    assert made.removed == {"another answer after other records": 1}
    assert len({prompt.rpartition("Instruction:")[0] for prompt in say.prompts}) == 2


def test_only_what_is_to_be_refused_is_shown_refusals(tmp_path: Path) -> None:
    say = Answers(["Wash it.", "I can't help with that."])
    some = [asked("How do I clean a car?", "harmless"), asked("How do I steal a car?", "refusal")]
    assert len(responses(tmp_path).make_rows(some, say)) == 2
    harmless, harmful = say.prompts
    assert "I can't" not in harmless
    assert "I can't" in harmful
    assert "harmless" in harmful


def test_there_are_never_more_refusals_than_harmless_answers(tmp_path: Path) -> None:
    made = responses(tmp_path)
    some = [asked(f"How do I steal a car {n}?", "refusal") for n in range(5)]
    assert made.make_rows(some, Answers(["I can't help with that."] * 5)) == []
    assert made.removed == {"more refusals than harmless answers": 5}
    more = [asked(f"How do I clean a car {n}?", "harmless") for n in range(2)]
    rows = made.make_rows([*more, *some], Answers(["Wash it.", "Dry it.", *["I can't help with that."] * 5]))
    assert [row["category"] for row in rows] == ["harmless", "harmless", "refusal", "refusal"]


def test_yes_and_no_are_answers_alike_often(tmp_path: Path) -> None:
    made = responses(tmp_path)
    some = [asked(f"Answer with yes or no: Is {n} a number?", "format") for n in range(9)]
    rows = made.make_rows(some, Answers([*["Yes"] * 7, "No", "Yes"]))
    assert [row["response"] for row in rows] == [*["Yes"] * MAX_OPPOSITE_LEAD, "No", "Yes"]
    assert made.removed == {"too common a response": 2}


def test_no_category_runs_ahead(tmp_path: Path) -> None:
    made = responses(tmp_path)
    some = [asked(f"Why is it {n}?", "questions") for n in range(30)]
    rows = made.make_rows(some, Answers([f"Because {n} and {n} are {n} times a number." for n in range(30)]))
    assert len(rows) == CATEGORY_FREE
    assert made.removed == {"category ahead of the others": 20}
