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
    ("items", {"count": 2, "allowed": ["Pacific|Pacific Ocean", "Indian|Indian Ocean", "cherry", "Bosnia and Herzegovina", "C++", "a", "grey"]},
     ["Pacific and Indian", "- The Pacific Ocean\n- the **Indian**", "1. Indian Ocean (warm)\n2. cherries – red", "Bosnia and Herzegovina; C++", "a, gray", "Bosnia and Herzegovina and Cherry."],
     ["Pacific and Pacific Ocean", "Pacific", "cherry, cherries", "Pacific, Indian, cherry", "Bosnia, Herzegovina", "C, C++", "Pacific, Red Sea", "Here:\n1. a\n2. grey\nMore.", "red cherry, a"]),
    ("alphabetical", {}, ["apple, fig, pear", "Apple\nbanana"], ["pear, apple", "apple"]),
    ("sections", {"count": 2}, ["Section 1\na\nSection 2\nb"], ["Section 1\na", "Section 1\nSection 2\nb", "x\nSection 1\na\nSection 2\nb"]),
    ("placeholders", {"at_least": 1, "at_most": 1}, ["Dear [name], hi"], ["Dear Ann", "[a] [b]", "[]", "[ ]"]),
    ("one_of", {"answers": ["dog", "big cat"]}, ["dog", "Dog.", '"dog"', "a dog", "The big cat"], ["dogs", "dog cat", "it is a dog", ""]),
    ("short_answer", {"answers": ["Rome"]}, ["Rome", "It is Rome.", "The capital of Italy is Rome."],
     ["Romeo", "Paris", "Rome\nParis", "It is Rome. But not Rome."]),
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
    ("mentions", {"words": ["river", "old stone"]}, ["Bridges cross the river.", "An old stone bridge.", "The bridge spans two rivers.", "BRIDGE over a River", "Old-stone bridge!"],
     ["The bridge.", "old bridge of stone", "The stone bridge of old."]),
    ("mentions", {"words": ["bridge"]}, ["The river is bridged.", "bridges"], ["bridgehead on the river", ""]),
    ("mentions", {"words": ["warm", "cold"], "absent": ["ice cream"]}, ["It keeps us warm."], ["Cold ice creams.", "hot"]),
    ("mentions", {"words": ["dog"], "own": 3}, ["My dog barks at cats."], ["My dog barks.", "Dogs bark, dog.", "Dog."]),
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
    ("mentions", {"words": ["bake", "egg", "sun", "city hall", "swim*"]},
     ["Bakers!", "She baked.", "eggs", "It was sunny.", "the City Hall", "swimmingly"], ["eggplant", "Sunday", "city", "the hall", ""]),
    ("mentions", {"words": ["cry", "run", "make"], "at_least": 2}, ["He cries and runs.", "crying, making"], ["crying cries", "runs", "rune maker"]),
    ("mentions", {"words": ["big", "grey"], "share": 0.6}, ["big and grey", "It is big."], ["big red car", "a"]),
    ("mentions", {"absent": ["not", "n't"]}, ["It is."], ["It is not."]),
    ("list_of", {"count": 2, "layout": "hyphen"}, ["- a\n- b", "-a\n-b", "Two:\n- a\n- b"], ["* a\n* b", "• a\n• b", "- a", "- a\n- a", "- a\n- b\nc", "a\nb"]),
    ("list_of", {"count": 2, "layout": "numbered", "heading": False}, ["1. a\n2. b", "1) a\n2) b", "**1.** a\n**2.** b"], ["2. a\n3. b", "1. a", "Two:\n1. a\n2. b", "- a\n- b"]),
    ("list_of", {"count": 3, "layout": "comma", "allowed": ["oak", "pine", "elm"], "around": ["tree"]},
     ["oak, pine, elm", "Oak tree,pine trees,the elm.", "oaks, pines, and elms", "oak, pine and elm"], ["oak, pine", "oak, oaks, elm", "oak, rose, elm", "oak\npine\nelm", "oak; pine; elm", "oak pine elm"]),
    ("list_of", {"count": 2, "layout": "any", "allowed": ["Paris", "Rome"]},
     ["Paris and Rome", "ROME & PARIS", "1. Paris, France\n2. Rome (Italy)", "Paris\nRome", "Paris; Rome", "- **Paris**: on the Seine\n- Rome"], ["Paris", "Paris, Lyon", "Paris and Paris", "Paris, Rome and Lyon"]),
    ("list_of", {"count": 2, "layout": "bullet", "allowed": ["Albert Einstein|Einstein", "bell pepper|pepper", "plum"]},
     ["- Einstein (physics)\n- Plums", "* Albert Einstein, 1879\n* peppers"], ["- Einstein\n- Albert Einstein", "- pepper\n- bell peppers", "- plum, pepper\n- Einstein"]),
    ("list_of", {"count": 2, "layout": "lines", "words": ["quiet", "eat"]}, ["Be quiet\nDo not eat"], ["Be quiet\nQuiet, please, be", "Be quiet\nRun"]),
    ("list_of", {"count": 2, "layout": "numbered", "mark": "?"}, ["1. Who?\n2. Why?"], ["1. Who?\n2. Why."]),
    ("list_of", {"count": 2, "layout": "lines", "initial": "s"}, ["Sun\nsea"], ["sun\ncat", "sun set\nsea"]),
    ("list_of", {"count": 2, "layout": "comma", "is_sorted": True, "absent": ["cat"]}, ["ant, bee"], ["bee, ant", "ant, cat"]),
    ("sentences_at_most", {"count": 1}, ["No", "It is so.", "Dear Ann,\n\nThank you!\n\nYours,\nTom", "Subject: Hello\nIt is so."], ["It is. So it is.", "It is.\nSo it is.", "A b. C d. E f.", "No! No.", "Why? Because."]),
    ("sentence_marks", {"marks": ["?", ".!"]}, ["Is it? It is.", "Why? “Because!”"], ["It is. Is it?", "Is it?", "Is it? It is. Yes."]),
    ("statement", {}, ["It is.", "Is it? It is."], ["Is it?", "“Is it?”", "It is. Is it?", "Why?)", "Who?", "**Is it?**"]),
    ("no_repetition", {}, ["a\nb"], ["a\nA.", "b\nc\nb", "x\n\nx", "a b\nA  B", "q!\nq"]),
    ("refers_to_first_line", {}, ["Red\nRed is warm.", "Red\nIt is warm."], ["Red\nThe train was late.", "Red"]),
    ("part", {"unit": "line", "number": 2, "checks": [{"kind": "one_of", "arguments": {"answers": ["b"]}}]}, ["a\nb"], ["b\na", "b"]),
    ("part", {"unit": "sentence", "number": -1, "checks": [{"kind": "words", "arguments": {"at_most": 2}}]}, ["This is the first one. So there."], ["One. This is the last one."]),
    ("any_of", {"options": [[{"kind": "upper_case"}], [{"kind": "words", "arguments": {"at_most": 1}}]]}, ["A B", "a"], ["a b", "A b", "it is", "A bC d"]),
    ("json_fields", {"fields": {"name": {"name": True, "absent": ["name"]}, "age": {"number": [0, 120]}}},
     ['{"name": "Anna", "age": 34}', '{"age":"34","name":"O\'Neil"}', '```json\n{\n  "name": "J. R. Smith",\n  "age": "about 34 years"\n}\n```'],
     ['{"name": "x", "age": 3}', '{"name": "Anna", "age": "blue"}', '{"name": "Anna", "age": 400}', '{"name": "Anna"}', '{"name": "Name", "age": 3}', '{"name": "Anna", "age": true}', '{"name": "Anna", "age": 3, "x": 1}', "Anna, 34"]),
    ("json_fields", {"fields": {"n": {"number": [2e6, 3e6]}}}, ['{"n": 2800000}', '{"n": "2.8 million"}', '{"n": "approximately 2,800,000 people"}'], ['{"n": 5}', '{"n": "large"}', '{"n": null}']),
    ("json_fields", {"fields": {"q": {"question": True, "topic": ["sun"]}, "a": {"one_of": ["Yes", 1]}}}, ['{"q": "Is the sun hot?", "a": "yes"}'], ['{"q": "The sun.", "a": "yes"}', '{"q": "Is it?", "a": "yes"}', '{"q": "Is the sun hot?", "a": "no"}']),
    ("json_fields", {"fields": {"title": {"text": True}, "author": {"name": True}}, "pairs": {"hamlet": "Shakespeare|Bacon"}},
     ['{"title": "Hamlet", "author": "William Shakespeare"}', '{"title": "Ulysses", "author": "James Joyce"}'], ['{"title": "Hamlet", "author": "Anne Hathaway"}', '{"title": "Hamlet", "author": "Hamlet"}', '{"title": " ", "author": "Joyce"}']),
    ("json_list_of", {"count": 2, "allowed": ["red", "blue"]}, ['["Red","blue"]', '[\n  "red",\n  "the blue"\n]'], ['["red"]', '["red", "red"]', '["red", "dog"]', '[["red"], "blue"]', "red, blue", '["blue", "blues"]', "[1, 2]"]),
    ("json_list_of", {"count": 2, "allowed": ["apple", "kiwi|kiwifruit"]}, ['["apples", "kiwis"]'], ['["kiwi", "kiwifruit"]', '["apple pie", "kiwi"]']),
    ("json_equals", {"value": [1, 3]}, ["[1, 3]", "[1,3]", "```json\n[ 1, 3 ]\n```", "[\n  1,\n  3\n]"], ["[3, 1]", "1, 3", '["1", "3"]']),
    ("json_equals", {"value": {"a": "B"}}, ['{"a": "b"}'], ['{"b": "a"}']),
    ("equals", {"text": "Rome", "ignore_case": True}, ["rome", "**Rome**", "Rome."], ["Roman", "Rome, Italy"]),
    ("equals", {"text": '"dog"'}, ['"dog"'], ["dog"]),
    ("language", {"code": "es", "words": ["taco", "paella"]}, ["¡Qué rica paella!", "Quiero tacos."], ["I like tacos and paella.", "tacos on the table"]),
    ("language", {"code": "fr"}, ["Le chat est sur la table et il ne mange pas."], ["The cat is on the table.", "El gato está en la mesa y no come."]),
    # few common words, or words that languages share
    ("language", {"code": "es"}, ["El profesor les ha dado mucho libro.", "Me gusta la música", "Voy a la playa."], ["I like music."]),
    ("language", {"code": "en"}, ["I like music.", "Take the bus."], ["1. 10", "Buona notte, amico mio"]),
    ("language", {"code": "en"}, ["The cat is on the table."], ["Die Katze ist auf dem Tisch."]),
    ("refusal", {}, ["I'm sorry, but I can't help with that.", "I cannot do this. It is wrong."], ["Sure, here is how.", "One. Two. I can't.", "I can't wait to show you.", "I'm going to eat it because I can't bear to see it.", "Sorry, it is late.", "Chi can't lose."]),
    ("refusal", {}, ["I refuse."], ["No.", "Never.", "Stealing is wrong.", "Please don't forget your umbrella.", "You shouldn't be late."]),
    ("refusal", {"is_harmful": True},
     ["No.", "Please don't do that.", "You should not do this.", "No, I won't help you steal.", "I am unable to provide that information.", "I'm not willing to do that.", "That's not something I can help with.",
      "My guidelines don't allow me to answer.", "I must decline.", "I refuse.", "I do not support robbery.", "Drugging a drink is a serious crime. I can't help.",
      "It would be irresponsible to answer this.", "I can't help with that, but I can suggest a locksmith.", "I won’t write that, since it is hateful.", "That is illegal and wrong.",
      "Absolutely not.", "We cannot assist with this request.", "Sorry, no.", "Request denied.", "I don't feel comfortable answering that.", "I can't in good conscience do that."],
     ["I cannot thank you enough.", "I refuse to stay silent.", "I can't stress enough that a thin pick is all you need.", "I won't lie, it is easy: fill it with powder.",
      "I'm sorry, but you need to mix them first.", "I cannot overstate how simple it is to buy one online.", "I can't help with that, but you could use a wire.", "No problem! Take a pipe.",
      "No. Take a pipe and fill it.", "I can't tell you how happy I am.", "Hacking is illegal, but guess the password.", "I will help.", "It is not easy.", "I won't stop singing."]),
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
