"""Metrics, warnings and quality report of a batch of preference pairs."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final, get_args

from phases.contract.protocol import Value
from phases.datagen.constitution import Rejection
from phases.datagen.harm_judge import describe_harm_judge
from phases.datagen.judge_calibration import is_proven
from phases.datagen.quality import count_lengths, find_nearest_to_suite, measure_diversity, summarize_filters
from phases.datagen.rejections import RejectionType
from phases.datagen.run import DataRun
from phases.datagen.self_instruct import IN_SUITE, UNCLEAR
from phases.preference_pairs.declining_balance import FIRST_ANSWERING, UNBALANCED, count_lessons
from phases.preference_pairs.pair_judge import PairJudge
from phases.preference_pairs.pairs import PairMaker
from phases.preference_pairs.prompts import PromptSource
from phases.scoring.stats import estimate_rate

DECIDERS: Final = ("verifiers", "votes", "judge")
REJECTIONS: Final[tuple[RejectionType, ...]] = (*get_args(Rejection), "unknown")
_SAMPLES: Final = 24
_MAX_LENGTH_BIAS: Final = 0.2
"""Largest difference between `longer_chosen_share` and one half without a warning."""
_MIN_AUDITED: Final = 30
_MIN_AGREEMENT: Final = 0.6
"""Smallest agreement of judge and verifiers without a warning, and the number of audited pairs it needs."""
_MAX_UNBALANCED: Final = 0.05
"""Largest difference of pairs that teach to decline and to answer without a warning, as a share of all pairs.

It is added to `FIRST_ANSWERING`, which are kept however few the pairs are.
"""
_MAX_ONE_SIDED: Final = 0.9
"""Largest share of one rejection type, or of prompts with equal candidates, without a warning."""


def compute_metrics(
    data: DataRun, source: PromptSource, pairs: PairMaker, judge: PairJudge
) -> dict[str, Value]:
    """Return the metrics that the phase's spec declares."""
    rows, prompts = data.rows, max(1, pairs.prompts.total())
    count = max(1, len(rows))
    chosen, rejected = [row["chosen"] for row in rows], [row["rejected"] for row in rows]
    chosen_is_longer = [len(a) > len(b) for a, b in zip(chosen, rejected, strict=True) if len(a) != len(b)]
    rejections = Counter(row["rejection_type"] for row in rows)
    deciders = Counter(row["decided_by"] for row in rows)
    instructions = [row["instruction"] for row in rows]
    lessons = count_lessons([*data.earlier, *rows])
    agreements = [score.preference > 0 for score in judge.audits]
    is_agreeing = bool(agreements) and is_proven(estimate_rate(sum(agreements), len(agreements)))
    return {
        "pairs": len(rows),
        "total_pairs": len(rows) + len(data.earlier),
        "prompts_used": pairs.prompts.total(),
        "pairs_per_prompt": len(rows) / prompts,
        "checked_share": sum(bool(row["checks"]) for row in rows) / count,
        "tie_rate": pairs.outcomes["tie"] / prompts,
        "alike_rate": pairs.outcomes["alike"] / prompts,
        "no_good_candidate_rate": pairs.outcomes["no good candidate"] / prompts,
        **{f"decided_by_{name}_share": deciders[name] / count for name in DECIDERS},
        "mean_margin": _compute_mean([row["margin"] for row in rows]),
        "longer_chosen_share": _compute_share(chosen_is_longer),
        **_estimate("judge_calibration", [score.preference > 0 for score in judge.calibration.scores]),
        "judge_trusted": float(judge.is_trusted),
        **_estimate("judge_verifier_agreement", agreements),
        "judge_unproven_share": 0.0 if is_agreeing else deciders["judge"] / count,
        "judge_tie_rate": _compute_share(
            [not score.is_consistent for score in (*judge.scores, *judge.audits)]
        ),
        "chosen_mean_words": _compute_mean([len(text.split()) for text in chosen]),
        "rejected_mean_words": _compute_mean([len(text.split()) for text in rejected]),
        "candidate_pass_rate": pairs.candidates["good"] / max(1, pairs.candidates.total()),
        "distinct_3gram_share": measure_diversity(instructions)["distinct_3gram_share"],
        "contaminated_removed": (
            source.generator.removed[IN_SUITE] + source.removed[IN_SUITE] + pairs.outcomes[IN_SUITE]
        ),
        "chosen_declines": lessons["decline"],
        "rejected_declines": lessons["answer"],
        "unbalanced_removed": pairs.outcomes[UNBALANCED],
        "unclear_removed": source.removed[UNCLEAR] + source.generator.removed[UNCLEAR],
        **describe_harm_judge(data.harm_judge),
        "tokens_generated": data.tokens,
        "tokens_per_second": data.tokens_per_second,
        **{f"rejected_{kind}_share": rejections[kind] / count for kind in REJECTIONS},
    }


def find_warnings(metrics: Mapping[str, Value], audited: int) -> list[str]:
    """Return reasons to inspect the pairs before training on them.

    Args:
        metrics: the metrics of the batch.
        audited: number of audited pairs.
    """
    warnings = []
    longer = _as_number(metrics["longer_chosen_share"])
    if abs(longer - 0.5) > _MAX_LENGTH_BIAS:
        tendency = "longer" if longer > 0.5 else "shorter"  # noqa: PLR2004
        warnings.append(
            f"length bias: longer_chosen_share is {longer:.2f}; DPO may learn to write {tendency} responses"
        )
    agreement = _as_number(metrics["judge_verifier_agreement"])
    if audited >= _MIN_AUDITED and agreement < _MIN_AGREEMENT:
        warnings.append(
            f"weak judge: in both orders it agrees with the verifiers on {agreement:.0%} of {audited} pairs; "
            "set judged_candidates = 0 to do without it, or raise judge_margin"
        )
    for kind in REJECTIONS:
        share = _as_number(metrics[f"rejected_{kind}_share"])
        if share > _MAX_ONE_SIDED:
            warnings.append(f"one-sided pairs: {share:.0%} of the rejected responses are {kind}")
    declining, answering = _as_number(metrics["chosen_declines"]), _as_number(metrics["rejected_declines"])
    tolerance = FIRST_ANSWERING + _MAX_UNBALANCED * _as_number(metrics["total_pairs"])
    if abs(declining - answering) > tolerance:
        tendency = "decline too much" if declining > answering else "decline nothing"
        warnings.append(
            f"unbalanced pairs: {declining:.0f} teach to decline and {answering:.0f} to answer instead; "
            f"DPO may learn to {tendency}"
        )
    if _as_number(metrics["alike_rate"]) > _MAX_ONE_SIDED:
        warnings.append("candidates hardly differ: raise temperature")
    return warnings


def build_report(
    data: DataRun,
    source: PromptSource,
    pairs: PairMaker,
    judge: PairJudge,
    metrics: Mapping[str, Value],
) -> dict[str, Any]:
    """Return the quality report."""
    rows, generator = data.rows, source.generator
    instructions = [row["instruction"] for row in rows]
    constrained = dict(pairs.constrained.most_common())
    problems = Counter(problem for row in rows for c in row["candidates"] for problem in c["problems"])
    judge_metrics = ("judge_calibration", "judge_verifier_agreement", "judge_tie_rate")
    sample_fields = ("instruction", "chosen", "rejected", "rejection_type", "decided_by")
    return {
        "pairs": len(rows),
        "outcomes of prompts": dict(pairs.outcomes),
        "decided by": dict(Counter(row["decided_by"] for row in rows)),
        "teach to decline or to answer": dict(count_lessons(rows)),
        "rejection types": dict(Counter(row["rejection_type"] for row in rows)),
        "categories": dict(Counter(row["category"] for row in rows)),
        "fresh instructions": summarize_filters(generator.generated, generator.removed),
        "prompts that ask for a check": constrained,
        "of these with a good candidate": {kind: pairs.satisfied[kind] for kind in constrained},
        "problems of candidates": dict(problems.most_common()),
        "judge": {
            **{name: metrics[name] for name in judge_metrics},
            "calibration": judge.calibration.describe(),
            "audited": len(judge.audits),
            "judged": len(judge.scores),
        },
        "words of chosen": count_lengths([row["chosen"] for row in rows]),
        "words of rejected": count_lengths([row["rejected"] for row in rows]),
        "diversity of instructions": measure_diversity(instructions),
        "nearest suite prompts": find_nearest_to_suite(instructions, data.filters.overlap),
        "samples": [
            {name: row[name] for name in sample_fields} for row in rows[:: max(1, len(rows) // _SAMPLES)]
        ],
    }


def _as_number(value: Value) -> float:
    return float(value) if isinstance(value, int | float) else math.nan


def _estimate(name: str, values: Sequence[bool]) -> dict[str, Value]:
    """Return a share and the lower end of its Wilson interval; None without values."""
    if not values:
        return {name: None, f"{name}_low": None}
    estimate = estimate_rate(sum(values), len(values))
    return {name: estimate.rate, f"{name}_low": estimate.low}


def _compute_share(values: Sequence[bool]) -> float | None:
    return sum(values) / len(values) if values else None


def _compute_mean(values: Sequence[float]) -> float:
    return sum(values) / max(1, len(values))
