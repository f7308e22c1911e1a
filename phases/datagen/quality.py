"""What generated rows look like: funnel of filters, mix, lengths, diversity, distance to the suite."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

from phases.scoring.ngrams import compute_distinct_share, list_words
from phases.scoring.overlap import SuiteMatch, SuiteOverlap

NEAREST_SHOWN: Final = 10
_EDGES: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256)


def funnel(generated: int, removed: Mapping[str, int], kept: int) -> dict[str, Any]:
    """Return what each filter removed, and the share of what reached it that passed it.

    Args:
        generated: what there was at first.
        removed: what each filter removed, in the order in which they were first needed.
        kept: what was left after all.
    """
    filters = {
        name: {"removed": count, "share_of_generated": count / max(1, generated)}
        for name, count in sorted(removed.items(), key=lambda item: -item[1])
    }
    return {"generated": generated, "kept": kept, "acceptance": kept / max(1, generated), "filters": filters}


def lengths(texts: Sequence[str]) -> dict[str, int]:
    """Return how many texts have how many words, in classes that double."""
    counts = Counter(next((edge for edge in _EDGES if len(text.split()) <= edge), 0) for text in texts)
    names = {edge: f"<= {edge}" for edge in _EDGES} | {0: f"> {_EDGES[-1]}"}
    return {names[edge]: counts[edge] for edge in (*_EDGES, 0) if counts[edge]}


def diversity(texts: Sequence[str]) -> dict[str, Any]:
    """Return shares of distinct word n-grams and the commonest openings."""
    openings = Counter(" ".join(list_words(text)[:2]) for text in texts)
    return {
        **{f"distinct_{n}gram_share": compute_distinct_share(texts, n) for n in (1, 2, 3)},
        "openings": len(openings),
        "commonest_openings": dict(openings.most_common(15)),
    }


def nearest_prompts(texts: Sequence[str], overlap: SuiteOverlap) -> list[tuple[str, SuiteMatch]]:
    """Return the texts with their nearest suite prompts, the nearest first."""
    found = [(text, nearest) for text in texts if (nearest := overlap.find_nearest(text))]
    return sorted(found, key=lambda pair: (-pair[1].similarity, pair[0]))


def nearest_report(texts: Sequence[str], overlap: SuiteOverlap) -> list[dict[str, Any]]:
    """Return the nearest pairs of a text and a suite prompt, as rows of a report."""
    return [
        {
            "instruction": text,
            "suite": found.key,
            "similarity": found.similarity,
            "contained": found.contained,
        }
        for text, found in nearest_prompts(texts, overlap)[:NEAREST_SHOWN]
    ]


def as_text(report: Mapping[str, Any], indent: int = 0) -> str:
    """Return a report as indented lines."""
    lines = []
    for name, value in report.items():
        margin = "  " * indent
        if isinstance(value, Mapping):
            lines.append(f"{margin}{name}\n{as_text(value, indent + 1)}")
        elif isinstance(value, list):
            lines += [f"{margin}{name}", *(f"{margin}  {_line(item)}" for item in value)]
        else:
            lines.append(f"{margin}{name}: {_line(value)}")
    return "\n".join(line.rstrip("\n") for line in lines) + "\n"


def _line(value: object) -> str:
    if isinstance(value, Mapping):
        return " | ".join(f"{name}: {_line(inner)}" for name, inner in value.items())
    return (
        f"{value:.3f}" if isinstance(value, float) else repr(value) if isinstance(value, str) else str(value)
    )
