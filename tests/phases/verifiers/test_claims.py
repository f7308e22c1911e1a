"""Sentences that state a short answer in other words than the question's, or state another answer."""

import pytest

from phases.verifiers.registry import Check, follows

KING = ("Which animal is known as the king of the jungle?", ["lion", "lions"])
TOWER = ("In which city is the Eiffel Tower?", ["Paris"])
STARS = ("What do we use to see stars that are very far away?", ["telescope", "telescopes"])
ROOTS = ("Which part of a plant is usually under the ground?", ["root", "roots"])
KITTEN = ("What do we call a baby cat?", ["kitten"])
PAINTER = ("Who painted the Mona Lisa?", ["Leonardo da Vinci"])
LUNCH = ("Which meal is eaten around noon?", ["lunch"])
SEASON = ("Which season comes after summer?", ["autumn", "fall"])
RINGS = ("Which planet is known for its large rings?", ["Saturn"])
YEN = ("What is the currency of Japan?", ["yen", "Japanese yen"])
LEAST = ("What is the superlative of 'little'?", ["least"])
DENTIST = ("What do we call a doctor for teeth?", ["dentist"])
RHYME = ("Name a word that rhymes with 'moon'.", ["noon"])
MOON = ("Who was the first person to walk on the moon?", ["Neil Armstrong", "Armstrong"])
WINE = ("What is made from grapes and is drunk at dinner?", ["wine"])
LETTERS = ("What do the letters 'UN' stand for?", ["United Nations"])
CAPITAL = ("What is the capital city of Australia?", ["Canberra"])
WHALE = ("What is the largest animal on Earth?", ["blue whale"])
PLURAL = ("Join the words 'rain' and 'coat' into one word, then write its plural.", ["raincoats"])
LUNGS = ("With which organ do people breathe?", ["lungs"])
RIVER = ("Which is the longest river in Africa?", ["Nile"])
WOOL = ("Which animal gives us wool?", ["sheep"])
STINGY = ("Write the antonym of 'generous'.", ["stingy", "parsimonious"])
CAKE = ("Which word rhymes with 'cake'?", ["lake", "fake"])
MOTH = ("What do caterpillars turn into?", ["butterflies", "moths"])
WALL = ("In which country is the Great Wall?", ["China"])
EVEREST = ("What is the highest mountain in the world?", ["Mount Everest"])
HOME = ("What is the home of a dog called?", ["kennel", "doghouse"])
AFRAID = ("Which word could replace 'frightened' in a sentence?", ["terrified"])
BEGIN = ("Give a synonym for the word 'begin'.", ["commence"])
FORGET = ("What would be the opposite of 'to remember'?", ["forget", "to forget"])
LEFT = ("What is the contrary of 'left'?", ["right"])
FAR = ("What is the comparative of 'far'?", ["further", "farther"])
FULL = ("Expand the abbreviation 'USA'.", ["United States of America"])
WOLF = ("How do you write 'wolf' in the plural?", ["wolves"])
CAT = ("Translate the English word 'cat' into Italian.", ["gatto"])
MONTH = ("What is the last month of the year?", ["December"])


@pytest.mark.parametrize(
    ("asked", "response"),
    [
        (KING, "That title belongs to the lion, although in truth lions mostly roam the savannah."),
        (KING, "The honour goes to the lion."),
        (TOWER, "You'll find it in Paris, on the Champ de Mars near the Seine."),
        (TOWER, "Tourists visit it in Paris."),
        (TOWER, "It runs through Paris, past the Louvre."),
        (STARS, "Astronomers use telescopes."),
        (STARS, "You'd need a telescope for that."),
        (ROOTS, "Usually it's the roots that stay below the soil, where they take up water."),
        (KITTEN, "A young cat is known as a kitten."),
        (PAINTER, "That masterpiece was created by Leonardo da Vinci."),
        (LUNCH, "Around 12 o'clock people have lunch."),
        (SEASON, "Fall comes next."),
        (SEASON, "fall, or as the British say, autumn"),
        (RINGS, "The sixth planet from the Sun, Saturn."),
        (YEN, "People there pay in Japanese yen."),
        (LEAST, "little – less – **least**"),
        (DENTIST, 'The usual term is *dentist*; formal titles include "dental surgeon".'),
        (LETTERS, 'They\'re short for "United Nations".'),
        (MONTH, "The year ends with December."),
        (MONTH, "December is the twelfth and last month."),
        (SEASON, "It's autumn, or fall as Americans say."),
        (MOTH, "Caterpillars turn into butterflies (or moths) through a process called metamorphosis."),
        (WALL, "In the north of China, mostly."),
        (EVEREST, "It's Mount Everest, also called Chomolungma or Sagarmatha."),
        (WHALE, "Balaenoptera musculus (blue whale), a mammal that lives in the sea"),
        (YEN, "They pay in yen over there."),
        (HOME, "In America people call it a doghouse."),
        (AFRAID, 'You could say "terrified" instead.'),
        (BEGIN, '"Commence" is a formal one.'),
        (FORGET, 'The opposite would be "to forget something".'),
        (LEFT, 'If you mean the direction, it\'s "right".'),
        (FAR, 'far, further, furthest – so "further"'),
        (FULL, "U = United, S = States, A = America → United States of America"),
        (WOLF, "w-o-l-v-e-s"),
        (CAT, "gatto – plural: gatti"),
        (WOLF, 'The f turns into v, so "wolves".'),
        (WOLF, 'It\'s "wolves", as with knife and knives.'),
        (AFRAID, "Terrified works well."),
        (CAT, '"Gatto" is what they say.'),
        (AFRAID, 'How about "terrified"?'),
        (CAPITAL, "¡Claro!\nCanberra"),
        (CAPITAL, "Contrary to what many believe, it's Canberra."),
        (CAPITAL, "Australia is governed from Canberra."),
        (CAPITAL, "Many people say Sydney, but it is Canberra."),
        (CAPITAL, "Not Sydney but Canberra."),
        (CAPITAL, "If memory serves, Canberra."),
        (CAPITAL, "It's the city of parliament, so: Canberra."),
        (CAPITAL, "Canberra, surprisingly."),
        (KING, "The lion wears that crown."),
        (KING, "Lions, even though they live on grassland."),
        (STARS, "Sailors rely on a telescope."),
        (WHALE, "The blue whale outweighs every other creature."),
        (WHALE, "Nothing beats the blue whale."),
        (LUNCH, "We eat lunch then."),
        (KITTEN, "Once it's born, breeders call it a kitten."),
        (KITTEN, "Kitten, or kitty in everyday speech"),
        (YEN, "One pays with yen."),
        (PLURAL, "rain + coat = raincoat → raincoats"),
        (TOWER, "Visitors flock to Paris for that."),
        (STARS, "Astronomers look at them through a telescope."),
        (CAPITAL, "Australians are governed from Canberra."),
        (KITTEN, "Young cats go by the name of kitten."),
        (LUNGS, "Their lungs take care of that."),
        (LUNGS, "We inhale with our lungs."),
        (RIVER, "No African river is longer than the Nile."),
        (WOOL, "Mostly sheep, although goats and camels grow some too."),
        (WOOL, "Sheep, while hens, ducks and geese have feathers."),
        (KITTEN, "It's known as a kitten until it's about a year old."),
        (KITTEN, "You'd call such a creature a kitten."),
        (STINGY, "stingy, or, more formally, parsimonious"),
        (CAKE, "'Fake' does, and 'lake' as well."),
        (CAPITAL, "canberra, roughly between Sydney and Melbourne"),
        (CAPITAL, "it is the home of the Canberra government, so: Canberra"),
        (PLURAL, 'Joined together you get "raincoat"; its plural is "raincoats".'),
    ],
)
def test_an_answer_may_be_stated_in_other_words(asked: tuple[str, list[str]], response: str) -> None:
    question, answers = asked
    assert follows(question, [Check("short_answer", {"answers": answers})], response)


@pytest.mark.parametrize(
    ("asked", "response"),
    [
        (KING, "The mountain lion."),
        (KING, "The tiger beats the lion."),
        (KING, "The animal that hunts the lion."),
        (KING, "A tiger is bigger than a lion."),
        (TOWER, "It is a suburb of Paris."),
        (TOWER, "It was moved from Paris to Lyon."),
        (TOWER, "It is close to Paris."),
        (TOWER, "It's in New Paris."),
        (STARS, "A telescope lens cap."),
        (STARS, "We use a map near a telescope."),
        (ROOTS, "The stem, which grows out of the roots."),
        (KITTEN, "A puppy is like a kitten."),
        (KITTEN, "A kitten grows into a baby dog."),
        (PAINTER, "It was stolen by Leonardo da Vinci."),
        (PAINTER, "The teacher of Leonardo da Vinci painted it."),
        (LUNCH, "Around 12 o'clock people have dinner, before lunch."),
        (SEASON, "Winter follows autumn."),
        (SEASON, "In my opinion autumn is the most beautiful season."),
        (RINGS, "The planet next to Saturn."),
        (RINGS, "Jupiter, Saturn"),
        (YEN, "People there pay in Chinese yen."),
        (LEAST, "less, least, little"),
        (DENTIST, "dentist; maybe an orthodontist"),
        (RHYME, "They ate lunch at noon."),
        (MOON, "The first person to walk on the moon was Louis Armstrong."),
        (WINE, "Grapes are a type of fruit that is used in wine."),
        (MONTH, "The year ends before December."),
        (CAPITAL, "Many people say Canberra, but it is Sydney."),
        (CAPITAL, "Not Canberra but Sydney."),
        (CAPITAL, "Sydney, the largest city, or Canberra"),
        (KING, "The lion tamer."),
        (YEN, "the Chinese yuan, not the yen"),
        (PLURAL, "raincoats → raincoat"),
        (RIVER, "No African river is shorter than the Nile."),
        (WOOL, "Mostly cows, although goats and sheep grow some too."),
        (WOOL, "Sheep, although hens, and geese"),
        (KITTEN, "It's known as a puppy until it's called a cat."),
        (KITTEN, "You'd call such a creature a dog."),
        (STINGY, "generous, or, more formally, parsimonious"),
        (STINGY, "stingy, or, more formally, generous"),
        (CAKE, "'Cook' does, and 'lake' as well."),
        (CAPITAL, "Sydney, roughly between Canberra and Melbourne"),
        (CAPITAL, "between Canberra and Melbourne"),
        (CAPITAL, "it is not Canberra, so: Canberra"),
        (KITTEN, "It's known as a cat until it is a kitten."),
        (PLURAL, 'Joined together you get "raincoat".'),
        (LUNGS, "We inhale without our lungs."),
        (MOTH, "Caterpillars turn into worms (or moths) through a process called metamorphosis."),
        (WALL, "In the north of Japan, near China"),
        (EVEREST, "It's K2, also called Mount Everest or Sagarmatha."),
        (WHALE, "Whale shark (blue whale)"),
        (YEN, "They pay in euros over there."),
        (HOME, "In America people call it a hive."),
        (AFRAID, 'You could say "terrified" or "brave" instead.'),
        (BEGIN, '"Commence" is not a formal one.'),
        (LEFT, 'If you mean the direction, it\'s "straight", not "right".'),
        (FAR, 'far, further, furthest – so "furthest"'),
        (WOLF, "w-o-l-f-s"),
        (WOLF, 'The f does not turn into v, so not "wolves".'),
        (AFRAID, "Terrified never works well."),
        (CAT, '"Gatto" is used in Spanish.'),
        (AFRAID, 'How about "terrified" or "brave"?'),
        (CAT, "cane – not gatto"),
    ],
)
def test_a_sentence_that_states_something_else_fails(asked: tuple[str, list[str]], response: str) -> None:
    question, answers = asked
    assert not follows(question, [Check("short_answer", {"answers": answers})], response, loose=True)
