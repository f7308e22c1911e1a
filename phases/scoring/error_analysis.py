"""Error analysis: failures by category and check, and what one model fixes and breaks compared with another.

A failed answer counts once for every check that it fails. `went_on` and `unfinished` count as checks.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from phases.contract.failure_names import FAILURE_NAMES, name_failure
from phases.scoring.results import EvaluatedAnswer

TYPICAL_FAILURES: Final = 8
"""Kinds of failure with an example."""
ROWS_PER_CATEGORY: Final = 6
"""Most rows of a category in a text table; the JSON file holds all."""
_FAILURE_WIDTH: Final = max(map(len, FAILURE_NAMES.values())) + 1


def count_failures(answers: Mapping[str, Sequence[EvaluatedAnswer]]) -> list[dict[str, Any]]:
    """Return how many answers of each model fail each check of a category, most frequent first.

    Args:
        answers: the answers to the same prompts in the same order, by model.
    """
    counts = {model: Counter(_iterate_failures(rows)) for model, rows in answers.items()}
    totals = sum(counts.values(), Counter())
    categories = dict.fromkeys(answer.category for rows in answers.values() for answer in rows)
    order = {category: position for position, category in enumerate(categories)}
    return [
        {"category": category, "check": check, **{m: counts[m][category, check] for m in counts}}
        for category, check in sorted(totals, key=lambda cell: (order[cell[0]], -totals[cell], cell[1]))
    ]


def find_typical_failures(answers: Sequence[EvaluatedAnswer]) -> list[dict[str, Any]]:
    """Return the most frequent kinds of failure, with an example of each."""
    counts: Counter[str] = Counter()
    examples: dict[str, EvaluatedAnswer] = {}
    for answer in answers:
        counts.update(answer.failures)
        for check in answer.failures:
            # An answer that fails nothing else is the clearest example.
            if check not in examples or len(answer.failures) < len(examples[check].failures):
                examples[check] = answer
    return [
        {
            "check": check,
            "count": count,
            "key": examples[check].key,
            "instruction": examples[check].instruction,
            "response": examples[check].response,
        }
        for check, count in counts.most_common(TYPICAL_FAILURES)
    ]


def find_changes(
    before: Sequence[EvaluatedAnswer], after: Sequence[EvaluatedAnswer]
) -> dict[str, list[dict[str, Any]]]:
    """Return the prompts that only the later model follows (`gained`) and only the earlier one (`lost`).

    The first row of each category and kind of failure comes first, so that a few rows show the breadth.
    """
    changes: dict[str, list[dict[str, Any]]] = {"gained": [], "lost": []}
    for earlier, later in zip(before, after, strict=True):
        if earlier.is_following == later.is_following:
            continue
        failed = earlier if later.is_following else later
        changes["gained" if later.is_following else "lost"].append(
            {
                "key": earlier.key,
                "category": earlier.category,
                "instruction": earlier.instruction,
                "before": earlier.response,
                "after": later.response,
                "failures": failed.failures,
            }
        )
    return {name: _order_by_breadth(rows) for name, rows in changes.items()}


def count_fixed_and_broken(changes: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """Return how many failures of each check were `fixed` and newly `broken`, most frequent first."""
    fixed = Counter((row["category"], check) for row in changes["gained"] for check in row["failures"])
    broken = Counter((row["category"], check) for row in changes["lost"] for check in row["failures"])
    cells = sorted({*fixed, *broken}, key=lambda cell: (-fixed[cell] - broken[cell], cell))
    return [
        {
            "category": category,
            "check": check,
            "fixed": fixed[category, check],
            "broken": broken[category, check],
        }
        for category, check in cells
    ]


def format_table(
    rows: Sequence[Mapping[str, Any]], columns: Sequence[str], titles: Mapping[str, str] | None = None
) -> list[str]:
    """Return the lines of a table by category and check, limited to the first rows of each category.

    Args:
        rows: rows with `category`, `check` and the columns.
        columns: keys of the counts.
        titles: titles of columns whose title is not their key.
    """
    titles = titles or {}
    header = "".join(f"{titles.get(column, column):>8}" for column in columns)
    lines = [f"category       {'failure':{_FAILURE_WIDTH}} {header}"]
    row_counts: Counter[str] = Counter()
    for row in rows:
        row_counts[row["category"]] += 1
        if row_counts[row["category"]] <= ROWS_PER_CATEGORY:
            counts = "".join(f"{row[column]:>8}" for column in columns)
            lines.append(f"{row['category']:14} {name_failure(row['check']):{_FAILURE_WIDTH}} {counts}")
    omitted = sum(max(0, count - ROWS_PER_CATEGORY) for count in row_counts.values())
    return [*lines, f"{omitted} more rows in the JSON file"] if omitted else lines


def _iterate_failures(answers: Sequence[EvaluatedAnswer]) -> Iterator[tuple[str, str]]:
    for answer in answers:
        for check in answer.failures:
            yield answer.category, check


def _order_by_breadth(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    occurrences: defaultdict[object, int] = defaultdict(int)
    ranked = []
    for row in rows:
        kind = (row["category"], tuple(row["failures"]))
        ranked.append((occurrences[kind], row))
        occurrences[kind] += 1
    return [row for _, row in sorted(ranked, key=lambda item: item[0])]
