"""The outcome of an answer in words, the same on the screen, in the terminal and in the report."""

from app.session.asking.view import AnswerView


def describe_ending(answer: AnswerView) -> str:
    """Return how an answer ended, what the checks say of it, and how long it took."""
    if answer.state == "cut":
        return "ended before it was complete"
    parts = [_describe_verdict(answer), _describe_stop(answer)]
    parts.append(f"{answer.tokens} tokens in {answer.seconds:.1f} s")
    return ", ".join(filter(None, parts))


def _describe_verdict(answer: AnswerView) -> str:
    verdict = answer.verdict
    if verdict is None:
        return ""
    failures = ", ".join(failure.replace("_", " ") for failure in verdict.failures)
    if verdict.passed:
        return "✓ passes"
    if verdict.follows:
        return "✓ follows"
    if verdict.follows_loosely:
        return f"~ follows loosely; strictly: {failures}"
    return f"✗ fails: {failures}"


def _describe_stop(answer: AnswerView) -> str:
    if answer.stops:
        return "stops by itself"
    return "goes on with another prompt" if answer.went_on else "cut off at the limit of tokens"
