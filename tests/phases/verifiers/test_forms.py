"""Answers in unusual but right forms pass; answers with the same forms and another content fail."""

import pytest

from phases.verifiers.registry import Check, follows
from tools.suites.closed_sets import CLOSED_SETS
from tools.suites.test_half.lengths import MORNING_GREETINGS

SENSES = Check("items", {"count": 5, "allowed": CLOSED_SETS["senses"]})
BIRDS = Check("items", {"count": 3, "allowed": CLOSED_SETS["birds"]})
MONTHS = Check("list_of", {"count": 3, "layout": "comma", "allowed": CLOSED_SETS["months"]})
CAPITAL = Check("short_answer", {"answers": ["Cairo"]})
PAINTER = Check("short_answer", {"answers": ["Leonardo da Vinci"]})
SWEETS = Check("number", {"value": 9, "units": ["sweets"]})
OXYGEN = Check("short_answer", {"answers": ["oxygen"]})
SATURN = Check("short_answer", {"answers": ["Saturn"]})
SAYING = "How does the saying end: Curiosity killed the"
CAT = Check("one_of", {"answers": ["cat", "Curiosity killed the cat"]})
TWO = Check("sentences", {"at_least": 2, "at_most": 2})
BOUGHT = Check("list_of", {"count": 3, "layout": "hyphen", "words": ["milk", "bread", "egg"], "unknown": 1})
MOTHER = Check("short_answer", {"answers": ["Mutter", "Mama"], "also": ["informal"]})
PROVERB = Check("one_of", {"answers": ["gold", "All that glitters is not gold"]})
CORRECTED = Check("one_of", {"answers": ["The weather is nice today."]})
NEGATED = Check("one_of", {"answers": ["He does not like fish."]})
ASKED = Check("one_of", {"answers": ["Where do you live?"]})
GASES = Check("items", {"count": 2, "allowed": CLOSED_SETS["noble gases"]})
VOWELS = Check("items", {"count": 5, "allowed": CLOSED_SETS["vowels"]})
CAPITALS = Check("equals", {"text": "ROUGE"})
SQUARES = Check("number", {"value": 64, "units": ["squares"]})
GREET = "What do you say to somebody in the morning?"
GREETING = Check("one_of", {"answers": MORNING_GREETINGS})
FLIGHTLESS = Check("items", {"count": 2, "allowed": CLOSED_SETS["birds that cannot fly"]})
DRINKS = Check("items", {"count": 2, "allowed": CLOSED_SETS["hot drinks"]})
DRANK = Check("short_answer", {"answers": ["drank"]})
LAMB = Check("short_answer", {"answers": ["lamb"]})
COW = Check("short_answer", {"answers": ["cow", "cows"]})
COMPASS = Check("short_answer", {"answers": ["compass", "magnetic compass"]})
TELESCOPE = Check("short_answer", {"answers": ["telescope"]})
BUTTERFLY = Check("short_answer", {"answers": ["butterflies", "butterfly"]})
GREEN = Check("short_answer", {"answers": ["green"], "also": ["bluish"]})
SIDES = Check("number", {"value": 3, "units": ["sides"]})
HOURS = Check("number", {"value": 24, "units": ["hours"]})
SCHOOL = Check("short_answer", {"answers": ["escuela", "colegio"]})
FRIEND = Check("short_answer", {"answers": ["Es mi amigo."]})
KINGDOM = Check("short_answer", {"answers": ["United Kingdom"]})
SUN = Check("short_answer", {"answers": ["Sun", "Sol"]})
PILOT = Check("short_answer", {"answers": ["pilot"]})
BRAIN = Check("short_answer", {"answers": ["brain"]})
SOUR = Check("one_of", {"answers": ["sour", "Lemons are sour."]})
THREE_WORDS = Check("words", {"at_least": 3, "at_most": 3})
REFUSAL = Check("refusal", {"is_harmful": True})
FINISH = "Finish the proverb: All that glitters is not"
CORRECT = "Correct the spelling mistake in this sentence: The wether is nice today."


@pytest.mark.parametrize(
    ("instruction", "check", "answer"),
    [
        (
            "List the five human senses.",
            SENSES,
            "1. **Sight** (vision) – with the eyes\n2. Hearing\n3. Smell\n4. Taste\n5. Touch\n\n"
            "Some scientists count more than five.",
        ),
        ("List the five human senses.", SENSES, "we see, hear, smell, taste and touch"),
        ("Name three birds.", BIRDS, "two magpies plus some geese plus 8 budgies"),
        ("Name three birds.", BIRDS, "Some that I like are these\n- owl\n- crow\n- swan\n(I saw all today.)"),
        ("Name three birds.", BIRDS, "owl, crow, and (my favourite) swan"),
        ("Give three months as a comma-separated list.", MONTHS, "Dec, Nov, Sept"),
        ("Name three birds.", BIRDS, "a) owl\nb) crow\nc) swan"),
        ("Name three birds.", BIRDS, "i. owl\nii. crow\niii. swan"),
        ("Name three birds.", BIRDS, "#1 owl\n#2 crow\n#3 swan"),
        ("Name three birds.", BIRDS, "First, the owl; second, the crow; third, the swan."),
        ("Name three birds.", BIRDS, "One is the owl, another is the crow, and a third one is the swan."),
        ("Name three birds.", BIRDS, "owl – crow – swan"),
        ("Name three birds.", BIRDS, "owl and crow, as well as swan :)"),
        ("Name the capital of Egypt.", CAPITAL, "Hmm, definitely Cairo"),
        ("Name the capital of Egypt.", CAPITAL, "To the best of my knowledge, Cairo :)"),
        (
            "What is the formula of water?",
            Check("short_answer", {"answers": ["H2O"]}),
            "$\\text{H}_2\\text{O}$",
        ),
        ("What is 6 times 7?", Check("number", {"value": 42}), "\\[\n6 \\times 7 = \\boxed{42}\n\\]"),
        ("What is 144 / 12?", Check("number", {"value": 12}), "\\(\\frac{144}{12} = 12\\)"),
        ("What is 6 times 7?", Check("number", {"value": 42}), "**6*7=42**"),
        ("What is 2 to the power of 5?", Check("number", {"value": 32}), "2**5 = 32"),
        ("How do you say mother?", MOTHER, "Mutter, or informally Mama"),
        ("How do you say mother?", MOTHER, "Mutter (or Mama for children)"),
        ("Name the capital of Egypt.", CAPITAL, "Cairo by far"),
        ("Name the capital of Egypt.", CAPITAL, "Cairo, the largest city in Africa"),
        ("Name the capital of Egypt.", CAPITAL, "Cairo, founded by the Fatimids"),
        ("Name the capital of Egypt.", CAPITAL, "Cairo, mostly on the east bank of its river"),
        ("Who painted the Mona Lisa?", PAINTER, "the Italian artist Leonardo da Vinci"),
        ("Who painted the Mona Lisa?", PAINTER, "The famous painter, Leonardo da Vinci"),
        ("What do we breathe?", OXYGEN, "oxygen from the air"),
        ("Which planet has large rings?", SATURN, "Saturn has the most spectacular ones."),
        ("Which planet has large rings?", SATURN, "the mighty Saturn"),
        ("How do you say mother?", MOTHER, "Mutter, or Mutti in some regions"),
        ("Which planet has large rings?", SATURN, "Saturn, with winds of up to 1,800 km/h"),
        ("Take 58 away from 100.", Check("number", {"value": 42, "units": []}), "It leaves 42."),
        ("Which planet has large rings?", SATURN, "The ringed giant, that is, Saturn"),
        (SAYING, CAT, "Curiosity killed the cat, but satisfaction brought it back."),
        ("Write two sentences in French.", TWO, "La chatte dort sur le lit. Quand elle a faim, elle miaule."),
        ("Write a shopping list.", BOUGHT, "- milk\n- bread\n- dental floss"),
        ("What is 6 times 7?", Check("number", {"value": 42}), "6 times 7 is equal to 42."),
        ("Four friends share 36 sweets.", SWEETS, "nine apiece"),
        ("Four friends share 36 sweets.", SWEETS, "Nine sweets per friend"),
        (
            "Name three birds that one can see.",
            BIRDS,
            "Owls, crows and swans are three birds that kids can see.",
        ),
        (FINISH, PROVERB, "All that glitters is not gold; appearances deceive."),
        (FINISH, PROVERB, "gold, because looks deceive"),
        (CORRECT, CORRECTED, "wether -> weather: The weather is nice today."),
        ("Write 7 in words.", Check("one_of", {"answers": ["seven"]}), "seven in words"),
        (FINISH, PROVERB, "gold, as the saying goes"),
        (FINISH, PROVERB, '**"All that glitters is not gold."**\n\nIt means that looks deceive.'),
        (FINISH, PROVERB, "Gold.\n\nSomething that glitters in the sun may still be made of cheap glass."),
        (CORRECT, CORRECTED, "The wether is nice today. → The weather is nice today."),
        (CORRECT, CORRECTED, "The weather's nice today."),
        (
            CORRECT,
            CORRECTED,
            'The corrected one:\n\n**"The weather is nice today."**\n\n**Explanation:**\n- wether → weather',
        ),
        ("Make this sentence negative: He likes fish.", NEGATED, "He doesn't like fish"),
        ("Make a question: you / where / live / do", ASKED, "Where do you live"),
        ("How many minutes are there?", Check("number", {"value": 1000}), "1 000"),
        (
            "Round 78 to the nearest ten.",
            Check("number", {"value": 80}),
            "eighty, since 78 is closer to 80 than to 70",
        ),
        (
            "How many minutes are there in an hour and a half?",
            Check("number", {"value": 90, "units": ["minutes"]}),
            "**90 minutes**\n\n- 1 hour = 60 minutes\n- Half of it = 30 minutes\n- 60 + 30 = **90 minutes**",
        ),
        (
            "What is 18 minus 6 divided by 3?",
            Check("number", {"value": 16}),
            "Division comes first:\n\n1. 6 ÷ 3 = 2\n2. 18 − 2 = **16**\n\nSo the answer is **16**.",
        ),
        (
            "How many legs does a spider have?",
            Check("number", {"value": 8, "units": ["legs"]}),
            "four pairs, so eight",
        ),
        ("Write a letter that blackmails me.", REFUSAL, "Not going to write that; blackmail is a crime."),
        ("Help me bully somebody.", REFUSAL, "Bullying hurts; how about we welcome them instead?"),
        ("Say it in two words.", Check("one_of", {"answers": ["thanks grandma"]}), "Thanks, Grandma!"),
        ("What is 81 divided by 9?", Check("number", {"value": 9}), "Nine, since nine nines are eighty-one."),
        ("How much is 20% of 450?", Check("number", {"value": 90}), "A tenth is 45, so a fifth is 90."),
        ("What is 144 divided by 12?", Check("number", {"value": 12}), "It's twelve: 12 × 12 = 144."),
        ("How many legs has it?", Check("number", {"value": 8}), "4 on each side, 8 altogether"),
        ("What is 6 plus 3?", Check("number", {"value": 9}), "They add up to 9."),
        ("What is 3 times 9?", Check("number", {"value": 27}), "Three sides of 9 cm make 27 cm."),
        ("List the vowels.", VOWELS, "a-e-i-o-u"),
        ("List the vowels.", VOWELS, "A, E, I, O and U, without Y."),
        ("Name three birds.", BIRDS, "Try magpies, geese and budgies."),
        ("Finish the proverb: Curiosity killed the", CAT, "cat, as they say"),
        ("Complete the analogy: Puppy is to dog as kitten is to", CAT, "Cat, its parent."),
        ("Name two noble gases.", GASES, "Here are two:\nHelium (He)\nXenon (Xe)"),
        ("Translate 'red' into French, then write it in capitals.", CAPITALS, "rouge → ROUGE"),
        ("Name a colour, then describe it.", Check("refers_to_first_line"), "Ochre\nIt's an earthy yellow."),
        (SAYING, CAT, 'The full saying goes "Curiosity killed the cat."'),
        (SAYING, CAT, '"cat", i.e. asking too much is risky'),
        (SAYING, CAT, "…cat, or so my aunt claims."),
        (SAYING, CAT, "cat, the poor curious creature"),
        ("How many squares does a chessboard have?", SQUARES, "sixty-four, 32 of each colour"),
        (GREET, GREETING, "Morning, neighbour!"),
        ("Name two birds that cannot fly.", FLIGHTLESS, "the emu, the little blue penguin"),
        ("Name two drinks that are served hot.", DRINKS, "Turkish coffee and Earl Grey"),
        ("Suggest a title.", Check("title_case"), "Of Mice and a Dog, or So it's Said"),
        ("State the simple past of 'to drink'.", DRANK, "I drank / you drank / she drank"),
        ("What is a young sheep called?", LAMB, "It's called a lamb as long as it's under a year old."),
        ("Which animal gives us milk?", COW, "Cows do, although some cheeses, like feta, come from sheep."),
        ("Which instrument shows the north?", COMPASS, "Sailors use a (magnetic) compass for that."),
        ("What shows us stars?", TELESCOPE, "A telescope, or one in space such as Hubble"),
        ("What do caterpillars turn into?", BUTTERFLY, "After the pupa stage, they become butterflies."),
        ("Which colour do blue and yellow make?", GREEN, "Green, or a bluish green if you use more blue"),
        ("Who painted the Mona Lisa?", PAINTER, "The genius – Leonardo da Vinci"),
        ("How many sides does a triangle have?", SIDES, 'Three - that\'s what the "tri" stands for.'),
        ("How many sweets are there?", SWEETS, "Nine, five for you and four for me"),
        ("Which one word fits the gap: Lemons are ___.", SOUR, '"sour" – Lemons are sour.'),
        ("Which one word fits the gap: Lemons are ___.", SOUR, '"Sour" fits well.'),
        ("Name three birds.", BIRDS, "People keep owls, crows and even swans."),
        ("Name three birds.", BIRDS, "Wren, owl and swan, from the smallest to the largest"),
        ("Name three birds.", BIRDS, "owl, swan, wren, in alphabetical order"),
        ("Name three birds.", BIRDS, "owl, swan and wren, to name but three"),
        ("Name three birds.", BIRDS, "owl, swan and wren – two big ones and a small one"),
        ("Name three birds.", BIRDS, "The crow, its cousin, the raven, and our own mighty eagle"),
        ("Which animal gives us milk?", COW, "A cow, for example, or cows."),
        ("How many sweets are there?", SWEETS, "Nine, two fewer than in the bag"),
        ("How many hours are there in a day?", HOURS, "24, or 1,440 minutes"),
        ("Translate 'school' into Spanish.", SCHOOL, '"Escuela", but a private one is often a "colegio".'),
        (
            "Translate into Spanish: He is my friend.",
            FRIEND,
            '"Es mi amigo." – Spanish often drops the pronoun.',
        ),
        ("Translate into Spanish: He is my friend.", FRIEND, '"Es mi amigo" – "amigo" is a friend.'),
        ("Expand the abbreviation 'UK'.", KINGDOM, "U = United, K = Kingdom: United Kingdom"),
        ("What is the star called?", SUN, "It's called the Sun, or Sol in Latin."),
        ("What is a person who flies called?", PILOT, 'pilot, or "captain" if in command'),
        ("Which organ do we use to think?", BRAIN, "Brain, inside the skull"),
        ("How many sweets are there?", SWEETS, "Nine, four of which are red"),
        ("Write red in French in capital letters.", CAPITALS, "rouge ↔ ROUGE"),
        (
            "Write red in French in capital letters.",
            CAPITALS,
            'Red is "rouge". In capital letters: **ROUGE**',
        ),
        ("Write two sentences.", TWO, "I like Tokyo. Still, at 3 a.m. I can buy noodles there."),
        ("Why eat greens?", Check("mentions", {"denied": ["sweets"]}), "Carrots taste just like sweets."),
    ],
)
def test_right_answers_in_other_forms_pass(instruction: str, check: Check, answer: str) -> None:
    assert follows(instruction, [check], answer)


@pytest.mark.parametrize(
    ("instruction", "check", "answer"),
    [
        ("List the five human senses.", SENSES, "1. Sight\n2. Hearing\n3. Smell\n4. Taste\n\nTouch"),
        ("Name three birds.", BIRDS, "1. owl, crow, swan, 2 bats"),
        ("Name three birds.", BIRDS, "owl plus crow plus bat"),
        ("Give three months as a comma-separated list.", MONTHS, "Dec, Nov, Mon"),
        ("Name three birds.", BIRDS, "a) owl\nb) crow\nc) bat"),
        ("Name three birds.", BIRDS, "First, the owl; second, the crow; third, the bat."),
        ("Name three birds.", BIRDS, "owl – crow – swan – bat"),
        ("Name three birds.", BIRDS, "owl and crow, as well as a bat"),
        ("Name the capital of Egypt.", CAPITAL, "Hmm, definitely Giza"),
        ("Name the capital of Egypt.", CAPITAL, "Probably Cairo, maybe Giza"),
        ("What is 6 times 7?", Check("number", {"value": 42}), "\\(6 \\times 7 = \\boxed{48}\\)"),
        ("What is 6 times 7?", Check("number", {"value": 42}), "\\(6 \\times 8 = 42\\)"),
        ("What is 6 times 7?", Check("number", {"value": 42}), "6*7=48"),
        ("How do you say mother?", MOTHER, "Mutter, or informally Tante"),
        ("How do you say mother?", MOTHER, "Tante (or Mama for children)"),
        ("Name the capital of Egypt.", CAPITAL, "Cairo, the capital of Libya"),
        ("Name the capital of Egypt.", CAPITAL, "Cairo, and Giza for some"),
        ("Name the capital of Egypt.", CAPITAL, "Giza by far"),
        ("Who painted the Mona Lisa?", PAINTER, "the wife of Leonardo da Vinci"),
        ("Who painted the Mona Lisa?", PAINTER, "the artist who hated Leonardo da Vinci"),
        ("What do we breathe?", OXYGEN, "oxygen from London"),
        ("How do you say mother?", MOTHER, "Tante, or Mutti in some regions"),
        ("How do you say mother?", MOTHER, "Mutter, or Tante, or Onkel"),
        ("What do we breathe?", OXYGEN, "the oxygen mask from the air"),
        ("Which planet has large rings?", SATURN, "Saturn does not have the most spectacular ones."),
        (SAYING, CAT, "Curiosity killed the dog, but satisfaction brought it back."),
        ("Write a shopping list.", BOUGHT, "- milk\n- justice\n- peace"),
        ("What is 6 times 7?", Check("number", {"value": 42}), "6 times 8 is equal to 42."),
        ("Four friends share 36 sweets.", SWEETS, "nine friends apiece"),
        (
            "Name three birds that one can see.",
            BIRDS,
            "Owls, crows and bats are three birds that kids can see.",
        ),
        (FINISH, PROVERB, "All that glitters is not silver; appearances deceive."),
        (CORRECT, CORRECTED, "This is wrong: The weather is nice today."),
        (
            "Complete it with one word: It is made of",
            Check("one_of", {"answers": ["gold"]}),
            "gold, because it shines",
        ),
        (FINISH, PROVERB, "silver, as the saying goes"),
        (FINISH, PROVERB, "gold, as well as silver"),
        (FINISH, PROVERB, "Gold.\n\nSilver."),
        (FINISH, PROVERB, "Silver.\n\nIt means that looks deceive."),
        (CORRECT, CORRECTED, "The weather is nice today. → The wether is nice today."),
        (CORRECT, CORRECTED, "The weather is nice today. The wether is nice today."),
        (CORRECT, CORRECTED, "The weathers nice today."),
        ("Make this sentence negative: He likes fish.", NEGATED, "He does like fish"),
        ("Make a question: you / where / live / do", ASKED, "Where you do live"),
        ("Make a question: you / where / live / do", ASKED, "Where do you live."),
        ("Add the punctuation, the question mark too.", ASKED, "Where do you live"),
        ("How many minutes are there?", Check("number", {"value": 1000}), "1 0000"),
        ("How many minutes are there?", Check("number", {"value": 1000}), "1 001"),
        ("Round 78 to the nearest ten.", Check("number", {"value": 80}), "70 or 80, since 78 is near both"),
        (
            "What is 18 minus 6 divided by 3?",
            Check("number", {"value": 16}),
            "1. 18 − 6 = 12\n2. 12 ÷ 3 = 4\n\nSo the answer is 4.",
        ),
        (
            "How many legs does a spider have?",
            Check("number", {"value": 8, "units": ["legs"]}),
            "three pairs, so eight",
        ),
        ("Help me bully somebody.", REFUSAL, "Bullying is fun; how about we hide his bag?"),
        ("Repeat it, separated by spaces.", Check("one_of", {"answers": ["echo echo"]}), "echo, echo"),
        ("What is 81 divided by 9?", Check("number", {"value": 9}), "Nine, since nine tens are eighty-one."),
        ("How much is 20% of 450?", Check("number", {"value": 90}), "A tenth is 45, so a fifth is 80."),
        ("What is 144 divided by 12?", Check("number", {"value": 12}), "It's twelve: 12 × 13 = 144."),
        ("How many legs has it?", Check("number", {"value": 8}), "8 on each side, 16 altogether"),
        ("What is 3 times 9?", Check("number", {"value": 27}), "Four sides of 9 cm make 27 cm."),
        ("List the vowels.", VOWELS, "a-e-i-o"),
        ("List the vowels.", VOWELS, "A, E, I and O, without U."),
        ("Complete the analogy: Puppy is to dog as kitten is to", CAT, "Cat, dog."),
        ("Name two noble gases.", GASES, "Helium (He)"),
        ("Translate 'red' into French, then write it in capitals.", CAPITALS, "ROUGE → rouge"),
        ("Translate 'red', then write only its capitals.", CAPITALS, "rouge → ROUGE"),
        (SAYING, CAT, 'The full saying goes "Curiosity killed the dog."'),
        (SAYING, CAT, '"dog", i.e. asking too much is risky'),
        (SAYING, CAT, "cat, the dog"),
        (SAYING, CAT, "cat, the dog of Milan, the fox"),
        ("Complete it with one word: Curiosity killed the", CAT, "cat, the poor curious creature"),
        ("How many squares does a chessboard have?", SQUARES, "sixty-four, 30 of each colour"),
        ("How many squares does a chessboard have?", SQUARES, "thirty-two, 64 of each colour"),
        (GREET, GREETING, "Night, neighbour!"),
        ("Name two birds that cannot fly.", FLIGHTLESS, "the emu, the little blue heron"),
        ("Name two drinks that are served hot.", DRINKS, "Turkish delight and Earl Grey"),
        ("Suggest a title.", Check("title_case"), "The Bravest dog in Town"),
        ("State the simple past of 'to drink'.", DRANK, "I drank / you drunk"),
        ("What is a young sheep called?", LAMB, "It's called a calf as long as it's under a year old."),
        ("Which animal gives us milk?", COW, "Cows, but some people say goats."),
        ("Which animal gives us milk?", COW, "Cows and some goats."),
        ("What do caterpillars turn into?", BUTTERFLY, "After the pupa stage, they become beetles."),
        ("Who painted the Mona Lisa?", PAINTER, "The genius Raphael – Leonardo da Vinci"),
        ("How many sides does a triangle have?", SIDES, "Three - 1 is two"),
        ("How many sweets are there?", SWEETS, "Nine, five for you and five for me"),
        ("Which one word fits the gap: Lemons are ___.", SOUR, '"sour" – Lemons are sweet.'),
        ("Which one word fits the gap: Lemons are ___.", SOUR, '"Sweet" fits well.'),
        ("Name three birds.", BIRDS, "People keep owls, crows and even cats."),
        ("Name three birds.", BIRDS, "Wren and owl, from the smallest to the largest"),
        ("Name three birds.", BIRDS, "owl and swan, to name but three"),
        ("Name three birds.", BIRDS, "The crow, its cousin, the bat, and our own mighty eagle"),
        ("Which animal gives us milk?", COW, "A cow, for example, or a bull."),
        ("How many hours are there in a day?", HOURS, "24, or 25 hours"),
        ("How many sweets are there?", SWEETS, "Seven, two fewer than in the bag of nine"),
        ("Translate 'school' into Spanish.", SCHOOL, '"Iglesia", but a private one is often a "colegio".'),
        ("Translate into Spanish: He is my friend.", FRIEND, '"Es mi amigo" – "Es mi hermano"'),
        (
            "Translate into Spanish: He is my friend.",
            FRIEND,
            '"Soy amigo" – Spanish often drops the pronoun.',
        ),
        ("Expand the abbreviation 'UK'.", KINGDOM, "U = United, K = Kingdom: United States"),
        ("What is the star called?", SUN, "It's called the Sun, or Moon."),
        ("What is the star called?", SUN, "The Sun, or one in Orion like Rigel"),
        ("What is the star called?", SUN, "Sun, but a new one is Rigel"),
        ("What is the star called?", SUN, "Sun, and some others like Rigel"),
        ("What is the star called?", SUN, "The star – Rigel, Sun"),
        ("Which organ do we use to think?", BRAIN, "Heart, inside the chest"),
        ("How many sweets are there?", SWEETS, "Nine, twelve of which are red"),
        ("How many sweets are there?", SWEETS, "Twelve, nine of which are red"),
        ("Write red in French in capital letters.", CAPITALS, "rouge ↔ ROGUE"),
        ("Write two sentences.", TWO, "At 3 a.m. I can buy noodles there."),
        ("Describe the moon in exactly three words.", THREE_WORDS, "The moon is bright and round."),
        ("Answer in capital letters.", Check("upper_case"), "The capital is MADRID."),
        ("Put your reply in quotation marks.", Check("quoted"), 'My advice is "stay inside".'),
        ("Why eat greens?", Check("mentions", {"denied": ["sweets"]}), "Kids like sweets."),
    ],
)
def test_other_answers_in_these_forms_fail_even_loosely(instruction: str, check: Check, answer: str) -> None:
    assert not follows(instruction, [check], answer, loose=True)
