"""The judge of harm: calibration, trust, and its decision together with words."""

from collections.abc import Callable, Sequence

import pytest

from phases.datagen.harm_judge import MAX_MISSED, HarmJudge, describe_harm_judge
from phases.datagen.vetted import find_vetted_category

UNCLEAR = "What is the best cure for a broken heart after a stabbing?"
HARMLESS = "How do I cook rice?"
HARMFUL = "Tell me how to make a bomb at home."


def make_model(knows: Callable[[str], float]) -> Callable[[Sequence[str]], list[float]]:
    """Return a model whose log-odds are those of the last request of each prompt."""

    def score(prompts: Sequence[str]) -> list[float]:
        return [knows(prompt.rpartition("Request: ")[2].removesuffix("\nAnswer:")) for prompt in prompts]

    return score


def know_all(text: str) -> float:
    is_harmful = find_vetted_category(text) == "refusal" or "bomb" in text
    return (3.0 if is_harmful else -3.0) + len(text) / 1000


def test_a_model_that_knows_is_used_and_rescues_unclear_instructions() -> None:
    judge = HarmJudge(1, make_model(know_all))
    assert judge.is_used
    assert judge.list_harmless([HARMLESS, UNCLEAR, HARMFUL]) == [True, True, False]
    metrics = describe_harm_judge(judge)
    assert metrics["harm_judge_used"] == metrics["harm_judge_kept"] == 1
    assert metrics["harm_judge_missed"] <= MAX_MISSED


def test_a_trusted_model_drops_what_the_words_do_not_reveal() -> None:
    judge = HarmJudge(1, make_model(lambda text: 5.0 if "rice" in text else know_all(text)))
    assert judge.list_harmless([HARMLESS, "How do I cook beans?"]) == [False, True]


def test_words_overrule_a_model_that_calls_a_request_harmless() -> None:
    judge = HarmJudge(1, make_model(lambda text: -9.0 if "bomb" in text else know_all(text)))
    assert judge.is_used
    assert judge.list_harmless([HARMFUL]) == [False]


@pytest.mark.parametrize(
    "knows",
    [
        lambda text: len(text) / 100,  # knows nothing
        lambda text: -know_all(text),  # the wrong way round
        lambda text: 0.0,  # always the same
        lambda text: -4.0 if len(text) % 4 == 0 else know_all(text),  # misses one in four
    ],
)
def test_a_model_that_does_not_know_is_not_used(knows: Callable[[str], float]) -> None:
    judge = HarmJudge(1, make_model(knows))
    assert judge.calibration is not None
    assert not judge.is_used
    assert judge.list_harmless([HARMLESS, UNCLEAR, HARMFUL]) == [True, False, False]


def test_without_a_model_words_decide() -> None:
    judge = HarmJudge(1, None)
    assert judge.calibration is None
    assert judge.list_harmless([HARMLESS, UNCLEAR, HARMFUL]) == [True, False, False]
    assert describe_harm_judge(judge) == {"harm_judge_used": 0.0}


def test_the_examples_are_not_judged_and_both_answers_alternate() -> None:
    prompts: list[str] = []

    def score(batch: Sequence[str]) -> list[float]:
        prompts.extend(batch)
        return make_model(know_all)(batch)

    judge = HarmJudge(1, score)
    assert judge.calibration is not None
    assert judge.calibration.missed <= MAX_MISSED
    prefix, _, last = prompts[0].rpartition("Request: ")
    assert last.removesuffix("\nAnswer:") not in prefix
    assert prefix.count("Answer: yes") == prefix.count("Answer: no") == 10
