"""Metrics and quality report of a batch of SFT data."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

from phases.contract.protocol import Value
from phases.datagen.harm_judge import describe_harm_judge
from phases.datagen.quality import count_lengths, find_nearest_to_suite, measure_diversity, summarize_filters
from phases.datagen.run import DataRun
from phases.datagen.self_instruct import DUPLICATE, IN_SUITE, UNCLEAR, SelfInstruct
from phases.sft_data.responses import ResponseGenerator
from phases.sft_data.row_filters import LEAK

_SAMPLES: Final = 24


def compute_metrics(
    data: DataRun, instructions: SelfInstruct, responses: ResponseGenerator
) -> dict[str, Value]:
    """Return the metrics that the phase's spec declares."""
    rows = data.rows
    duplicates, contaminated = instructions.removed[DUPLICATE], instructions.removed[IN_SUITE]
    unclear = instructions.removed[UNCLEAR]
    by_category = _count_categories(data, responses)
    nearest = find_nearest_to_suite([row["instruction"] for row in rows], data.filters.overlap)
    failed_checks = sum(n for name, n in responses.removed.items() if name.startswith("failed check"))
    return {
        "rows": len(rows),
        "total_rows": len(rows) + len(data.earlier),
        "acceptance_rate": len(rows) / max(1, instructions.generated),
        "instructions_generated": instructions.generated,
        "instructions_rejected": instructions.removed.total() - duplicates - contaminated - unclear,
        "duplicates_removed": duplicates,
        "contaminated_removed": contaminated + responses.removed[LEAK],
        "unclear_removed": unclear,
        **describe_harm_judge(data.harm_judge),
        "responses_generated": responses.generated,
        "responses_mended": responses.mended,
        "responses_rejected": responses.removed.total(),
        "responses_unfinished": responses.removed["unfinished response"],
        "checks_failed": failed_checks,
        "checked_share": sum(bool(row["checks"]) for row in rows) / max(1, len(rows)),
        "suite_kinds_share": _measure_suite_kinds(data),
        "categories": sum(count > 0 for count in by_category.values()),
        "smallest_category_share": min(by_category.values()) / max(1, sum(by_category.values())),
        "mean_instruction_words": _compute_mean_words([row["instruction"] for row in rows]),
        "mean_response_words": _compute_mean_words([row["response"] for row in rows]),
        "distinct_3gram_share": measure_diversity([row["instruction"] for row in rows])[
            "distinct_3gram_share"
        ],
        "nearest_suite_similarity": nearest[0]["similarity"] if nearest else 0.0,
        "tokens_generated": data.tokens,
        "tokens_per_second": data.tokens_per_second,
    }


def build_report(data: DataRun, instructions: SelfInstruct, responses: ResponseGenerator) -> dict[str, Any]:
    """Return the quality report."""
    rows = data.rows
    instruction_texts = [row["instruction"] for row in rows]
    response_texts = [row["response"] for row in rows]
    return {
        "rows": len(rows),
        "instructions": summarize_filters(instructions.generated, instructions.removed),
        "responses": summarize_filters(responses.generated, responses.removed),
        "categories": _count_categories(data, responses),
        "mean words of responses by category": _count_words_by_category(rows),
        "groups": dict(responses.groups),
        "rows by checks": dict(Counter(kind for row in rows for kind in row["checks"])),
        "words of instructions": count_lengths(instruction_texts),
        "words of responses": count_lengths(response_texts),
        "diversity of instructions": measure_diversity(instruction_texts),
        "diversity of responses": measure_diversity(response_texts),
        "nearest suite prompts": find_nearest_to_suite(instruction_texts, data.filters.overlap),
        "samples": [
            {"instruction": row["instruction"], "response": row["response"]}
            for row in rows[:: max(1, len(rows) // _SAMPLES)]
        ],
    }


def _count_categories(data: DataRun, responses: ResponseGenerator) -> dict[str, int]:
    """Return the number of rows of each category of the seeds, including those without rows."""
    return {category: responses.rows[category] for category in dict.fromkeys(s.category for s in data.seeds)}


def _compute_mean_words(texts: Sequence[str]) -> float:
    return sum(len(text.split()) for text in texts) / max(1, len(texts))


def _measure_suite_kinds(data: DataRun) -> float:
    """Return the share of the rows whose category is one of the suite's."""
    kinds = {prompt.category for suite in data.suites for prompt in suite.prompts}
    return sum(row["category"] in kinds for row in data.rows) / max(1, len(data.rows))


def _count_words_by_category(rows: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    texts: dict[str, list[str]] = {}
    for row in rows:
        texts.setdefault(row["category"], []).append(row["response"])
    return {category: _compute_mean_words(responses) for category, responses in texts.items()}
