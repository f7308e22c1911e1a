"""Quality reports of generated rows: filters, lengths, diversity, and distance from the suite."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

from phases.scoring.ngrams import compute_distinct_share, list_words
from phases.scoring.overlap import SuiteOverlap

_NEAREST_PAIRS: Final = 10
_OPENING_WORDS: Final = 2
_COMMON_OPENINGS: Final = 15
_LENGTH_LIMITS: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256)


def summarize_filters(generated: int, removed: Mapping[str, int]) -> dict[str, Any]:
    """Return how many texts each filter removed, most first, and the share that passed all of them."""
    kept = generated - sum(removed.values())
    filters = {
        name: {"removed": count, "share_of_generated": count / max(1, generated)}
        for name, count in sorted(removed.items(), key=lambda item: -item[1])
    }
    return {"generated": generated, "kept": kept, "acceptance": kept / max(1, generated), "filters": filters}


def count_lengths(texts: Sequence[str]) -> dict[str, int]:
    """Return a histogram of the texts' numbers of words, with bins that double."""
    counts = Counter(
        next((limit for limit in _LENGTH_LIMITS if len(text.split()) <= limit), 0) for text in texts
    )
    names = {limit: f"<= {limit}" for limit in _LENGTH_LIMITS} | {0: f"> {_LENGTH_LIMITS[-1]}"}
    return {name: counts[limit] for limit, name in names.items() if counts[limit]}


def measure_diversity(texts: Sequence[str]) -> dict[str, Any]:
    """Return the shares of distinct word n-grams and the most common openings."""
    openings = Counter(" ".join(list_words(text)[:_OPENING_WORDS]) for text in texts)
    return {
        **{f"distinct_{n}gram_share": compute_distinct_share(texts, n) for n in (1, 2, 3)},
        "openings": len(openings),
        "commonest_openings": dict(openings.most_common(_COMMON_OPENINGS)),
    }


def find_nearest_to_suite(texts: Sequence[str], overlap: SuiteOverlap) -> list[dict[str, Any]]:
    """Return the texts that are nearest to a suite prompt, the nearest first."""
    matches = [(text, match) for text in texts if (match := overlap.find_nearest(text))]
    matches.sort(key=lambda pair: (-pair[1].similarity, pair[0]))
    return [
        {
            "instruction": text,
            "suite": match.key,
            "similarity": match.similarity,
            "contained": match.contained,
        }
        for text, match in matches[:_NEAREST_PAIRS]
    ]


def format_report(report: Mapping[str, Any], indent: int = 0) -> str:
    """Return a report as indented lines."""
    lines = []
    margin = "  " * indent
    for name, value in report.items():
        if isinstance(value, Mapping):
            lines.append(f"{margin}{name}\n{format_report(value, indent + 1)}")
        elif isinstance(value, list):
            lines += [f"{margin}{name}", *(f"{margin}  {_format_value(item)}" for item in value)]
        else:
            lines.append(f"{margin}{name}: {_format_value(value)}")
    return "\n".join(line.rstrip("\n") for line in lines) + "\n"


def _format_value(value: object) -> str:
    if isinstance(value, Mapping):
        return " | ".join(f"{name}: {_format_value(inner)}" for name, inner in value.items())
    if isinstance(value, float):
        return f"{value:.3f}"
    return repr(value) if isinstance(value, str) else str(value)
