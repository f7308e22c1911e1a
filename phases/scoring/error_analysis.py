"""Error analysis: what each model fails, by category and check, and what one fixed and broke of another.

A failed answer counts once for every check that it fails; `went_on` and `unfinished` count as checks.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from phases.scoring.results import Result

TYPICAL: Final = 8
"""Kinds of failure of which an example is shown."""
ROWS_OF_A_CATEGORY: Final = 6
"""Most rows of one category in a table of the text; the JSON has all."""


def failing(results: Mapping[str, Sequence[Result]]) -> list[dict[str, Any]]:
    """Return, by category and check, how many answers of each model fail it; the most frequent first.

    Args:
        results: of each model, by its name, on the same prompts in the same order.
    """
    counts = {model: Counter(_failures(rows)) for model, rows in results.items()}
    cells = {cell for counter in counts.values() for cell in counter}
    order = {category: n for n, category in enumerate(_categories(results))}
    models = list(results)
    return [
        {"category": category, "check": check, **{m: counts[m][category, check] for m in models}}
        for category, check in sorted(
            cells, key=lambda cell: (order[cell[0]], -sum(counts[m][cell] for m in models), cell[1])
        )
    ]


def typical(results: Sequence[Result]) -> list[dict[str, Any]]:
    """Return one example of each of the most frequent ways in which a model fails."""
    counts: Counter[str] = Counter()
    first: dict[str, Result] = {}
    for result in results:
        counts.update(result.failures)
        for check in result.failures:
            # An answer that fails in this way alone shows it best.
            if check not in first or len(result.failures) < len(first[check].failures):
                first[check] = result
    return [
        {
            "check": check,
            "count": count,
            "key": first[check].key,
            "instruction": first[check].instruction,
            "response": first[check].response,
        }
        for check, count in counts.most_common(TYPICAL)
    ]


def changed(first: Sequence[Result], second: Sequence[Result]) -> dict[str, list[dict[str, Any]]]:
    """Return the prompts that only the second model follows (`gained`) and only the first (`lost`).

    The first of each category and kind of failure come first, so that a few show the breadth.
    """
    found: dict[str, list[dict[str, Any]]] = {"gained": [], "lost": []}
    for a, b in zip(first, second, strict=True):
        if a.passed != b.passed:
            found["gained" if b.passed else "lost"].append(
                {
                    "key": a.key,
                    "category": a.category,
                    "instruction": a.instruction,
                    "before": a.response,
                    "after": b.response,
                    "failures": (a if b.passed else b).failures,
                }
            )
    return {name: _broad_first(rows) for name, rows in found.items()}


def fixed_and_broken(changes: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """Return, by category and check, how many failures were mended (`fixed`) and are new (`broken`)."""
    counts = {
        name: Counter((row["category"], check) for row in changes[kind] for check in row["failures"])
        for name, kind in (("fixed", "gained"), ("broken", "lost"))
    }
    cells = sorted(
        {*counts["fixed"], *counts["broken"]},
        key=lambda cell: (-counts["fixed"][cell] - counts["broken"][cell], cell),
    )
    return [
        {
            "category": category,
            "check": check,
            "fixed": counts["fixed"][category, check],
            "broken": counts["broken"][category, check],
        }
        for category, check in cells
    ]


def _failures(results: Sequence[Result]) -> Iterator[tuple[str, str]]:
    for result in results:
        for check in result.failures:
            yield result.category, check


def _categories(results: Mapping[str, Sequence[Result]]) -> dict[str, None]:
    return dict.fromkeys(result.category for rows in results.values() for result in rows)


def _broad_first(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    seen: defaultdict[object, int] = defaultdict(int)
    ranked = []
    for n, row in enumerate(rows):
        kind = (row["category"], tuple(row["failures"]))
        ranked.append((seen[kind], n, row))
        seen[kind] += 1
    return [row for _, _, row in sorted(ranked, key=lambda item: item[:2])]


def as_text(
    rows: Sequence[Mapping[str, Any]], columns: Sequence[str], names: Mapping[str, str] | None = None
) -> list[str]:
    """Return a table by category and check, cut to the first rows of each category."""
    names = names or {}
    lines = [f"category       check             {''.join(f'{names.get(c, c):>8}' for c in columns)}"]
    shown: Counter[str] = Counter()
    for row in rows:
        shown[row["category"]] += 1
        if shown[row["category"]] <= ROWS_OF_A_CATEGORY:
            counts = "".join(f"{row[column]:>8}" for column in columns)
            lines.append(f"{row['category']:14} {row['check']:18}{counts}")
    left = sum(max(0, count - ROWS_OF_A_CATEGORY) for count in shown.values())
    return [*lines, f"{left} more rows in the JSON file"] if left else lines
