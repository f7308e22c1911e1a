"""Checked answers and the metrics computed from them."""

from phases.evaluation.metrics import check_answer, compute_metrics, describe_metrics, summarise_categories
from phases.generation.completion import Completion
from phases.scoring.suite import Prompt
from phases.verifiers.registry import Check


def test_an_answer_after_which_the_model_goes_on_is_told_apart() -> None:
    prompt = Prompt("k", "commands", "Say yes.", (Check("yes_no"),))
    whole = check_answer(prompt, Completion(" yes", True, 2))
    went_on = check_answer(prompt, Completion(" yes", True, 6, stopped=True))
    assert (whole.passed, whole.failures) == (True, ())
    assert (went_on.passed, went_on.failures) == (False, ("went_on",))
    metrics = compute_metrics([whole, went_on])
    assert (metrics["success_rate"], metrics["success_rate_if_stopped"]) == (0.5, 1.0)


def test_the_sentence_gives_both_rules() -> None:
    prompt = Prompt("k", "commands", "Say yes.", (Check("yes_no"),))
    texts = [(" yes", False), (" yes", True), (" maybe", False), (" maybe", True)]
    answers = [check_answer(prompt, Completion(t, True, 2, stopped=s)) for t, s in texts]
    metrics, categories = compute_metrics(answers), summarise_categories(answers)
    said = describe_metrics(metrics)
    assert said.startswith("1 of 4 followed: 25.0% [4.6%, 69.9%]; following alone")
    assert "50.0% [15.0%, 85.0%]; 50.0% went on, 0.0% cut off" in said
    assert categories["commands"]["success_rate_if_stopped"] == 0.5


def test_going_on_after_examples_is_what_they_show() -> None:
    prompt = Prompt("k", "commands", "Say yes.", (Check("yes_no"),))
    zero = check_answer(prompt, Completion(" yes", True, 2, stopped=True))
    few = check_answer(prompt, Completion(" yes", True, 2, stopped=True), 5)
    metrics = compute_metrics([zero], [few])
    assert (metrics["success_rate"], metrics["success_rate_few_shot"]) == (0, 1)
    assert "after examples: 100.0%" in describe_metrics(metrics)
