"""Error analysis: examples and tables."""

from phases.scoring import error_analysis
from phases.scoring.results import EvaluatedAnswer


def answer(key: str, *failures: str) -> EvaluatedAnswer:
    return EvaluatedAnswer(
        key=key,
        category="x",
        instruction="Do.",
        response="r" if failures else "s",
        finished=True,
        passed=not failures,
        failures=failures,
    )


def test_examples_show_every_kind_of_failure_before_more_of_one() -> None:
    kinds = ["a", "a", "a", "b", "b", "c"]
    before = [answer(f"k{n}", kind) for n, kind in enumerate(kinds)]
    after = [answer(f"k{n}") for n in range(len(kinds))]
    gained = error_analysis.find_changes(before, after)["gained"]
    assert [row["key"] for row in gained] == ["k0", "k3", "k5", "k1", "k4", "k2"]
    assert error_analysis.find_typical_failures(before)[0] == {
        "check": "a",
        "count": 3,
        "key": "k0",
        "instruction": "Do.",
        "response": "r",
    }
    one = error_analysis.find_typical_failures([answer("m", "a", "b"), *before])
    assert [row["key"] for row in one] == ["k0", "k3", "k5"]  # those that fail in this way alone


def test_a_table_says_what_it_leaves_out() -> None:
    rows = [{"category": "x", "check": f"c{n}", "fixed": 9 - n} for n in range(8)]
    assert error_analysis.format_table(rows, ["fixed"])[-1] == "2 more rows in the JSON file"
    assert len(error_analysis.format_table(rows[:3], ["fixed"])) == 4
