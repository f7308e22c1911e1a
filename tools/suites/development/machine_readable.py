# ruff: noqa: E501 - tables have one row a line
"""Development half: JSON, and yes or no."""

from typing import Final

from tools.suites.closed_sets import CLOSED_SETS, allow
from tools.suites.pairs import CAPITALS, WORKS
from tools.suites.rows import Row, answer_yes_or_no, options, require, row

JSON: Final = (
    row("Write a JSON object with the keys \"title\" and \"author\" for a book that you know. Write only JSON.",
        require("json_fields", fields={"title": {"text": True, "absent": ["title", "book title", "the book"]}, "author": {"name": True, "absent": ["author", "title"]}}, pairs=WORKS),
        correct='{"title": "Hamlet", "author": "William Shakespeare"} | ```json\n{\n  "title": "1984",\n  "author": "George Orwell"\n}\n``` | {"title":"To Kill a Mockingbird","author":"Harper Lee"}',
        wrong='{"title": "Hamlet", "author": "Anne Hathaway"} | {"title": "Hamlet"} | {"title": "Title", "author": "Author"} | {"title": "Hamlet", "author": "Hamlet"} | title: Hamlet, author: Shakespeare',
        limits="The author of a book that is not in the table is not checked, only that it is a name."),
    row("Write only a JSON object with the keys \"city\", \"country\" and \"population\" for Rome.",
        require("json_fields", fields={"city": {"one_of": ["Rome", "Roma", "Rome, Italy"]}, "country": {"one_of": ["Italy", "Italia"]}, "population": {"number": [2.2e6, 4.5e6]}}),
        correct='{"city": "Rome", "country": "Italy", "population": 2800000} | {"city": "Rome", "country": "Italy", "population": "2.8 million"} | {\n    "city": "Rome",\n    "country": "Italy",\n    "population": 2873000\n}',
        wrong='{"city": "Rome", "country": "Italy", "population": 5} | {"city": "Rome", "country": "France", "population": 2800000} | {"city": "Rome", "country": "Italy"} | {"city": "Rome", "country": "Italy", "population": "large"}'),
    row("Write only a JSON object with the keys \"animal\" and \"legs\" for a spider.",
        require("json_fields", fields={"animal": {"topic": ["spider", "tarantula", "black widow", "brown recluse", "daddy longlegs", "daddy long-legs"]}, "legs": {"one_of": [8, "8", "eight", "8 legs", "eight legs"]}}),
        correct='{"animal": "spider", "legs": 8} | {"animal":"Spider","legs":"eight"} | ```json\n{"animal": "spider", "legs": 8}\n```',
        wrong='{"animal": "spider", "legs": 6} | {"animal": "dog", "legs": 4} | {"animal": "spider"} | {"legs": 8, "animal": 8}'),
    row("Describe an apple as a JSON object with the keys \"color\", \"shape\" and \"taste\". Write only JSON.",
        require("json_fields", fields={
            "color": {"topic": options("red|green|yellow|pink|golden|crimson|reddish|scarlet|ruby|rosy|gold|maroon"), "absent": ["blue", "round", "sweet"]},
            "shape": {"topic": options("round|spher*|circular|oval|globe|globular|ball|ovoid|heart|roundish|spheroid|orb|circle"), "absent": ["square", "red", "sweet"]},
            "taste": {"topic": options("sweet|tart|sour|crisp|juicy|tangy|fresh|delicious|sugary|acidic|fruity|refreshing|mild|tasty|good|honey"), "absent": ["red", "round", "salty", "coffee"]}}),
        correct='{"color": "red", "shape": "round", "taste": "sweet"} | {\n  "color": "Red or green",\n  "shape": "Spherical",\n  "taste": "Sweet and tart"\n}',
        wrong='{"color": "blue", "shape": "square", "taste": "salty"} | {"color": "sweet", "shape": "red", "taste": "round"} | {"color": "red", "shape": "round"} | {"color": 1, "shape": 2, "taste": 3}'),
    row("Give the date of Christmas as a JSON object with the keys \"day\" and \"month\". Write only JSON.",
        require("json_fields", fields={"day": {"one_of": [25, "25", "25th", 24, "24"]}, "month": {"one_of": [12, "12", "December", "Dec"]}}),
        correct='{"day": 25, "month": 12} | {"day": 25, "month": "December"} | ```json\n{\n  "day": "25",\n  "month": "December"\n}\n```',
        wrong='{"day": 1, "month": 1} | {"day": "December", "month": 25} | {"date": "25 December"} | {"day": 26, "month": 12}'),
    row("Write only a JSON object with the keys \"first_name\", \"last_name\" and \"age\" for an invented person.",
        require("json_fields", fields={"first_name": {"name": True, "absent": ["first", "name"]}, "last_name": {"name": True, "absent": ["last", "name"]}, "age": {"number": [0, 120]}}),
        correct='{"first_name": "Anna", "last_name": "Berg", "age": 34} | {"first_name":"Liam","last_name":"O\'Connor","age":"27"} | {\n  "first_name": "Mary Ann",\n  "last_name": "Smith-Jones",\n  "age": 52\n}',
        wrong='{"first_name": "x", "last_name": "y", "age": "blue"} | {"first_name": "Anna", "last_name": "Berg", "age": 400} | {"first_name": "Anna", "age": 34} | {"first_name": 1, "last_name": 2, "age": 3}'),
    row("Write only a JSON object with the keys \"language\" and \"greeting\" that holds a greeting in Spanish.",
        require("json_fields", fields={"language": {"one_of": ["Spanish", "Español", "es", "Espanol", "Castellano", "es-ES", "Spanish (Español)"]}, "greeting": {"topic": ["hola", "buenos", "buenas", "buen día", "saludos", "bienvenid*", "qué tal", "cómo estás", "mucho gusto", "encantado", "que tal"]}}),
        correct='{"language": "Spanish", "greeting": "Hola"} | {"language":"Español","greeting":"¡Buenos días!"} | ```json\n{"language": "es", "greeting": "Hola, ¿cómo estás?"}\n```',
        wrong='{"language": "Spanish", "greeting": "Bonjour"} | {"language": "French", "greeting": "Hola"} | {"language": "Spanish", "greeting": "Adiós"} | {"language": "Spanish"}'),
    row("Write only a JSON object with the keys \"question\" and \"answer\" about the solar system.",
        require("json_fields", fields={
            "question": {"question": True, "topic": (solar := options("planet|sun|moon|solar|earth|mars|venus|jupiter|saturn|mercury|uranus|neptune|pluto|orbit|star|asteroid|comet|ring|milky|astronom*|celestial|giant"))},
            "answer": {"value": True, "absent": ["france", "dog", "paris"]}}),
        correct='{"question": "What is the largest planet?", "answer": "Jupiter"} | {\n  "question": "How many planets orbit the Sun?",\n  "answer": "Eight"\n} | {"question":"Which planet is closest to the Sun?","answer":"Mercury."}',
        wrong='{"question": "What is the capital of France?", "answer": "Paris"} | {"question": "Jupiter", "answer": "What is the largest planet?"} | {"question": "What is the largest planet?"} | {"question": "question", "answer": "answer"}',
        limits="Whether the answer is right for the question is not checked."),
    row("Write only a JSON object with the key \"status\" whose value says that everything is fine.",
        require("json_fields", fields={"status": {"topic": options("ok|okay|fine|good|well|healthy|success|successful|all clear|normal|great|operational|green|up|alright|all right|perfect|excellent|running|active|online|stable|healthy|everything|working|smooth*|no problem|no issue|no error|under control|in order|nominal|passing|systems go|all systems|shipshape|up and running|works|without issues|safe|hunky-dory|peachy|a-ok|a-okay|passed|going well|in good|couldn't be better|rosy"), "absent": ["not", "error", "fail", "bad", "down", "broken", "unhealthy", "n't", "isn't", "wrong", "nothing is", "no good", "no longer", "fine print"]}}),
        correct='{"status": "ok"} | {"status": "everything is fine"} | {"status":"All is well"} | ```json\n{\n  "status": "OK"\n}\n```',
        wrong='{"status": "error"} | {"status": "not ok"} | {"state": "ok"} | {"status": "blue"}'),
    row("Write only a JSON object with the keys \"sum\" and \"product\" of the numbers 3 and 5.",
        require("json_fields", fields={"sum": {"one_of": [8, "8", "eight"]}, "product": {"one_of": [15, "15", "fifteen"]}}),
        correct='{"sum": 8, "product": 15} | {"sum":8,"product":15} | {\n  "product": 15,\n  "sum": 8\n}', wrong='{"sum": 15, "product": 8} | {"sum": 3, "product": 5} | {"sum": 8} | 8 and 15'),
    row("Write a JSON array of three colours and nothing else.", require("json_list_of", count=3, allowed=allow("colours")),
        correct='["red", "green", "blue"] | ["Teal","Navy","Coral"] | ```json\n[\n  "red",\n  "yellow",\n  "blue"\n]\n```', wrong='["red", "green"] | ["red", "dog", "blue"] | red, green, blue | ["red", "red", "blue"]'),
    row("Write a JSON array of the numbers from one to five and nothing else.", require("any_of", options=[
        [{"kind": "json_equals", "arguments": {"value": value}}] for value in ([1, 2, 3, 4, 5], ["1", "2", "3", "4", "5"], ["one", "two", "three", "four", "five"])]),
        correct='[1, 2, 3, 4, 5] | [1,2,3,4,5] | ["one", "two", "three", "four", "five"]', wrong='[1, 2, 3, 4] | [5, 4, 3, 2, 1] | 1, 2, 3, 4, 5 | [0, 1, 2, 3, 4]'),
    row("Write a JSON array of four names of girls and nothing else.", require("json_list_of", count=4, allowed=CLOSED_SETS["girls"]),
        correct='["Anna", "Emma", "Clara", "Lucy"] | ["Mia","Isabella","Amelia","Harper"] | [\n  "Hannah",\n  "Lily",\n  "Zoe",\n  "Abigail"\n]', wrong='["Anna", "Bob", "Peter", "John"] | ["Anna", "Emma", "Clara"] | ["M", "F", "G", "H"] | ["Anna", "Emma", "Clara", "Table"]',
        limits="Names of girls that are not in the table of the most common ones fail."),
    row("Write a JSON array of two capital cities and nothing else.", require("json_list_of", count=2, allowed=CAPITALS),
        correct='["Paris", "Rome"] | ["Tokyo","Washington, D.C."] | [\n  "London",\n  "Nairobi"\n]', wrong='["Paris", "Milan"] | ["New York", "Sydney"] | ["Paris"] | ["France", "Italy"]'),
)  # fmt: skip
YES_NO: Final = (
    ("Is Paris the capital of France?", "yes"),
    ("Is a whale a fish?", "no"),
    ("Can penguins fly?", "no"),
    ("Is ice colder than steam?", "yes"),
    ("Do spiders have six legs?", "no"),
    ("Is 17 a prime number?", "yes"),
    ("Is the number 21 even?", "no"),
    ("Does the sun set in the west?", "yes"),
    ("Is London in Germany?", "no"),
    ("Do plants need light to grow?", "yes"),
    ("Is a kilogram heavier than a gram?", "yes"),
    ("Does February have thirty days?", "no"),
)
ROWS: Final[tuple[Row, ...]] = (*JSON, *(answer_yes_or_no(question, answer) for question, answer in YES_NO))
