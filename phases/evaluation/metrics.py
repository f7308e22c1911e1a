"""The metrics of an evaluation, computed from its checked answers."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from phases.evaluation.spec import CATEGORIES, CATEGORY_RATES
from phases.scoring.results import EvaluatedAnswer
from phases.scoring.stats import estimate_rate
from phases.scoring.suite import Suite
from phases.verifiers import ifeval

RATES: Final[dict[str, Callable[[EvaluatedAnswer], bool]]] = {
    "following_rate": lambda answer: answer.is_following,
    "following_rate_loose": lambda answer: bool(answer.follows_loosely),
    "stopping_rate": lambda answer: answer.is_stopping,
    "success_rate": lambda answer: answer.passed,
}
"""Which answers each rate counts. Success is following and stopping."""
FEW_SHOT_RATES: Final = ("following_rate", "stopping_rate")
"""The rates after solved examples, whose format invites another instruction: success says little there."""


def compute_metrics(
    answers: Sequence[EvaluatedAnswer], few_shot_answers: Sequence[EvaluatedAnswer] = ()
) -> dict[str, Any]:
    """Return the metrics of an evaluation, except for the speed and IFEval's scores."""
    count = len(answers)
    metrics: dict[str, Any] = {
        **_estimate_rates(answers),
        "prompts": count,
        "passed": sum(answer.passed for answer in answers),
        "truncation_rate": sum("unfinished" in answer.failures for answer in answers) / count,
        "went_on_rate": sum("went_on" in answer.failures for answer in answers) / count,
        "mean_tokens": sum(answer.tokens for answer in answers) / count,
    }
    if few_shot_answers:
        metrics |= _estimate_rates(few_shot_answers, "_few_shot")
    for category, rows in _group_by_category(answers).items():
        if category in CATEGORIES:
            metrics |= {
                f"{name}_{category}": sum(map(RATES[name], rows)) / len(rows) for name in CATEGORY_RATES
            }
    return metrics


def summarize_categories(answers: Sequence[EvaluatedAnswer]) -> dict[str, dict[str, Any]]:
    """Return the rates of each category with their intervals."""
    return {
        category: {
            "prompts": len(rows),
            "passed": sum(answer.passed for answer in rows),
            **_estimate_rates(rows),
        }
        for category, rows in _group_by_category(answers).items()
    }


def _estimate_rates(answers: Sequence[EvaluatedAnswer], suffix: str = "") -> dict[str, float]:
    """Return every rate with its Wilson interval."""
    rates: dict[str, float] = {}
    for name, counts in RATES.items():
        if suffix and name not in FEW_SHOT_RATES:
            continue
        estimate = estimate_rate(sum(counts(answer) for answer in answers), len(answers))
        rates |= estimate.as_metrics(f"{name}{suffix}")
    return rates


def _group_by_category(answers: Sequence[EvaluatedAnswer]) -> dict[str, list[EvaluatedAnswer]]:
    by_category: dict[str, list[EvaluatedAnswer]] = defaultdict(list)
    for answer in answers:
        by_category[answer.category].append(answer)
    return by_category


def is_ifeval_suite(suite: Suite) -> bool:
    """Return whether a suite is IFEval's public prompt file."""
    return all(ifeval.has_ifeval_checks(prompt.checks) for prompt in suite.prompts)


def compute_ifeval_scores(suite: Suite, answers: Sequence[EvaluatedAnswer]) -> Mapping[str, float]:
    """Return IFEval's standard scores, which ignore how an answer ended; empty for another suite."""
    if not is_ifeval_suite(suite):
        return {}
    strict_failures = [
        [failure for failure in answer.failures if failure in ifeval.INSTRUCTIONS] for answer in answers
    ]
    return ifeval.compute_scores(
        [prompt.checks for prompt in suite.prompts],
        strict_failures,
        [answer.loose_failures for answer in answers],
    )


def describe_metrics(metrics: Mapping[str, Any]) -> str:
    """Return a sentence with the rates."""
    parts = [
        f"{metrics['prompts']} prompts: following {_format_rate(metrics, 'following_rate')}",
        f"stopping {_format_rate(metrics, 'stopping_rate')}",
        f"both {_format_rate(metrics, 'success_rate')}",
        f"{metrics['went_on_rate']:.1%} went on, {metrics['truncation_rate']:.1%} cut off",
    ]
    if "following_rate_few_shot" in metrics:
        parts.append(f"following after solved examples {_format_rate(metrics, 'following_rate_few_shot')}")
    parts += [f"{name} {metrics[name]:.1%}" for name in ifeval.SCORES if name in metrics]
    return "; ".join(parts)


def _format_rate(metrics: Mapping[str, Any], name: str) -> str:
    return f"{metrics[name]:.1%} [{metrics[f'{name}_low']:.1%}, {metrics[f'{name}_high']:.1%}]"
