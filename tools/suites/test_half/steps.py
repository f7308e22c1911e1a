# ruff: noqa: E501 - tables have one row a line
"""Test half: instructions of two or three steps."""

from typing import Final

from tools.suites.rows import Row, compute, exactly, give_text, listed, on_part, require, row, say
from tools.suites.word_sets import ANIMALS, CAPITALS, COUNTRIES_AND_CAPITALS, SETS

ONE: Final = exactly("sentences", 1)
ROWS: Final[tuple[Row, ...]] = (
    compute("Add 8 and 6, then multiply the sum by 3. Write only the final number.", 42, "14 | 26 | 24 | 14 and 42"),
    compute("Subtract 12 from 40, then divide the result by 4. Write only the final number.", 7, "28 | 37 | 13 | 28, 7"),
    compute("Multiply 5 by 9, then subtract 3, then halve the result. Write only the final number.", 21, "42 | 45 | 24 | 5, 9, 21"),
    compute("Count the letters of the word 'window', then add 5. Write only the number.", 11, "6 | 10 | 6 + 5 | 11 letters in window"),
    compute("Count the vowels in the word 'potato', then multiply the count by 4. Write only the number.", 12, "3 | 12 vowels | 24 | 3 vowels"),
    compute("Take the number of hours in a day and the number of days in a week, and add them. Write only the sum.", 31, "24 | 7 | 24 and 7 | 168"),
    compute("Find the smaller of 63 and 36, then add 5 to it. Write only the result.", 41, "36 | 68 | 63 | 31"),
    compute("Sort the numbers 7, 2 and 9 in descending order, then write only the middle one.", 7, "2 | 9 | 9, 7, 2 | 7, 2, 9"),
    compute("Double the number of legs of a cow, then subtract the number of legs of a hen. Write only the result.", 6, "8 | 4 | 10 | 8 and 2"),
    row("A basket holds 15 apples. Fill 4 baskets, then eat 7 apples. Write only how many apples are left.", require("number", value=53, units=["apple", "apples", "apples left", "left", "remaining"], at_most_words=8), correct="53 | 53 apples | 53 apples are left.", wrong="60 | 8 | 67 apples | 53 or 60"),
    give_text("Take the word 'draw', reverse its letters, and write the result in capital letters.", "WARD", "ward | DRAW | WADR | WAR"),
    give_text("Take the word 'star', reverse its letters, and write the result in lowercase letters.", "rats", "RATS | star | arts | tars"),
    give_text("Take the first letter of each of the words 'moon', 'apple' and 'pen', and write the word that they form in lowercase letters.", "map", "MAP | nap | m, a, p, e | moon apple pen"),
    give_text("Take the last letter of each of the words 'club', 'sofa' and 'rug', and write the word that they form in lowercase letters.", "bag", "BAG | csr | gab | club sofa rug"),
    give_text("Remove the first letter of 'train' and write the remaining letters in capital letters.", "RAIN", "rain | TRAIN | TRAI | T"),
    give_text("Write the word 'fire', then the word 'water', each on its own line, both in capital letters.", "FIRE\nWATER", "FIRE WATER | fire\nwater | WATER\nFIRE | FIRE"),
    give_text("Name the capital of Norway and then the capital of Sweden, each on its own line, with nothing else.", "Oslo\nStockholm", "Stockholm\nOslo | Oslo | Oslo, Stockholm | Bergen\nStockholm", any_case=True),
    give_text("Name the day after Monday and then the day before Saturday, each on its own line, with nothing else.", "Tuesday\nFriday", "Friday\nTuesday | Tuesday | Sunday\nFriday | Tuesday and Friday", any_case=True),
    give_text("Write the numbers from 3 to 7, each on its own line, but leave out the number 5.", "3\n4\n6\n7", "3\n4\n5\n6\n7 | 3, 4, 6, 7 | 3\n4\n6 | 7\n6\n4\n3"),
    give_text("Translate 'blue' into French, and then write the translation in capital letters.", "BLEU", "bleu | BLUE | AZUL | Bleu"),
    give_text("Translate 'cat' into Spanish, and then write the translation in capital letters.", "GATO", "gato | CAT | CHAT | Gato"),
    row("Find the opposite of 'big', then write it in capital letters.", require("upper_case"), require("one_of", answers=["SMALL", "LITTLE", "TINY", "MINIATURE"]), correct="SMALL | LITTLE.", wrong="small | BIG | LARGE | SMALL AND BIG"),
    give_text("Take the plural of 'goose' and write it in capital letters.", "GEESE", "geese | GOOSE | GOOSES | Geese"),
    row("Sort the words 'lemon', 'cherry' and 'fig' alphabetically and write them on one line, separated by commas.", listed(3, "comma", allowed=["lemon", "cherry", "fig"], is_sorted=True), correct="cherry, fig, lemon | Cherry,Fig,Lemon", wrong="lemon, cherry, fig | cherry, fig | cherry\nfig\nlemon"),
    row("Sort the numbers 3, 14 and 8 from largest to smallest and write them on one line, separated by commas.", require("one_of", answers=["14, 8, 3", "14,8,3", "14, 8 and 3", "14, 8, and 3"]), correct="14, 8, 3 | 14,8,3", wrong="3, 8, 14 | 14, 3, 8 | 14, 8"),
    row("Of the words 'dog', 'carrot' and 'horse', find the one that is not an animal and write only that word.", require("equals", text="carrot", ignore_case=True), correct="carrot | Carrot.", wrong="dog | horse | dog, horse | the carrot is not an animal"),
    row("Of the words 'spoon', 'cloud' and 'sofa', find the one that is in the sky and write only that word.", require("equals", text="cloud", ignore_case=True), correct="cloud | **Cloud**", wrong="spoon | sofa | cloud and sofa"),
    row("Join the words 'rain' and 'coat' into one word, then write its plural.", require("short_answer", answers=["raincoats"], at_most_words=8), correct="raincoats | The plural is raincoats.", wrong="raincoat | rain coats | rains coat"),
    row("Write a question about trees, and then answer it. Use exactly two sentences.", require("sentence_marks", marks=["?", ".!…"]), on_part("sentence", 1, say("tree|oak|pine|leaf|leaves|forest|wood|birch|root", own=1)), on_part("sentence", 2, say("", own=0, more="answer it"), require("words", at_least=1)), require("no_repetition"), correct="Do trees sleep? No, they rest in winter. | Why do trees have leaves? Leaves turn sunlight into food.", wrong="Trees sleep. They rest. | Do trees sleep? | Do cats like fish? Yes, they do.", limits="Whether the second sentence answers the question is not checked."),
    row("Name an animal on the first line, and on the second line write one sentence about it.", exactly("lines", 2), on_part("line", 1, say(ANIMALS, own=0), require("words", at_most=3)), on_part("line", 2, ONE, say("", own=1), require("words", at_least=3)), require("refers_to_first_line", pronouns=["it", "its", "this", "they", "these", "their"]), correct="Fox\nThe fox lives in the forest. | Owl\n\nIt hunts at night.", wrong="The fox lives in the forest. | Table\nThe table is brown. | Fox\nThe train was late."),
    row("Name a capital city on the first line and its country on the second line. Write nothing else.", exactly("lines", 2), require("one_of", answers=[f"{capital}\n{country}" for country, capital in COUNTRIES_AND_CAPITALS]), correct="Paris\nFrance | Nairobi\nKenya", wrong="France\nParis | Lyon\nFrance | Paris, France"),
    row("First list three vegetables as a numbered list, then repeat nothing and add nothing.", listed(3, "numbered", allowed=SETS["vegetables"], heading=False), correct="1. carrot\n2. pea\n3. onion | 1) Potatoes\n2) Leeks\n3) Kale", wrong="1. carrot\n2. pea | 1. carrot\n2. pea\n3. lion | - carrot\n- pea\n- onion"),
    row("Think of three birds, sort them alphabetically, and write them on one line, separated by commas.", listed(3, "comma", allowed=SETS["birds"], is_sorted=True), correct="crow, owl, swan | Eagle, Hawk, Robin", wrong="swan, crow, owl | crow, owl | crow, dog, swan | crow\nowl\nswan"),
    row("Think of four capital cities, sort them alphabetically, and write them on one line, separated by commas.", listed(4, "comma", allowed=[name for name in CAPITALS if "," not in name], is_sorted=True), correct="Athens, Berlin, Paris, Rome | Cairo,Lima,Oslo,Tokyo", wrong="Rome, Athens, Berlin, Paris | Athens, Berlin, Paris | Athens, Berlin, Milan, Sydney | Athens\nBerlin\nParis\nRome"),
    row("Choose a vehicle, describe it in one sentence, and put the sentence in double quotation marks.", require("quoted"), require("sentences_at_most", count=1), say("|".join(SETS["vehicles"]), own=2), correct="\"A bicycle has two wheels and no motor.\" | “The train glides along shiny rails.”", wrong="A bicycle has two wheels. | \"The house is old and grey.\" | \"Bicycle\" | \"The car is fast. It is red.\""),
    row("Choose a month and write one sentence about it in capital letters only.", require("upper_case"), ONE, say("|".join(SETS["months"]), own=2), correct="MAY IS FULL OF FLOWERS. | IN DECEMBER WE CELEBRATE CHRISTMAS!", wrong="May is full of flowers. | MONDAY IS A DAY OF WORK. | MAY."),
    row("Compute 9 times 8 and write the result as a JSON object with the key \"result\". Write only JSON.", require("json_fields", fields={"result": {"one_of": [72, "72", "seventy-two"]}}), correct='{"result": 72} | ```json\n{"result": 72}\n```', wrong='{"result": 17} | 72 | {"answer": 72}'),
    row("Sort the numbers 8, 2 and 6 in ascending order and write them as a JSON array. Write only JSON.", require("json_equals", value=[2, 6, 8]), correct="[2, 6, 8] | [2,6,8] | ```json\n[2, 6, 8]\n```", wrong="[8, 2, 6] | [8, 6, 2] | 2, 6, 8 | [2, 6]"),
    row("Write two sentences about a bird; the second must end with the word 'sky'.", exactly("sentences", 2), say("bird|eagle|sparrow|robin|hawk|swallow|wing|feather|nest|fly|sing|crow|lark|owl|beak", own=2), require("ends_with", text="sky"), correct="The bird leaves its nest. It spreads its wings and rises into the sky. | A lark sings at dawn. Then it vanishes in the blue sky.", wrong="The bird leaves its nest and rises into the sky. | The bird flies into the sky. It is small. | My dog is brown. It looks at the sky."),
    row("Write one sentence about a farmer that starts with 'Each' and contains the word 'milk'.", ONE, require("starts_with", text="Each"), require("keywords", present=["milk"]), say("farmer|farm|cow|barn|dairy|goat", own=1), correct="Each morning the farmer sells fresh milk. | Each day, the old farmer carries milk from the barn.", wrong="The farmer sells milk each morning. | Each morning the farmer sells eggs. | Each child drinks milk with honey."),
)  # fmt: skip
