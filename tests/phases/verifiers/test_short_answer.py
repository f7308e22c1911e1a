"""Short answers: asserted, not denied, and the only ones."""

import pytest
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
def test_a_denied_or_asked_value_is_not_an_answer(answer: object) -> None:
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


def follows(instruction: str, answers: list[str], response: str, **arguments: object) -> bool:
    return passes(Check("short_answer", {"answers": answers, **arguments}), response, instruction)


def test_a_remark_may_follow_an_answer_of_one_word() -> None:
    capital = "What is the capital of Egypt?"
    assert follows(capital, ["Cairo"], "Cairo. It lies on the Nile.")
    assert not follows(capital, ["Cairo"], "Paris. It is Cairo.")
    assert not follows(capital, ["Cairo"], "Cairo. Bananas are yellow.")


def test_a_second_sentence_is_no_remark_about_a_translated_one() -> None:
    request = "Translate this sentence into French: The book is on the table."
    answers = ["Le livre est sur la table."]
    assert follows(request, answers, "Le livre est sur la table. I hope this helps!")
    assert not follows(request, answers, "Le livre est sur la table. Le livre est sous la table.")


def test_answers_may_lack_their_accents_unless_they_are_another_word_then() -> None:
    assert follows("Say it in German.", ["heiß", "schön"], "heiss")
    assert follows("Say it in German.", ["heiß", "schön"], "schoen")
    assert follows("Say it in Spanish.", ["¿Qué hora es?"], "Que hora es?")
    assert not follows("Say it in Portuguese.", ["água"], "agua", wrong=["agua"])


def test_abbreviations_may_have_dots() -> None:
    assert follows(
        "Expand the abbreviation 'USA'.", ["United States of America"], "U.S.A. = United States of America"
    )


def test_both_of_two_accepted_answers_may_be_given_with_remarks() -> None:
    answers = ["Wie geht es dir?", "Wie geht es Ihnen?"]
    response = "**Wie geht es Ihnen?** (formal) or **Wie geht es dir?** (informal)"
    assert follows("Translate into German: How are you?", answers, response, also=["formal informal"])
    assert not follows("What is the capital of Egypt?", ["Cairo"], "Cairo (or Giza)")


def test_a_purpose_may_follow_an_answer() -> None:
    question = "What do we use to see distant stars?"
    assert follows(question, ["telescope"], "We use a telescope to observe distant stars.")
    assert not follows(question, ["telescope"], "We use a telescope holder to observe stars.")


@pytest.mark.parametrize(
    ("question", "answers", "response"),
    [
        # Explanations in the style of a chat model.
        (
            "Which animal is known as the king of the jungle?",
            ["lion", "lions"],
            'The **lion** is known as the "King of the Jungle." Interestingly, lions live in savannas.',
        ),
        (
            "What is the chemical formula of water?",
            ["H2O", "H₂O"],
            "The formula is **H₂O**. Each molecule consists of two hydrogen atoms bonded to one oxygen atom.",
        ),
        (
            "What is the tallest animal in the world?",
            ["giraffe"],
            "The **giraffe** is the tallest animal in the world. Adult males reach up to 5.5–6 metres.",
        ),
        (
            "Which language is spoken in Austria?",
            ["German"],
            "The primary language spoken in Austria is **German**. Minority languages are recognised.",
        ),
        (
            "What do caterpillars turn into?",
            ["butterflies", "moths"],
            "Caterpillars turn into **butterflies** or **moths** through a process called metamorphosis.",
        ),
        (
            "Which planet is known for its large rings?",
            ["Saturn"],
            "**Saturn** is the planet known for its large, spectacular rings.",
        ),
        (
            "Who wrote Romeo and Juliet?",
            ["William Shakespeare"],
            "It was written by **William Shakespeare**, likely between 1591 and 1596 (c. 1595).",
        ),
        (
            "Write the superlative form of 'bad'.",
            ["worst"],
            'The superlative form of "bad" is **"worst."**\n\n- Positive: bad\n- Comparative: worse',
        ),
        (
            "Translate the English word 'cheese' into French.",
            ["fromage"],
            "**fromage**\n\n- Pronunciation: /fʁɔ.maʒ/\n- Gender: masculine (le fromage)",
        ),
        # Unusual forms.
        ("Give the plural form of 'knife'.", ["knives"], "one knife, two knives"),
        ("Which is the longest river in Africa?", ["Nile"], "the Nile, 6,650 km"),
        ("What colour are emeralds?", ["green"], "green, thanks to chromium"),
        ("What is the highest mountain?", ["Mount Everest"], "Sagarmatha, better known as Mount Everest"),
        ("Translate the English word 'friend' into French.", ["ami", "amie"], "un ami / une amie"),
        ("Which meal do people eat in the morning?", ["breakfast"], "brekkie, i.e. breakfast"),
    ],
)
def test_explanations_and_other_forms_pass(question: str, answers: list[str], response: str) -> None:
    assert follows(question, answers, response, also=["un une"])


@pytest.mark.parametrize(
    ("question", "answers", "response"),
    [
        ("What is the capital of Egypt?", ["Cairo"], "Giza, not Cairo"),
        ("What is the capital of Egypt?", ["Cairo"], "It is Cairo. Giza is the capital of Egypt, not Cairo."),
        ("What is the capital of Egypt?", ["Cairo"], "Cairo\nGiza"),
        ("What is frozen water called?", ["ice"], "ice cream, thanks to milk"),
        ("Which is the longest river in Africa?", ["Nile"], "the Nile or 2 others"),
        ("Translate the English word 'friend' into French.", ["ami"], "un ami / un ennemi"),
    ],
)
def test_other_claims_next_to_the_answer_fail(question: str, answers: list[str], response: str) -> None:
    assert not follows(question, answers, response, also=["un une"])


@pytest.mark.parametrize(
    ("response", "is_right"),
    [
        ("A thermometer is a device that measures the temperature of objects.", True),
        ("The thermometer is the tool used to measure temperature.", True),
        ("A thermometer is a device that measures the pressure of air.", False),
        ("A barometer is a device that measures temperature.", False),
        ("A thermometer is not a device that measures temperature.", False),
        ("A thermometer is a kitchen device that measures the sugar and temperature of warm cakes.", False),
    ],
)
def test_a_definition_of_the_answer_answers_by_the_words_of_the_question(
    response: str, is_right: bool
) -> None:
    question = "What instrument measures temperature?"
    check = Check("short_answer", {"answers": ["thermometer"]})
    assert passes(check, response, question) is is_right
