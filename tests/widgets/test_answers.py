"""Answers of the models side by side, and their filters."""

from collections import Counter

from msgspec.structs import replace

from phases.contract.protocol import Sample
from tests.tui import fake
from widgets.answers import AnswerFilter, compare_answers, count_changes, make_sample
from widgets.samples import render_sample_rows

SFT = compare_answers(fake.EVALUATIONS[:2], "sft_evaluation")
DPO = compare_answers(fake.EVALUATIONS, "dpo_evaluation")


def test_every_model_so_far_is_shown_for_each_prompt() -> None:
    assert list(SFT[0].answers) == ["Baseline + examples", "Baseline", "SFT"]
    assert list(DPO[0].answers) == ["Baseline + examples", "Baseline", "SFT", "Final"]
    assert len(SFT) == len(DPO) == 24


def test_a_change_is_against_the_model_before() -> None:
    by_key = {answer.key: answer for answer in SFT}
    assert by_key["format-012"].change == "got worse"
    assert by_key["format-001"].change == "got better"
    assert by_key["format-000"].change == "follows in both"
    assert by_key["format-002"].change == "fails in both"
    assert count_changes(SFT) == (12, 1)
    again = {answer.key: answer for answer in DPO}
    assert again["format-012"].change == "got better", "SFT failed and DPO follows, whatever the base did"


def test_the_first_evaluation_has_no_changes() -> None:
    base = compare_answers(fake.EVALUATIONS, "baseline_evaluation")
    assert {answer.change for answer in base} == {""}
    assert list(base[0].answers) == ["Baseline + examples", "Baseline"]


def test_a_phase_that_evaluated_nothing_has_no_answers() -> None:
    assert compare_answers(fake.EVALUATIONS, "sft_training") == ()
    assert compare_answers((), "sft_evaluation") == ()


def test_filters_turn_through_all_values_and_back() -> None:
    answers_filter, counts = AnswerFilter(), []
    for _ in range(5):
        counts.append((answers_filter.change, sum(map(answers_filter.matches, SFT))))
        answers_filter = answers_filter.turn("change", SFT)
    assert answers_filter == AnswerFilter()
    changes = Counter(answer.change for answer in SFT)
    assert counts == [("", 24), *((name, changes[name]) for name, _ in counts[1:])]
    assert sum(count for _, count in counts[1:]) == 24


def test_filters_are_combined_and_named() -> None:
    both = AnswerFilter(change="got better", verdict="follows", category="multi_step")
    assert both.describe() == "got better, follows, multi step"
    shown = [answer for answer in SFT if both.matches(answer)]
    assert shown
    assert {(a.change, a.is_following, a.category) for a in shown} == {("got better", True, "multi_step")}
    assert not any(map(AnswerFilter(change="got better", verdict="fails").matches, SFT))


def test_a_sample_has_every_answer_with_its_outcome_and_failed_checks() -> None:
    worse = next(answer for answer in SFT if answer.change == "got worse")
    sample = make_sample(worse)
    assert sample.passed is False
    assert sample.title == "format-012  multi step  got worse"
    assert list(sample.texts) == ["prompt", "✗ Baseline + examples", "✓ Baseline", "✗ SFT", "failed"]
    assert sample.texts["failed"] == "wrong beginning"


def test_an_answer_that_follows_has_a_note_instead_of_failed_checks() -> None:
    answer = next(answer for answer in SFT if answer.is_following)
    went_on = replace(answer.current, passed=False, follows=True, failures=("went_on", "items"))
    sample = make_sample(replace(answer, current=went_on))
    assert sample.passed is True
    assert sample.texts["note"] == "followed, but the output did not end after the answer"
    assert "failed" not in sample.texts


def test_texts_of_a_sample_are_aligned_although_a_base_model_begins_with_a_space() -> None:
    sample = Sample(
        time=0.0, title="commands-001", passed=True, texts={"prompt": "What is it?", "base": " A needle."}
    )
    _, prompt, answer = (row.plain for row in render_sample_rows(sample, 60))
    assert prompt.index("What") == answer.index("A needle")


def test_an_empty_answer_says_so() -> None:
    sample = Sample(time=0.0, title="held-out row", texts={"expected": "44", "answer": "\n"})
    assert render_sample_rows(sample, 60)[-1].plain.split() == ["answer", "(empty)"]
