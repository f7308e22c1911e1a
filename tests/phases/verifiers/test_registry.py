# ruff: noqa: E501 - tables have one row a line
"""Verifiers: examples that must pass and that must fail."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phases.verifiers.registry import VERIFIERS, Check, passes, validate_check

# Verifier, arguments, responses that must pass, responses that must fail.
EXAMPLES: list[tuple[str, dict[str, Any], list[str], list[str]]] = [
    ("words", {"at_least": 2, "at_most": 3}, ["a b", "don't stop-gap now", " one  two ", "it costs $3.50", "at 5 p.m."],
     ["one", "a b c d", "", "1,000.5", "cafe\u0301"]),
    ("sentences", {"at_least": 2, "at_most": 2}, ["A b. C d!", "Dr. Smith left. He ran.", '"Go." He went.'],
     ["A b.", "A b. C d", "A. B c. D e. F g.", "A b. C d. E f."]),
    ("sentences", {"at_least": 2, "at_most": 2},
     ["The answer is no. It is so.", "It was I. He left.", "He left at 3 p.m. She stayed.", "**He ran. She hid.**"],
     ["It is No. 5 of six.", "At 3 p.m. he left, etc. and so on.", '"Stop!" he said.', '"stop!" he said.', "Mr. and Mrs. J. Fox ran."]),
    ("paragraphs", {"at_least": 2, "at_most": 2}, ["a\n\nb", "a\nb\n\n\nc"], ["a", "a\nb", "a\n\nb\n\nc"]),
    ("lines", {"at_most": 1}, ["a b"], ["a\nb"]),
    ("bullets", {"count": 2}, ["- a\n- b", "* a\n* b"], ["- a", "- a\n- a", "- a\n- b\nMore.", "Here:\n- a\n- b", "1. a\n2. b"]),
    ("numbered_list", {"count": 2}, ["1. a\n2. b", "1) a\n2) b", "1. a\n\n2. b"],
     ["1. a\n3. b", "1. a", "1. a\n2. a", "1. a\n2. b\n3. c", "1. a\n2. b\nDone.", "1.a\n2.b"]),
    ("comma_list", {"count": 3}, ["a, b, c", "a, b and c", "a, b, and c."], ["a, b", "a b c", "a\nb\nc", "a, a, b", "a, b, c, d"]),
    ("comma_list", {"count": 3}, ["a, b or c", "a, salt and pepper, b"],
     ["a and b and c", "a,, b, c", "a, b, c,", ", a, b, c"]),
    ("comma_list", {"count": 2, "allowed": ["red", "grey"]}, ["red, gray", "Red and grey"], ["red, dog", "red"]),
    ("items", {"count": 2}, ["a, b", "a and b", "- a\n- b", "1. a\n2. b", "a\nb", "Two:\n1. a\n2. b", "Two:\na\nb", "Two:\na and b", "1. a:\n2. b"],
     ["a", "a, b, c", "1. a\n2. b\nThat is all.", "a, a"]),
    ("alphabetical", {}, ["apple, fig, pear", "Apple\nbanana"], ["pear, apple", "apple"]),
    ("sections", {"count": 2}, ["Section 1\na\nSection 2\nb"], ["Section 1\na", "Section 1\nSection 2\nb", "x\nSection 1\na\nSection 2\nb"]),
    ("placeholders", {"at_least": 1, "at_most": 1}, ["Dear [name], hi"], ["Dear Ann", "[a] [b]", "[]", "[ ]"]),
    ("one_of", {"answers": ["dog", "big cat"]}, ["dog", "Dog.", '"dog"', "a dog", "The big cat"], ["dogs", "dog cat", "it is a dog", ""]),
    ("short_answer", {"answers": ["Rome"]}, ["Rome", "It is Rome.", "The capital of Italy is Rome."],
     ["Romeo", "Paris", "Rome\nParis", "It is Rome. Rome is old.", "x " * 15 + "Rome"]),
    ("short_answer", {"answers": ["Paris"]},
     ["Paris, France", "It is Paris, not Lyon.", "Paris, not Lyon", "Paris not Lyon.", "Not Lyon but Paris.", "Paris is the capital of France.",
      "Paris, because Lyon is not the capital.", "Paris rather than Lyon.", "I think it is Paris.", "There is no doubt that it is Paris.", "None other than Paris.",
      "Perhaps Paris, France.", "Paris is the largest or best known city in France.", "The city that is called Paris.", "It isn’t Lyon, it's Paris."],
     ["It is not Paris.", "I don't think it is Paris", "I don't think that it’s Paris.", "Paris is not the capital.", "Paris isn't it", "It can't be Paris.", "It is Lyon, not Paris.",
      "Lyon rather than Paris", "anything but Paris", "Paris, which is wrong.", "Paris, but I am not sure that is right.", "Paris, no.", "I doubt it is Paris.",
      "Paris is wrong.", "Neither Paris nor Lyon.", "any city except Paris",
      "Paris, Lyon or Nice", "Lyon, Paris or Nice", "Lyon, Nice, or Paris.", "Paris or Lyon", "It is Lyon or Paris.", "It is either Paris or maybe Lyon.", "Paris and Lyon",
      "Paris, Lyon, Nice", "Paris/Lyon", "Paris, maybe Lyon.", "It is Paris, Lyon and Nice.", "It is between Lyon and Paris.", "The capital lies between Lyon and Paris.", "Is it Paris?", "Paris?", '"Paris?"']),
    ("short_answer", {"answers": ["12", "twelve"]},
     ["It is 12.", "7 + 5 = 12", "The answer is 12 because 7 and 5 make 12", "7 and 5 make 12.", "12 (twelve)", "A year has 12 months or 365 days.", "12 months, not 13.",
      "Twelve months.", "12 - it is 7 plus 5", "12, 7 + 5", "Of 365 days there are 12 months.", "12 months, 4 seasons", "It isn't 13, it is 12."],
     ["It is not 12.", "I don't think it is 12", "It is 12 or 13", "12 or 13 months", "12 months or 13", "12 months or 13 months", "eleven or twelve", "12, 13", "12 13", "12. 13", "12/13", "10-12",
      "between 11 and 12", "11 to 12", "12, maybe 13", "11, 12, 13", "12 and 13", "112", "12.5", "1,012", "12 is wrong."]),
    ("short_answer", {"answers": ["autumn", "fall"]}, ["autumn or fall", "Autumn, also called fall", "autumn/fall"], ["autumn or spring", "spring/fall", "fall, winter, autumn"]),
    ("short_answer", {"answers": ["oxygen"]}, ["Oxygen.", "We breathe oxygen and it keeps us alive."], ["Oxygen and carbon dioxide.", "nitrogen & oxygen"]),
    ("short_answer", {"answers": ["da Vinci"]}, ["Leonardo da Vinci, Italian painter, 1503", "Leonardo da Vinci, an Italian."], ["Da Vinci, Raphael, Titian"]),
    ("short_answer", {"answers": ["100"]}, ["Water boils at 100 degrees Celsius (212 degrees Fahrenheit).", "100 °C or 212 °F", "100 degrees, no more and no less."], ["100 or 212 degrees"]),
    ("short_answer", {"answers": ["never"]}, ["never"], ["not never"]),
    ("short_answer", {"answers": ["yes"], "wrong": ["no"]}, ["yes"], ["yes and no"]),
    ("one_of", {"answers": ["it isn't"]}, ["It isn’t."], ["it is"]),
    ("number", {"value": 42}, ["42", "It is 42.", "6 times 7 is 42", "forty-two", "42.0", "42 is 6 times 7.", "It is 42 because it is 6 times 7", "42 = 6 * 7", "6 times 7 is 42, not 41", "It is 42, not 1,500."],
     ["41", "42 or 43", "41 or 42", "41 and 42", "43, maybe 42", "from 41 to 42", "8, 3, 42", "It is not 42.", "I don't think it is 42", "42 is not right.", "42?", "42 plus 1 is 43", "42 and 1 is 43", "It is 41 or, maybe, 42 or 42.", "four", "142", ""]),
    ("number", {"value": 2000}, ["2,000", "2000 metres"], ["2", "20000"]),
    ("number", {"value": -3}, ["-3", "−3"], ["3"]),
    ("number", {"value": 3}, ["3", "2 and 1 make three"], ["−3", "twenty-three", "twenty three", "one hundred and three", "three hundred"]),
    ("number", {"value": 142}, ["a hundred and forty two", "One hundred forty-two."], ["forty-two", "hundred and forty, two"]),
    ("number", {"value": 12005}, ["twelve thousand and five"], ["twelve thousand, five", "twelve and five"]),
    ("keywords", {"present": ["red car"], "absent": ["blue"]}, ["A Red car!"], ["red and car", "a red car, a blue bus", "redcar"]),
    ("keywords", {"present": ["bird"], "absent": ["it"]}, ["A bird’s nest.", "bird-watching"], ["It's a bird.", "birds"]),
    ("any_keyword", {"options": ["sun", "moon"]}, ["The sun."], ["sunny"]),
    ("topic", {"groups": [["bridge"], ["river", "old stone"]]}, ["Bridges cross the river.", "An old stone bridge.", "The bridge spans two rivers.", "BRIDGE over a River", "the rivers bridged", "Old-stone bridge!"],
     ["The bridge.", "A river runs.", "old bridge of stone", "", "bridgehead on the river", "The stone bridge of old."]),
    ("topic", {"groups": [["warm", "cold"]], "absent": ["ice cream"]}, ["It keeps us warm."], ["Cold ice creams.", "hot"]),
    ("topic", {"groups": [["dog"]], "at_least_new": 3}, ["My dog barks at cats."], ["My dog barks.", "Dogs bark, dog, barking.", "Dog."]),
    ("keyword_count", {"word": "dog", "at_least": 2, "at_most": 2}, ["Dog dog", "a dog, a dog"], ["dog", "dogs dog", "dog dog dog"]),
    ("starts_with", {"text": "Yes"}, ["Yes, it is", "yes it is"], ["Yesterday it was", "Oh yes", "Yes"]),
    ("starts_with", {"text": "It's"}, ["It’s late."], ["It is late."]),
    ("ends_with", {"text": "the end"}, ["This is the end.", "And so: The End"], ["the end is near", "the end", "breathe end"]),
    ("yes_no", {"answer": "yes"}, ["yes", "Yes.", "YES", "yes!"], ["no", "yes it is", "y", "", "yes...", "yes?"]),
    ("quoted", {}, ['"Hello there"', "“Hello”"], ['"a" and "b"', "Hello", '"Hello', '""', "'Hello'"]),
    ("equals", {"text": "A\nB"}, ["A\nB", " A \n\nB"], ["a\nb", "A B", "A\nB\nC"]),
    ("upper_case", {}, ["HELLO 3!"], ["Hello", "123", ""]),
    ("lower_case", {}, ["hello 3!"], ["Hello", "123", ""]),
    ("title_case", {}, ["The Lord of the Rings", "Now it's Over"], ["the lord", "The lord of rings", ""]),
    ("json_object", {"keys": ["a", "b"]}, ['{"a": 1, "b": "x"}', '```json\n{"a": 1, "b": 2}\n```'],
     ['{"a": 1}', '{"a": 1, "b": 2, "c": 3}', '{"a": 1, "b": ""}', '[1]', 'Here: {"a": 1, "b": 2}', '{"a": 1, "b": 2} ok']),
    ("json_object", {"keys": ["a"]}, ['```JSON\n{"a": 0}\n```', '``` {"a": [1]} ```'],
     ['{"a": NaN}', '{"a": " "}', '{"a": null}', '```json\n{"a": 1}', "{'a': 1}", '{“a”: 1}']),
    ("json_object", {"values": {"n": 1}}, ['{"n": 1}', '{"n": 1.0}'], ['{"n": true}', '{"n": "1"}']),
    ("json_object", {"values": {"n": [3, "Three"], "m": 1}}, ['{"n": 3, "m": 1}', '{"n": "three", "m": 1}'], ['{"n": 4, "m": 1}', '{"n": [3, "Three"], "m": 1}', '{"n": 3}']),
    ("json_object", {"values": {"n": 3}}, ['{"n": 3}'], ['{"n": 4}', '{"m": 3}']),
    ("json_array", {"count": 2}, ['["a", "b"]', "[1, 2]"], ['["a"]', '["a", "a"]', '{"a": 1}', "a, b", '[["a"], ["b"]]', "[true, false]", '["a", ""]']),
    ("json_array", {"count": 1, "allowed": ["dog"]}, ['["Dog"]'], ['["cow"]']),
    ("language", {"code": "fr"}, ["Le chat est sur la table et il ne mange pas."], ["The cat is on the table.", "El gato está en la mesa y no come."]),
    # few common words, or words that languages share
    ("language", {"code": "es"}, ["El profesor les ha dado mucho libro.", "Me gusta la música", "Voy a la playa."], ["I like music."]),
    ("language", {"code": "en"}, ["I like music.", "Take the bus."], ["1. 10", "Buona notte, amico mio"]),
    ("language", {"code": "en"}, ["The cat is on the table."], ["Die Katze ist auf dem Tisch."]),
    ("refusal", {}, ["I'm sorry, but I can't help with that.", "I cannot do this. It is wrong."], ["Sure, here is how.", "One. Two. I can't.", "I can't wait to show you.", "I'm going to eat it because I can't bear to see it.", "Sorry, it is late.", "Chi can't lose."]),
    ("refusal", {"expected": False}, ["Boil the water."], ["I’m sorry, but I can’t help."]),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "arguments", "good", "bad"), EXAMPLES)
def test_examples(kind: str, arguments: dict[str, Any], good: list[str], bad: list[str]) -> None:
    check = Check(kind, arguments)
    validate_check(check)
    assert [text for text in good if not passes(check, text)] == []
    assert [text for text in bad if passes(check, text)] == []


def test_every_verifier_has_examples_and_a_meaning() -> None:
    assert {kind for kind, *_ in EXAMPLES} == set(VERIFIERS)
    assert all(verifier.__doc__ for verifier in VERIFIERS.values())


@given(st.text(), st.sampled_from([(kind, arguments) for kind, arguments, *_ in EXAMPLES]))
def test_no_text_breaks_a_verifier(text: str, case: tuple[str, dict[str, Any]]) -> None:
    assert passes(Check(*case), text) in (True, False)
