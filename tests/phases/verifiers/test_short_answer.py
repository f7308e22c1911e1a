"""Short answers: asserted, not denied, and the only ones."""

from hypothesis import given
from hypothesis import strategies as st

from phases.verifiers.registry import Check, passes

NAMES = st.sampled_from(
    ["Paris", "Lyon", "Nice", "the Nile", "Mount Everest", "Leonardo da Vinci", "carbon dioxide"]
)


VALUES = st.integers(1, 3000)


def gives(answer: object, response: str) -> bool:
    return passes(Check("short_answer", {"answers": [str(answer)]}), response)


@given(
    VALUES,
    VALUES,
    st.sampled_from(
        [
            "{} + {} = {}",
            "{} plus {} is {}",
            "It is {2} because {0} and {1} make {2}",
            "{2}, since {0} plus {1} is {2}.",
            "{2} is {0} plus {1}",
        ]
    ),
)
def test_a_sum_is_given_with_its_terms(one: int, other: int, form: str) -> None:
    response = form.format(one, other, one + other)
    assert gives(one + other, response)
    assert passes(Check("number", {"value": one + other}), response)


@given(
    st.one_of(st.tuples(NAMES, NAMES), st.tuples(VALUES, VALUES)).filter(lambda pair: pair[0] != pair[1]),
    st.booleans(),
)
def test_of_two_answers_neither_is_given(pair: tuple[object, object], turned: bool) -> None:
    right, wrong = pair
    for form in (
        "{} or {}",
        "It is {} or {}.",
        "{}, or maybe {}",
        "Either {} or {}.",
        "{} and {}",
        "{}/{}",
        "I think it is {} or perhaps {}.",
    ):
        assert not gives(right, form.format(*((wrong, right) if turned else (right, wrong))))


@given(st.one_of(NAMES, VALUES))
def test_what_is_denied_or_asked_is_not_given(answer: object) -> None:
    for form in (
        "It is not {}.",
        "It isn't {}",
        "I don't think it is {}",
        "I do not believe that it is {}.",
        "{} is wrong.",
        "{} is not right",
        "Not {}",
        "{}, I don't think so",
        "It is never {}",
        "Is it {}?",
        "{}?",
    ):
        assert not gives(answer, form.format(answer))
    for form in (
        "{}",
        "It is {}.",
        "I think it is {}.",
        "{}!",
        "The answer is {}.",
        "{}, I am sure.",
        "Perhaps {}",
        "Without doubt it is {}.",
    ):
        assert gives(answer, form.format(answer))


@given(st.tuples(NAMES, NAMES).filter(lambda pair: pair[0] != pair[1]))
def test_another_answer_may_be_denied(pair: tuple[str, str]) -> None:
    for form in ("It is {}, not {}.", "{} rather than {}.", "{0}, because {1} is not.", "{} not {}"):
        assert gives(pair[0], form.format(*pair))
        assert not gives(pair[1], form.format(*pair))
