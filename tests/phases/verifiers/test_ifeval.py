"""IFEval: each instruction with responses that must pass and must fail, the variants, the four numbers."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phases.contract.phase_main import phase_main
from phases.scoring.suite import SuiteError, load_suite
from phases.verifiers import ifeval
from phases.verifiers.registry import Check

EXAMPLES: list[tuple[str, dict[str, Any], list[str], list[str]]] = [
    # a keyword is a regular expression, found inside words too
    ("keywords:existence", {"keywords": ["cat", "dog"]}, ["A DOG and a concatenation"], ["a dog"]),
    (
        "keywords:frequency",
        {"keyword": " rock ", "frequency": 2, "relation": "at least"},
        ["Rock and rocks"],
        ["rock", "r o c k"],
    ),
    ("keywords:frequency", {"keyword": "a", "frequency": 2, "relation": "less than"}, ["bat"], ["A bat"]),
    ("keywords:forbidden_words", {"forbidden_words": ["rock"]}, ["rocky", "the_rock"], ["Rock!", "the-rock"]),
    (
        "keywords:letter_frequency",
        {"letter": "#", "let_frequency": 2, "let_relation": "at least"},
        ["#a #b"],
        ["#a"],
    ),
    (
        "keywords:letter_frequency",
        {"letter": "T", "let_frequency": 2, "let_relation": "less than"},
        ["a tea"],
        ["Tart"],
    ),
    (
        "language:response_language",
        {"language": "fr"},
        ["Le chat est sur la table et il mange une pomme.", "12345"],
        ["The cat is on the table and it eats an apple."],
    ),
    (
        "length_constraints:number_sentences",
        {"num_sentences": 2, "relation": "less than"},
        ["Dr. Smith came home", "It costs 3.5 euros.", "He saw Gen. Lee of Calif. today."],
        ["One. Two.", "Is it? It is.", "A. Bread\nB. Butter"],
    ),
    (
        "length_constraints:number_sentences",
        {"num_sentences": 3, "relation": "at least"},
        ["We came. We saw. We went!"],
        ["We came, we saw... and we went."],
    ),
    (
        "length_constraints:number_paragraphs",
        {"num_paragraphs": 2},
        ["a *** b", "***\na\n***\nb\n***", "a***b"],
        ["a\n\nb", "a *** *** b", "a *** b *** c", "a"],
    ),
    (
        "length_constraints:number_words",
        {"num_words": 3, "relation": "at least"},
        ["well-known man", "a b c"],
        ["a b", "it_is so"],
    ),
    (
        "length_constraints:nth_paragraph_first_word",
        {"num_paragraphs": 2, "nth_paragraph": 2, "first_word": "hello"},
        ["a\n\n'Hello' there", 'a\n\n  "hello,world', "a\nb\n\nHELLO"],
        ["a\n\nhellos", "a\nhello", "a\n\nhello\n\nb", "a\n\n\n\nhello", "a\n\n"],
    ),
    (
        "detectable_content:number_placeholders",
        {"num_placeholders": 2},
        ["[a][b]", "[] [x]"],
        ["[a", "[a\nb] [c]"],
    ),
    (
        "detectable_content:postscript",
        {"postscript_marker": "P.S."},
        ["Bye\np. s. more", "inline p.s. it", "P.S."],
        ["PS more", "P.S more", "p.  s. more"],
    ),
    (
        "detectable_content:postscript",
        {"postscript_marker": "P.P.S"},
        ["p.p.s more", "P. P. S."],
        ["P.S. more", "PPS"],
    ),
    (
        "detectable_format:number_bullet_lists",
        {"num_bullets": 2},
        ["* a\n* b", "text\n- a\n  *b\nmore", "--\n-"],
        ["* a", "** a\n** b", "* a\n* b\n- c", "a - b\nc * d"],
    ),
    (
        "detectable_format:constrained_response",
        {},
        ["My answer is yes.", "Well: My answer is maybe. Or so"],
        ["my answer is yes.", "My answer is yes", "Yes."],
    ),
    (
        "detectable_format:number_highlighted_sections",
        {"num_highlights": 2},
        ["*a* and *b c*", "**a** *b*", "*a* b *c*"],
        ["*a*", "* * *b", "*a\nb* *c*", "**"],
    ),
    (
        "detectable_format:multiple_sections",
        {"section_spliter": "SECTION", "num_sections": 2},
        ["SECTION 1\na\nSECTION 2\nb", "SECTION1 SECTION 7"],
        ["Section 1\na\nSection 2\nb", "SECTION 1", "SECTION one SECTION two"],
    ),
    (
        "detectable_format:json_format",
        {},
        ['{"a": 1}', '```json\n{"a": [1]}\n```', "``` 3 ```", '"text"'],
        ['Here: {"a": 1}', "{'a': 1}", "```yaml\na: 1\n```"],
    ),
    (
        "detectable_format:title",
        {},
        ["<<Joy>>\ntext", "a <<b>> c", "<<<x>>>"],
        ["<Joy>", "<<>>", "<< >>", "<<a\nb>>"],
    ),
    (
        "combination:two_responses",
        {},
        ["a ****** b", "******a******b******"],
        ["a ****** a", "a", "a ****** b ****** c", "a ******\n****** b"],
    ),
    (
        "combination:repeat_prompt",
        {"prompt_to_repeat": " Say hello. "},
        ["say HELLO. Hello!", "\nSay hello."],
        ["Sure. Say hello.", "Say hello"],
    ),
    (
        "startend:end_checker",
        {"end_phrase": "Any questions?"},
        ["Bye. any questions?", '"Bye. Any questions?"\n'],
        ["Any questions? Bye", "Any questions?'", "Any questions"],
    ),
    ("startend:quotation", {}, ['"a"', ' "" '], ['"', '"a" b', "“a”", "'a'"]),
    (
        "change_case:capital_word_frequency",
        {"capital_frequency": 2, "capital_relation": "at least"},
        ["I am HERE", "A U.S. map", "WELL-KNOWN and A"],
        ["WELL-KNOWN", "Here I am", "AbC D"],
    ),
    (
        "change_case:capital_word_frequency",
        {"capital_frequency": 1, "capital_relation": "less than"},
        ["no Capitals here"],
        ["NO", "it is I"],
    ),
    (
        "change_case:english_capital",
        {},
        ["THE CAT IS ON THE TABLE AND IT IS HAPPY."],
        ["THE CAT is ON THE TABLE.", "КОШКА СИДИТ НА СТОЛЕ И ЕСТ ЯБЛОКО.", "123"],
    ),
    (
        "change_case:english_lowercase",
        {},
        ["the cat is on the table and it is happy."],
        ["The cat is on the table.", "le chat est sur la table et il mange une pomme.", "123"],
    ),
    ("punctuation:no_comma", {}, ["a; b", "a، b"], ["a, b", ","]),
]


@pytest.mark.parametrize(("name", "arguments", "good", "bad"), EXAMPLES)
def test_examples(name: str, arguments: dict[str, Any], good: list[str], bad: list[str]) -> None:
    check = Check(name, arguments)
    assert [text for text in good if ifeval.find_strict_failures([check], text)] == []
    assert [text for text in bad if not ifeval.find_strict_failures([check], text)] == []


def test_every_instruction_has_examples() -> None:
    assert {name for name, *_ in EXAMPLES} == set(ifeval.INSTRUCTIONS)
    assert len(ifeval.INSTRUCTIONS) == 25


@pytest.mark.parametrize(("name", "arguments"), [example[:2] for example in EXAMPLES])
def test_a_blank_response_follows_nothing(name: str, arguments: dict[str, Any]) -> None:
    for blank in ("", " \n"):
        assert ifeval.find_strict_failures([Check(name, arguments)], blank) == (name,)
        assert ifeval.find_loose_failures([Check(name, arguments)], blank) == (name,)


def test_the_variants_leave_out_first_and_last_lines_and_asterisks() -> None:
    cut = ["Sure!\n*a*\nb\nBye", "*a*\nb\nBye", "Sure!\n*a*\nb", "*a*\nb"]
    assert ifeval.make_variants(cut[0]) == [*cut, *(text.replace("*", "") for text in cut)]


def test_loose_forgives_an_introduction_each_instruction_by_itself() -> None:
    response = 'Sure, here it is:\n"A text."\nBye, bye'
    checks = [Check("startend:quotation"), Check("punctuation:no_comma"), Check("detectable_format:title")]
    assert ifeval.find_strict_failures(checks, response) == tuple(check.kind for check in checks)
    assert ifeval.find_loose_failures(checks, response) == ("detectable_format:title",)


@given(st.text(alphabet="a*- \n,.<>[]\"'P.S1", max_size=60))
def test_a_strict_pass_is_a_loose_pass(response: str) -> None:
    checks = [Check(name, arguments) for name, arguments, *_ in EXAMPLES if "anguage" not in name]
    checks = [check for check in checks if "english" not in check.kind]
    assert set(ifeval.find_loose_failures(checks, response)) <= set(
        ifeval.find_strict_failures(checks, response)
    )


def test_the_four_numbers() -> None:
    a, b = Check("punctuation:no_comma"), Check("startend:quotation")
    checks = [[a, b], [a], [b]]
    found = ifeval.compute_scores(
        checks, strict_failures=[[b.kind], [], [b.kind]], loose_failures=[[], [], [b.kind]]
    )
    assert found == {
        "ifeval_prompt_strict": pytest.approx(1 / 3),
        "ifeval_instruction_strict": pytest.approx(1 / 2),
        "ifeval_prompt_loose": pytest.approx(2 / 3),
        "ifeval_instruction_loose": pytest.approx(3 / 4),
    }


def row(**changed: Any) -> dict[str, Any]:
    """A line of the file as the hub has it: every argument of every instruction, null where unused."""
    given = {"num_bullets": None, "relation": "at least", "num_words": 1, "keywords": None}
    base = {
        "key": 1000,
        "prompt": "Write a word or more without commas.",
        "instruction_id_list": ["length_constraints:number_words", "punctuation:no_comma"],
        "kwargs": [given, dict.fromkeys(given)],
    }
    return {**base, **changed}


def write(folder: Path, *rows: dict[str, Any]) -> Path:
    path = folder / "input_data.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in rows))
    return path


def test_the_public_file_is_a_suite(tmp_path: Path) -> None:
    suite = load_suite(str(write(tmp_path, row(), row(key="1001"))))
    assert [(p.key, p.category) for p in suite.prompts] == [
        ("1000", "length_constraints"),
        ("1001", "length_constraints"),
    ]
    assert suite.prompts[0].checks == (
        Check("length_constraints:number_words", {"relation": "at least", "num_words": 1}),
        Check("punctuation:no_comma"),
    )


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"instruction_id_list": ["punctuation:no_comma"]}, "1 instructions but kwargs for 2"),
        (
            {"instruction_id_list": ["punctuation:no_dash"], "kwargs": [{}]},
            "unknown instruction 'punctuation:no_dash'",
        ),
        (
            {"instruction_id_list": ["startend:end_checker"], "kwargs": [{}]},
            "startend:end_checker",
        ),
        (
            {
                "instruction_id_list": ["length_constraints:number_words"],
                "kwargs": [{"relation": "at most", "num_words": 3}],
            },
            "relation is 'at most'",
        ),
    ],
)
def test_a_row_that_cannot_be_checked_is_named(changed: dict[str, Any], said: str, tmp_path: Path) -> None:
    path = write(tmp_path, row(), row(**changed))
    with pytest.raises(SuiteError, match=f"line 2: .*{re.escape(said)}"):
        load_suite(str(path))


def test_an_evaluation_reports_the_four_numbers(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GONOGO_RESULT", str(tmp_path / "result.json"))
    path = write(tmp_path, row(), row(key=1, instruction_id_list=["startend:quotation"], kwargs=[{}]))
    given = ["--model", str(tiny_model), "--suite", str(path), "--output-dir", str(tmp_path / "out")]
    assert phase_main("phases.evaluation", [*given, "--max-new-tokens", "6"]) == 0
    metrics = json.loads((tmp_path / "result.json").read_text())["metrics"]
    [written] = (tmp_path / "out").glob("eval_*.json")
    summary = json.loads(written.read_text())
    checks = [prompt.checks for prompt in load_suite(str(path)).prompts]
    answers = [result["response"] for result in summary["results"]]
    again = ifeval.compute_scores(
        checks,
        [ifeval.find_strict_failures(c, a) for c, a in zip(checks, answers, strict=True)],
        [ifeval.find_loose_failures(c, a) for c, a in zip(checks, answers, strict=True)],
    )
    assert {name: metrics[name] for name in ifeval.SCORES} == again
    assert summary["provenance"]["sentences"] == ifeval.describe_sentence_splitter()
