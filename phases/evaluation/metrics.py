"""Checking answers, and the metrics computed from them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from phases.evaluation.spec import CATEGORIES
from phases.generation.completion import Completion
from phases.scoring.results import EvaluatedAnswer
from phases.scoring.stats import estimate_rate
from phases.scoring.suite import Prompt, Suite
from phases.verifiers import ifeval
from phases.verifiers.registry import find_failures


def check_answer(prompt: Prompt, completion: Completion, shots: int = 0) -> EvaluatedAnswer:
    """Return a completion as an answer, with everything that it fails."""
    loose_failures: tuple[str, ...] = ()
    if ifeval.has_ifeval_checks(prompt.checks):
        failures = ifeval.find_strict_failures(prompt.checks, completion.text)
        loose_failures = ifeval.find_loose_failures(prompt.checks, completion.text)
    else:
        failures = find_failures(prompt.instruction, prompt.checks, completion.text)
    if not completion.finished:
        failures = ("unfinished", *failures)
    elif completion.stopped:
        failures = ("went_on", *failures)
    return EvaluatedAnswer(
        key=prompt.key,
        category=prompt.category,
        instruction=prompt.instruction,
        response=completion.text,
        finished=completion.finished and not completion.stopped,
        tokens=completion.tokens,
        passed=not failures,
        failures=failures,
        shots=shots,
        loose_failures=loose_failures,
    )


def compute_metrics(
    answers: Sequence[EvaluatedAnswer], few_shot_answers: Sequence[EvaluatedAnswer] = ()
) -> dict[str, Any]:
    """Return the metrics of an evaluation, except for the speed and IFEval's scores."""
    count = len(answers)
    success = estimate_rate(sum(answer.passed for answer in answers), count)
    if_stopped = estimate_rate(sum(answer.is_following for answer in answers), count)
    metrics: dict[str, Any] = {
        "success_rate": success.rate,
        "success_rate_low": success.low,
        "success_rate_high": success.high,
        "prompts": success.total,
        "passed": success.passed,
        "truncation_rate": sum("unfinished" in answer.failures for answer in answers) / count,
        "success_rate_if_stopped": if_stopped.rate,
        "success_rate_if_stopped_low": if_stopped.low,
        "success_rate_if_stopped_high": if_stopped.high,
        "went_on_rate": sum("went_on" in answer.failures for answer in answers) / count,
        "mean_tokens": sum(answer.tokens for answer in answers) / count,
    }
    if few_shot_answers:
        # The format of the examples invites another instruction, so stopping in time is not required.
        followed = sum(answer.is_following for answer in few_shot_answers)
        few_shot = estimate_rate(followed, len(few_shot_answers))
        metrics |= {
            "success_rate_few_shot": few_shot.rate,
            "success_rate_few_shot_low": few_shot.low,
            "success_rate_few_shot_high": few_shot.high,
        }
    for category, row in summarise_categories(answers).items():
        if category in CATEGORIES:
            metrics[f"success_rate_{category}"] = row["success_rate"]
    return metrics


def summarise_categories(answers: Sequence[EvaluatedAnswer]) -> dict[str, dict[str, Any]]:
    """Return the rates of each category by both rules."""
    by_category: dict[str, list[EvaluatedAnswer]] = defaultdict(list)
    for answer in answers:
        by_category[answer.category].append(answer)
    summary = {}
    for category, rows in by_category.items():
        success = estimate_rate(sum(answer.passed for answer in rows), len(rows))
        summary[category] = {
            "success_rate": success.rate,
            "interval": [success.low, success.high],
            "passed": success.passed,
            "prompts": success.total,
            "success_rate_if_stopped": sum(answer.is_following for answer in rows) / success.total,
        }
    return summary


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
    """Return a sentence with the rates by both rules."""
    parts = [
        f"{metrics['passed']} of {metrics['prompts']} followed: {_format_rate(metrics, 'success_rate')}",
        f"following alone, without stopping in time: {_format_rate(metrics, 'success_rate_if_stopped')}",
        f"{metrics['went_on_rate']:.1%} went on, {metrics['truncation_rate']:.1%} cut off",
    ]
    if "success_rate_few_shot" in metrics:
        parts.append(f"after examples: {_format_rate(metrics, 'success_rate_few_shot')}")
    parts += [f"{name} {metrics[name]:.1%}" for name in ifeval.SCORES if name in metrics]
    return "; ".join(parts)


def _format_rate(metrics: Mapping[str, Any], name: str) -> str:
    return f"{metrics[name]:.1%} [{metrics[f'{name}_low']:.1%}, {metrics[f'{name}_high']:.1%}]"
