# ruff: noqa: E501 - tables have one row a line
"""Development half: instructions of two or three steps."""

from typing import Final

from tools.suites.closed_sets import ANIMALS, CLOSED_SETS
from tools.suites.pairs import COUNTRIES_AND_CAPITALS
from tools.suites.rows import compute, exactly, give_text, listed, on_part, require, row, say

ONE: Final = exactly("sentences", 1)
ROWS: Final = (
    compute("Add 7 and 5, then multiply the sum by 2. Write only the final number.", 24, "12 | 17 | 24 and 12 | The numbers are 7 and 5."),
    compute("Subtract 9 from 30, then divide the result by 3. Write only the final number.", 7, "21 | 27 | 13 | 21, 7"),
    compute("Multiply 6 by 4, then add 10, then halve the result. Write only the final number.", 17, "24 | 34 | 12 | 6, 4, 17"),
    compute("Count the letters of the word 'elephant', then add 2. Write only the number.", 10, "8 | 9 | 10 letters in elephant | 8 + 2"),
    compute("Count the vowels in the word 'banana', then multiply the count by 5. Write only the number.", 15, "3 | 15 vowels | 30 | 3 vowels"),
    compute("Take the number of days in a week and the number of months in a year, and add them. Write only the sum.", 19, "7 | 12 | 7 and 12 | 84"),
    compute("Find the larger of 45 and 54, then subtract 4 from it. Write only the result.", 50, "54 | 41 | 45 | 58"),
    compute("Sort the numbers 8, 3 and 5 in ascending order, then write only the middle one.", 5, "8 | 3 | 3, 5, 8 | 8, 3, 5"),
    compute("Double the number of legs of a dog, then add the number of legs of a bird. Write only the result.", 10, "8 | 6 | 12 | 8 and 2"),
    row("A box holds 12 pens. Buy 3 boxes, then give away 10 pens. Write only how many pens are left.", require("number", value=26, units=["pen", "pens", "pens left", "left", "remaining"], at_most_words=8),
        correct="26 | 26 pens | 26 pens left | 26 pens are left. | twenty-six", wrong="36 | 2 | 22 pens | 26 or 36"),
    give_text("Take the word 'stop', reverse its letters, and write the result in capital letters.", "POTS", "pots | STOP | SPOT | POT"),
    give_text("Take the word 'live', reverse its letters, and write the result in lowercase letters.", "evil", "EVIL | live | vile | veil"),
    give_text("Take the first letter of each of the words 'cold', 'ant' and 'tree', and write the word that they form in lowercase letters.", "cat", "CAT | act | c, a, t, s | cold ant tree"),
    give_text("Take the last letter of each of the words 'bed', 'zero' and 'dog', and write the word that they form in lowercase letters.", "dog", "DOG | bzd | god | bed zero dog"),
    give_text("Remove the first letter of 'bread' and write the remaining letters in capital letters.", "READ", "read | BREAD | BREA | B"),
    give_text("Write the word 'sun', then the word 'moon', each on its own line, both in capital letters.", "SUN\nMOON", "SUN MOON | sun\nmoon | MOON\nSUN | SUN"),
    give_text("Name the capital of Italy and then the capital of Greece, each on its own line, with nothing else.", "Rome\nAthens", "Athens\nRome | Rome | Rome, Athens | Milan\nAthens", any_case=True),
    give_text("Name the planet closest to the sun and then the largest planet, each on its own line, with nothing else.", "Mercury\nJupiter", "Jupiter\nMercury | Mercury | Venus\nJupiter | Mercury and Jupiter", any_case=True),
    give_text("Write the numbers from 1 to 5, each on its own line, but leave out the number 3.", "1\n2\n4\n5", "1\n2\n3\n4\n5 | 1, 2, 4, 5 | 1\n2\n4 | 5\n4\n2\n1"),
    give_text("Translate 'red' into French, and then write the translation in capital letters.", "ROUGE", "rouge | RED | ROJO | Rouge"),
    give_text("Translate 'house' into Spanish, and then write the translation in capital letters.", "CASA", "casa | HOUSE | MAISON | Casa", correct="CASA | CASA. | **CASA**"),
    row("Find the opposite of 'cold', then write it in capital letters.", require("upper_case"), require("one_of", answers=["HOT", "WARM"]), correct="HOT | HOT. | WARM", wrong="hot | COLD | COOL | HOT AND COLD"),
    give_text("Take the plural of 'foot' and write it in capital letters.", "FEET", "feet | FOOT | FOOTS | Feet"),
    row("Sort the words 'pear', 'apple' and 'melon' alphabetically and write them on one line, separated by commas.", listed(3, "comma", allowed=["pear", "apple", "melon"], is_sorted=True), correct="apple, melon, pear | apple,melon,pear | Apple, Melon, Pear.", wrong="pear, apple, melon | apple, melon | apple\nmelon\npear | apple melon pear"),
    row("Sort the numbers 12, 4 and 9 from largest to smallest and write them on one line, separated by commas.", require("one_of", answers=["12, 9, 4", "12,9,4", "12 , 9 , 4", "12, 9, and 4", "12, 9 and 4"]), correct="12, 9, 4 | 12,9,4 | 12, 9, 4.", wrong="4, 9, 12 | 12, 4, 9 | 12\n9\n4\n1 | 12, 9"),
    row("Of the words 'rose', 'hammer' and 'tulip', find the one that is not a flower and write only that word.", require("equals", text="hammer", ignore_case=True), correct="hammer | Hammer. | **hammer**", wrong="rose | tulip | rose, tulip | the hammer is not a flower"),
    row("Of the words 'table', 'chair' and 'banana', find the one that can be eaten and write only that word.", require("equals", text="banana", ignore_case=True), correct="banana | Banana. | \"banana\"", wrong="table | chair | banana and chair | The banana can be eaten."),
    row("Join the words 'sun' and 'flower' into one word, then write its plural.", require("short_answer", answers=["sunflowers"], at_most_words=8), correct="sunflowers | Sunflowers. | The plural is sunflowers.", wrong="sunflower | suns flowers | sun flowers | sun and flowers"),
    row("Write a question about dogs, and then answer it. Use exactly two sentences.", require("sentence_marks", marks=["?", ".!…"]), say("dog|puppy|canine|bark|hound", own=1), on_part("sentence", 1, say("dog|puppy|canine|hound", own=1)), on_part("sentence", 2, say("", own=0, more="answer it"), require("words", at_least=1)), require("no_repetition"),
        correct="Do dogs like bones? Yes, most dogs love them. | Why do dogs bark? They bark to communicate. | How long do dogs live? Most dogs live between ten and thirteen years!", wrong="Dogs like bones. Yes, most dogs love them. | Do dogs like bones? | Do cats like fish? Yes, they love it. | Do dogs bark? Do dogs bite?",
        limits="Whether the second sentence answers the question is not checked."),
    row("Name a colour on the first line, and on the second line write one sentence about it.", exactly("lines", 2), on_part("line", 1, require("list_of", count=1, layout="lines", allowed=CLOSED_SETS["colours"])), on_part("line", 2, ONE, say("", own=1), require("words", at_least=4)), require("refers_to_first_line"),
        correct="Green\nGreen is the colour of grass in spring. | Blue\n\nIt reminds me of the sea. | Red\nRed often symbolizes love and passion.", wrong="Green is the colour of grass. | Dog\nThe dog is green. | Green\nThe train was late. | Green is the colour of grass.\nGreen"),
    row("Name a country on the first line and its capital on the second line. Write nothing else.", exactly("lines", 2), require("one_of", answers=[f"{country}\n{capital}" for country, capital in COUNTRIES_AND_CAPITALS]), correct="France\nParis | Japan\nTokyo | kenya\nnairobi", wrong="Paris\nFrance | France\nLyon | France, Paris | London\nParis"),
    row("First list three pets as a numbered list, then repeat nothing and add nothing.", listed(3, "numbered", allowed=CLOSED_SETS["pets"], heading=False), correct="1. dog\n2. cat\n3. hamster | 1. Dogs\n2. Cats\n3. Goldfish | 1) Rabbit\n2) Parrot\n3) Guinea pig", wrong="1. dog\n2. cat | 1. dog\n2. cat\n3. lion | - dog\n- cat\n- hamster | 1. dog\n2. cat\n3. hamster\n4. fish"),
    row("Think of three fruits, sort them alphabetically, and write them on one line, separated by commas.", listed(3, "comma", allowed=CLOSED_SETS["fruits"], is_sorted=True), correct="apple, cherry, plum | Apple, Banana, Orange | banana,kiwi,mango.", wrong="plum, apple, cherry | apple, plum | apple, bread, plum | apple\ncherry\nplum"),
    row("Think of four countries in Europe, sort them alphabetically, and write them on one line, separated by commas.", listed(4, "comma", allowed=CLOSED_SETS["european countries"], is_sorted=True), correct="France, Greece, Italy, Spain | Austria, Belgium, Denmark, Sweden. | france,germany,norway,portugal", wrong="Spain, France, Italy, Greece | France, Greece, Italy | Brazil, China, India, Japan | France\nGreece\nItaly\nSpain"),
    row("Choose an animal, describe it in one sentence, and put the sentence in double quotation marks.", require("quoted"), require("sentences_at_most", count=1), say("|".join(ANIMALS), own=2), require("words", at_least=3), correct="\"The fox is a clever animal with a red coat.\" | “Penguins waddle on the ice.” | \"A giraffe has a very long neck and gentle eyes.\"", wrong="The fox is a clever animal. | \"The house is old and grey.\" | \"Fox\" | \"The fox is clever. It is red.\""),
    row("Choose a season and write one sentence about it in capital letters only.", require("upper_case"), ONE, say("spring|summer|autumn|fall|winter", own=2), correct="SUMMER IS WARM AND BRIGHT. | I LOVE THE COLOURFUL LEAVES OF AUTUMN. | WINTER BRINGS SNOW!", wrong="Summer is warm. | MONDAY IS A DAY OF WORK. | SUMMER. | SUMMER IS WARM. WINTER IS COLD."),
    row("Compute 6 times 7 and write the result as a JSON object with the key \"result\". Write only JSON.", require("json_fields", fields={"result": {"one_of": [42, "42", "forty-two"]}}), correct='{"result": 42} | {"result":42} | ```json\n{\n  "result": 42\n}\n```', wrong='{"result": 13} | 42 | {"answer": 42} | {"result": "6 times 7"}'),
    row("Sort the numbers 5, 1 and 3 in ascending order and write them as a JSON array. Write only JSON.", require("json_equals", value=[1, 3, 5]), correct="[1, 3, 5] | [1,3,5] | ```json\n[1, 3, 5]\n``` | [\n  1,\n  3,\n  5\n]", wrong="[5, 1, 3] | [5, 3, 1] | 1, 3, 5 | [1, 3]"),
    row("Write two sentences about a river; the second must end with the word 'sea'.", exactly("sentences", 2), say("river|stream|water|flow|bank|current|nile|amazon|rhine|danube|source|valley|mouth|delta|bridge", own=2), require("ends_with", text="sea"), correct="The river rises in the hills. After many days its water reaches the sea. | The river is long. It flows into the sea. | A gentle river winds through the valley. Slowly, it makes its way to the sea!", wrong="The river rises in the hills and reaches the sea. | The river reaches the sea. It is long. | My dog is brown. It likes the sea. | The river. The sea."),
    row("Write one sentence about a baker that starts with 'Every' and contains the word 'bread'.", ONE, require("starts_with", text="Every"), require("keywords", present=["bread"]), say("baker|bakery|oven|dough|bake|loaf|loaves|knead", own=1), correct="Every morning the baker makes fresh bread. | Every baker loves bread. | Every day at four, the old baker kneads dough for his famous bread.", wrong="The baker makes bread every morning. | Every morning the baker makes cakes. | Every child likes bread with jam. | Every morning he bakes. He makes bread."),
)  # fmt: skip
