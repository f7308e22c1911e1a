"""The metrics computed from checked answers."""

from phases.evaluation.judging import check_answer
from phases.evaluation.metrics import compute_metrics, describe_metrics, summarize_categories
from phases.evaluation.spec import METRICS
from phases.generation.completion import Completion
from phases.scoring.suite import Prompt
from phases.verifiers.registry import Check

PROMPT = Prompt("k", "commands", "Say yes.", (Check("yes_no"),))
WHOLE = Completion(" yes", True, 2)
WENT_ON = Completion(" yes", True, 6, stopped=True)
CUT_OFF = Completion(" yes\n\nThe next thing to say is", False, 6)
WRONG = Completion(" maybe", True, 2)


def test_following_and_stopping_are_separate_rates() -> None:
    answers = [check_answer(PROMPT, completion) for completion in (WHOLE, WENT_ON, CUT_OFF, WRONG)]
    metrics = compute_metrics(answers)
    assert (metrics["following_rate"], metrics["stopping_rate"]) == (0.75, 0.5)
    assert (metrics["success_rate"], metrics["passed"], metrics["prompts"]) == (0.25, 1, 4)
    assert (metrics["went_on_rate"], metrics["truncation_rate"]) == (0.25, 0.25)
    assert metrics["following_rate_low"] < 0.75 < metrics["following_rate_high"]
    assert metrics["following_rate_commands"] == 0.75
    assert metrics.keys() <= {metric.name for metric in METRICS}


def test_solved_examples_have_rates_of_their_own() -> None:
    metrics = compute_metrics([check_answer(PROMPT, WRONG)], [check_answer(PROMPT, WENT_ON, 8)])
    assert (metrics["following_rate"], metrics["stopping_rate"]) == (0, 1)
    assert (metrics["following_rate_few_shot"], metrics["stopping_rate_few_shot"]) == (1, 0)
    assert metrics.keys() <= {metric.name for metric in METRICS}


def test_the_loose_rate_forgives_a_lead_in() -> None:
    metrics = compute_metrics([check_answer(PROMPT, Completion("Sure! Here is the answer:\nyes", True, 9))])
    assert (metrics["following_rate"], metrics["following_rate_loose"]) == (0, 1)


def test_every_rate_of_a_category_has_an_interval() -> None:
    [row] = summarize_categories([check_answer(PROMPT, WHOLE), check_answer(PROMPT, WENT_ON)]).values()
    assert (row["following_rate"], row["stopping_rate"], row["success_rate"]) == (1, 0.5, 0.5)
    for rate in ("following_rate", "stopping_rate", "success_rate"):
        assert row[f"{rate}_low"] <= row[rate] <= row[f"{rate}_high"]


def test_the_sentence_gives_the_rates() -> None:
    answers = [check_answer(PROMPT, completion) for completion in (WHOLE, WENT_ON, WRONG, WRONG)]
    text = describe_metrics(compute_metrics(answers, answers[:1]))
    assert text.startswith("4 prompts: following 50.0% [15.0%, 85.0%]; stopping 75.0%")
    assert "; 25.0% went on, 0.0% cut off; following after solved examples 100.0%" in text
