"""The outcome of an answer in words, the same on the screen, in the terminal and in the report."""

from app.session.asking.view import AnswerView, QuestionView
from app.units import format_duration, format_usd
from phases.contract.failure_names import name_failures

_SMALL_USD = 0.10
_ENDINGS = ("went_on", "unfinished")
"""Failures of the end of an answer, which is described for all answers."""


def describe_ending(answer: AnswerView) -> str:
    """Return how an answer ended, what the checks say of it, and how long it took."""
    if answer.state == "cut":
        return "ended before it was complete"
    parts = [_describe_verdict(answer), _describe_stop(answer)]
    parts.append(f"{answer.tokens} tokens in {answer.seconds:.1f} s")
    return ", ".join(filter(None, parts))


def describe_sampling(question: QuestionView) -> str:
    """Return how a question was answered: greedily, or sampled with which settings."""
    if not question.temperature:
        return "greedy"
    return f"sampled {question.temperature:g}, top-p {question.top_p:g}, seed {question.seed}"


def describe_cost(seconds: float, usd_per_hour: float) -> str:
    """Return what a time of waiting costs, such as `45s, $0.022 at $1.74/h`."""
    cost = seconds / 3600 * usd_per_hour
    amount = f"${cost:.3f}" if cost < _SMALL_USD else format_usd(cost)
    return f"{format_duration(seconds)}, {amount} at {format_usd(usd_per_hour)}/h"


def _describe_verdict(answer: AnswerView) -> str:
    verdict = answer.verdict
    if verdict is None:
        return ""
    failures = name_failures(each for each in verdict.failures if each not in _ENDINGS)
    if verdict.passed:
        return "✓ passes"
    if verdict.follows:
        return "✓ follows"
    if verdict.follows_loosely:
        return f"~ follows only loosely: {failures}"
    return f"✗ fails: {failures}"


def _describe_stop(answer: AnswerView) -> str:
    if answer.stops:
        return "stops by itself"
    return "continues with another prompt" if answer.went_on else "cut off at the limit of tokens"
