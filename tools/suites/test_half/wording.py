# ruff: noqa: E501 - tables have one row a line
"""Test half: letter case, words to use, avoid or repeat, beginnings, endings and quotation marks."""

from typing import Final

from phases.verifiers.registry import Check
from tools.suites.rows import contain, exactly, listed, require, row, say
from tools.suites.word_sets import SETS

ONE: Final = exactly("sentences", 1)
UPPER: Final = require("upper_case")
LOWER: Final = require("lower_case")
TITLE: Final = require("title_case")
QUOTED: Final = require("quoted")
STATEMENT: Final = require("statement")


def _without(words: str) -> Check:
    return require("keywords", absent=words.split("|"))


def _times(word: str, count: int) -> Check:
    return require("keyword_count", word=word, at_least=count, at_most=count)


def _starts(text: str) -> Check:
    return require("starts_with", text=text)


def _ends(text: str) -> Check:
    return require("ends_with", text=text)


CASE: Final = (
    row("Write one sentence about the jungle in capital letters only.", UPPER, ONE, say("jungle|tree|vine|monkey|parrot|rainforest|snake|tiger|jaguar|leaf|leaves|river|bird|humid|green|insect|frog|plant|animal"), correct="THE JUNGLE IS GREEN AND WET. | MONKEYS SWING FROM VINE TO VINE!", wrong="The jungle is green. | THE OFFICE IS COLD. | A SENTENCE ABOUT THE JUNGLE. | THE JUNGLE IS GREEN. IT IS WET."),
    row("Write a warning about a fierce dog in capital letters only.", UPPER, say("dog", own=0), say("beware|danger|dangerous|warning|caution|bite|bites|keep out|keep away|stay away|do not|don't|careful|attention|watch out|aggressive|guard|enter", own=0), correct="BEWARE OF THE DOG! | WARNING: FIERCE DOG, DO NOT ENTER.", wrong="Beware of the dog! | DANGER: HIGH VOLTAGE. | DOGS ARE CUTE. | CAUTION: WET FLOOR"),
    row("Answer in capital letters only: What is the capital of Portugal?", UPPER, require("short_answer", answers=["LISBON", "LISBOA"]), correct="LISBON | THE CAPITAL OF PORTUGAL IS LISBON.", wrong="Lisbon | PORTO | PORTUGAL"),
    row("Write the first two months of the year in capital letters only.", UPPER, listed(2, "any", allowed=["january", "february"]), correct="JANUARY AND FEBRUARY | JANUARY, FEBRUARY | JANUARY\nFEBRUARY", wrong="January and February | JANUARY | MARCH AND APRIL"),
    row("Write one sentence about a kitchen in lowercase letters only.", LOWER, ONE, say("kitchen|cook|oven|stove|pot|pan|sink|fridge|refrigerator|soup|table|knife|bread|spice|dish|dishes|bake|kettle|food|smell|spoon|chef|counter|cupboard"), correct="the kitchen smells of fresh bread. | my mother cooks soup on the old stove.", wrong="The kitchen smells good. | the car is very fast. | a sentence about a kitchen."),
    row("Answer in lowercase letters only: Which country is Cairo in?", LOWER, require("short_answer", answers=["egypt"]), correct="egypt | cairo is in egypt.", wrong="Egypt | libya | cairo"),
    row("Write a short apology to a friend in lowercase letters only.", LOWER, say("sorry|apologize|apologise|apology|apologies|forgive|regret|pardon|my fault|my bad|didn't mean", absent="sentence|short apology", own=0), correct="i am so sorry, my friend. | sorry for being late! | please forgive me for what i said.", wrong="I am sorry. | happy birthday, my friend! | a short apology to a friend | the cat is black"),
    row("Write the names of two fruits in lowercase letters only.", LOWER, listed(2, "any", allowed=SETS["fruits"]), correct="apple and pear | mango, kiwi | cherries\nplums", wrong="apple | Apple and Pear | apple and table | apple, pear and plum"),
    row("Suggest a title for a film about a haunted house, with every word capitalised.", TITLE, say("haunt*|house|ghost|spirit|shadow|mansion|manor|dark|darkness|night|scream|whisper|fear|hallow*|phantom|specter|spectre|evil|dead|death|terror|attic|cellar|basement|door|walls|stairs|midnight|cursed|curse|home|hill|horror|echo|hall|silent|room|beyond|grave|possess*|soul|secret|nightmare|moan|creak*|blood|forgotten|residence", absent="sentence|title|film|kitchen|garden"), correct="Whispers In The Walls | The Ghost Of Hill House | Midnight Manor", wrong="whispers in the walls | The Happy Garden | The haunted House | Sunny Day"),
    row("Suggest a title for a travel guide, with every word capitalised.", TITLE, say("travel|trip|journey|guide|guidebook|world|road|map|way|explore|explorer|discover|adventure|wander|wanderlust|escape|destination|passport|days|hours|abroad|tour|route|path|beyond|roam|paris|rome|italy|europe|asia|city|cities|island|hidden|voyage|around|globe|sights|backpack|pack|suitcase|tourist|visit|nomad|horizon|japan|compass|atlas|landmark|places", absent="sentence|title|cooking"), correct="Hidden Roads Of Italy | Wander The World | The Explorer's Handbook", wrong="hidden roads of italy | The Cooking Cat | Hidden roads | A Sad Song"),
)  # fmt: skip
_PAIRS: Final = (
    (("garden", "key"), "I found a rusty key in the garden.", "She dropped the key somewhere in the garden last night.", "I found a rusty key in the attic."),
    (("doctor", "bicycle", "rain"), "The doctor rode her bicycle in the rain.", "Despite the rain, the doctor came by bicycle.", "The doctor rode her bicycle in the sun."),
    (("before", "hungry"), "He was hungry before lunch.", "Before the show began, the children were already hungry.", "He was thirsty before lunch."),
    (("yellow", "train", "evening"), "A yellow train arrives every evening.", "In the evening, the yellow train crosses the valley.", "A red train arrives every evening."),
    (("friend", "secret"), "My friend kept the secret.", "A true friend never tells a secret to anyone.", "My friend kept the book."),
    (("mountain", "quiet"), "The mountain was quiet at dawn.", "It is quiet on top of the mountain.", "The mountain was loud at dawn."),
    (("window", "storm"), "The storm broke a window.", "We watched the storm from the kitchen window.", "The storm broke a branch."),
    (("unless",), "Unless it rains, we walk.", "You will miss the bus unless you hurry.", "If it does not rain, we walk."),
)  # fmt: skip
KEYWORDS: Final = (
    *(contain(*pair) for pair in _PAIRS),
    row("Write one sentence about the sun that contains the word 'warm'.", ONE, require("keywords", present=["warm"]), say("sun|sunshine|sunlight|sunny|ray|solar|sky|sunrise|sunset"), correct="The sun is warm on my face. | Warm rays of sunlight fill the room.", wrong="The sun is hot. | The soup is warm. | A sentence about the sun that is warm."),
    row("Write one sentence about school without using the word 'teacher'.", ONE, _without("teacher"), say("school|class|classroom|pupil|student|lesson|homework|learn|bell|exam|test|study|book|recess|desk"), correct="The school bell rings at eight. | Students learn math and history in the old classroom.", wrong="The teacher is at school. | The forest is dark. | A sentence about school."),
    row("Write one sentence about summer without using the words 'hot' and 'sun'.", ONE, _without("hot|sun"), say("summer|beach|swim|holiday|vacation|july|august|june|lake|ice cream|picnic|warm|barbecue|sea|pool|garden|berry|heat"), correct="In summer we swim in the lake every day. | Summer evenings are long and warm.", wrong="Summer is hot. | Winter is cold and dark. | A sentence about summer."),
    row("Describe a dog in one sentence without using the word 'dog'.", ONE, _without("dog|dogs"), say("animal|pet|bark|fur|furry|tail|canine|loyal|friend|fetch|puppy|hound|wag|paw|companion|leash|bone|walk|creature|four-legged|nose", more="meow|purr|purrs"), correct="It is a loyal animal that barks and wags its tail. | A furry companion with a cold nose.", wrong="A dog is a loyal animal. | It is an animal that purrs. | It is red and round."),
    row("Describe tea in one sentence without using the word 'hot'.", ONE, _without("hot"), say("tea|leaf|leaves|cup|brew|drink|beverage|steep|herbal|warm|green|black|aroma|mug|soothing|caffeine|infus*|teapot|calm", at_least=2), correct="Tea is a drink made from the leaves of a plant. | A warm, soothing brew steeped in a teapot.", wrong="Tea is a hot drink. | Tea. | It is a big animal with a trunk."),
    row("Write one sentence about snow that contains 'children' but not 'white'.", ONE, require("keywords", present=["children"], absent=["white"]), say("snow|snowman|snowball|snowflake|sled|winter|flakes|blizzard"), correct="The children built a snowman in the snow. | Snow makes the children happy.", wrong="The children love the white snow. | The snow is deep. | The children play football."),
)  # fmt: skip
REPEATED: Final = (
    row("Write the word 'drum' four times, separated by spaces.", require("one_of", answers=["drum drum drum drum"]), correct="drum drum drum drum | Drum drum drum drum.", wrong="drum drum drum | drum, drum, drum, drum | drum drum drum drum drum"),
    row("Write the word 'star' six times, separated by spaces.", require("one_of", answers=["star star star star star star"]), correct="star star star star star star | Star star star star star star.", wrong="star star star star star | star, star, star, star, star, star | star six times"),
    row("Write a text of at most forty words about cats in which the word 'cat' occurs exactly twice.", require("words", at_most=40), _times("cat", 2), say("", absent="twice|occurs|forty"), correct="A cat sleeps all day. Every cat likes milk. | My cat hissed when another cat came near.", wrong="A cat sleeps all day. | A cat met a cat and a cat. | A text about cats in which the word cat occurs twice: cat."),
    row("Write a text of at most forty words about the forest in which the word 'green' occurs exactly three times.", require("words", at_most=40), _times("green", 3), say("forest|tree|leaf|leaves|moss|wood|woods|branch|fern|canopy|pine|path", absent="occurs|forty|three times"), correct="Green leaves, green moss and green ferns fill the forest. | The forest is green. The trees are green. Even the light is green.", wrong="The forest is green. The moss is green. | My green car has a green door and a green roof. | green green green"),
    row("Write one sentence in which the word 'day' occurs exactly twice.", ONE, _times("day", 2), require("words", at_least=4), say("", absent="exactly|occurs|twice|word", own=0), correct="Day after day he waited. | One day she will thank you for this day.", wrong="What a lovely day. | Day day. | Day after day, this day, he forgot."),
    row("Write one sentence in which the word 'the' occurs exactly three times.", ONE, _times("the", 3), say("", own=2, absent="exactly|occurs|word"), correct="The dog chased the cat around the house. | The boy gave the book to the girl.", wrong="The dog chased the cat. | the the the. | The dog and the cat and the cow and the pig ran."),
)  # fmt: skip
EDGES: Final = (
    row("Start your answer with the word 'Frankly': Is it good to eat sweets every day?", _starts("Frankly"), say("yes|no|not|bad|good|health|healthy|unhealthy|sugar|teeth|tooth|depend|moderation|okay|fine|isn't|harmful|better|never|sometimes|too much|diet|weight|cavities|limit|small|treat|avoid|occasion*|nope", own=0, more="letters"), STATEMENT, correct="Frankly, it is bad for your teeth. | Frankly, no.", wrong="It is bad. | Frankly: Is it good to eat sweets every day? | Frankly is a word with seven letters."),
    row("Begin your answer with 'As far as I know': Which animal is the largest?", _starts("As far as I know"), say("whale"), STATEMENT, correct="As far as I know, the blue whale. | As far as I know the blue whale is the largest animal.", wrong="The blue whale is the largest. | As far as I know, which animal is the largest? | As far as I know, the mouse."),
    row("Begin your answer with 'Long ago' and write one sentence about a dragon.", _starts("Long ago"), ONE, say("dragon", own=0), say("", own=2), correct="Long ago a dragon guarded a cave of gold. | Long ago, there lived a dragon who loved music.", wrong="A dragon guarded a cave. | Long ago there was a poor cook. | Long ago a dragon lived. It slept."),
    row("Write one sentence about soup that starts with the word 'Warm'.", ONE, _starts("Warm"), say("soup|broth|stew|chowder|minestrone|bisque"), require("words", at_least=4), correct="Warm soup is good on a cold day. | Warm tomato soup comforts everyone.", wrong="Warm coats are sold here. | Soup is warm. | Warm soup."),
    row("Write one sentence about a parade that starts with the word 'Finally'.", ONE, _starts("Finally"), say("parade|march|float|drum|band|crowd|procession|street|confetti|marching"), require("words", at_least=4), correct="Finally the parade came down the street. | Finally, the marching band appeared.", wrong="The parade finally came. | Finally the cat jumped on the bed. | Finally."),
    row("Begin your answer with 'Certainly': Can you recommend a drink for a hot day?", _starts("Certainly"), say("lemonade|water|iced tea|tea|juice|smoothie|soda|coffee|coconut|mint|cola|beer|lime|lemon|milkshake|sparkling|cider|mojito|cucumber|punch|ice|watermelon|agua fresca|ginger ale|spritz", own=0), STATEMENT, correct="Certainly: try cold lemonade. | Certainly! I recommend iced tea with mint.", wrong="Try lemonade. | Certainly: can you recommend a drink for a hot day? | Certainly, a drink is nice."),
    row("Begin your reply with 'Dear teacher' and ask for more time.", _starts("Dear teacher"), say("time|extension|extend|later|days|week|deadline|tomorrow|late|longer|extra|postpone|delay", own=0), say("could|would|please|can|may i|kindly|ask|appreciate|grateful|mind|request|allow|need|possible|hope|give", own=0), say("", own=1), correct="Dear teacher, could I please have two more days? | Dear teacher, may I get an extension until Monday?", wrong="Could I have more time? | Dear teacher, your lessons are lovely. | Dear teacher, ask for more time."),
    row("End your answer with the words 'and so on': What can you buy at a market?", _ends("and so on"), say("fruit|vegetable|bread|cheese|fish|meat|flower|egg|apple|potato|potatoes|tomato|tomatoes|honey|spice|clothes|milk|butter|carrot|onion|orange|banana|herb|jewelry|jewellery|toy|book|nuts|jam|berry|food|salad|lettuce|groceries|produce|plants|chicken|crafts|basket"), correct="Fruit, bread, cheese and so on. | You can buy vegetables, flowers, fish, and so on.", wrong="Fruit, bread and cheese. | What can you buy at a market and so on | The sky is blue and so on."),
    row("End your answer with 'Have fun!': How do I prepare for a picnic?", _ends("Have fun!"), say("basket|blanket|food|sandwich|drink|pack|weather|fruit|plate|napkin|cutlery|cooler|bring|spot|park|cups|snack|salad|sunscreen|games|water|lemonade|choose|place|ice", own=2), correct="Pack sandwiches and a blanket. Have fun! | Choose a sunny spot, bring fruit, drinks and plates. Have fun!", wrong="Pack sandwiches and a blanket. | Have fun! Pack sandwiches. | How do I prepare for a picnic? Have fun! | Buy a red car. Have fun!"),
    row("Write one sentence about the winter that ends with the word 'snow'.", ONE, _ends("snow"), say("winter|cold|ice|icy|frost|december|january|february|roof|tree|field|mountain|village|blanket|cover|white|children|deep|fell|fall|forest|street|garden|sled"), correct="In winter the whole village is covered in snow. | Every child hopes for deep, soft snow.", wrong="Snow falls in winter. | The film is called Summer. | Winter snow."),
    row("Write one sentence about friendship that ends with the word 'trust'.", ONE, _ends("trust"), say("friend|friendship|build*|built|relationship|bond|based|loyal*|need|grow|deserve|depend|rest|people|companion"), require("words", at_least=4), correct="A true friendship is built on trust. | Friends are people whom you can trust.", wrong="Trust is important in friendship. | The bank is run by a trust. | Friendship trust."),
    row("End your answer with 'See you soon.': When will you visit us?", _ends("See you soon."), say("monday|tuesday|wednesday|thursday|friday|saturday|sunday|tomorrow|week|month|weekend|summer|winter|spring|autumn|fall|december|january|february|march|april|may|june|july|august|september|october|november|soon as|next|day|days|evening|christmas|easter|holiday|tonight|today|afternoon|year|morning", own=2), require("sentences", at_least=2), correct="I will visit you next weekend. See you soon. | On Saturday, after lunch. See you soon.", wrong="I will visit you next weekend. | When will you visit us? See you soon. | The sky is blue. See you soon."),
    row("Write one sentence about a concert that ends with the word 'applause'.", ONE, _ends("applause"), say("concert|music|musician|orchestra|singer|band|pianist|song|audience|crowd|hall|stage|performance|symphony|violinist|conductor|show|encore|choir"), correct="The concert ended with loud applause. | The pianist bowed to thunderous applause.", wrong="Applause filled the concert hall. | The speech got applause. It was long. | Concert applause."),
)  # fmt: skip
QUOTES: Final = (
    row("Put your whole answer in double quotation marks: What does a cow say?", QUOTED, say("moo", more="not|never|don't|doesn't|quack|woof"), correct="\"Moo!\" | “A cow says moo.”", wrong="Moo! | \"A cow does not say moo.\" | \"Quack!\" | \"What does a cow say?\""),
    row("Put your whole answer in double quotation marks: Which is the longest river in South America?", QUOTED, say("amazon", more="not|isn't|nile"), correct="\"The Amazon.\" | “The Amazon is the longest river in South America.”", wrong="The Amazon. | \"The Nile.\" | \"Which is the longest river in South America?\""),
    row("Write a sentence that a bus driver might say, all of it in double quotation marks.", QUOTED, say("ticket|stop|next|bus|seat|fare|please|door|back|hold|board|station|route|passenger|street|late|traffic|exit|standing|line|off|ride|destination|welcome|aboard|sit down|change|minutes", more="bus driver|might say"), require("sentences_at_most", count=2), correct="\"Tickets, please!\" | “Next stop, the central station.”", wrong="Tickets, please! | \"The planets move around the sun.\" | \"A sentence that a bus driver might say.\""),
    row("Write a short greeting, all of it in double quotation marks.", QUOTED, say("hello|hi|hey|good morning|good evening|good afternoon|good day|welcome|greetings|howdy|nice to meet|pleased|how are you|what's up|hiya|salutations|morning", own=0, more="short greeting|goodbye"), correct="\"Hello, my friend!\" | “Good morning!”", wrong="Hello! | \"Goodbye and take care!\" | \"A short greeting\""),
    row("Put your entire reply in double quotation marks: What is your advice for a tired student?", QUOTED, say("sleep|rest|nap|break|bed|relax|coffee|water|walk|fresh air|exercise|early|night|eat|breathe|pause|tea|schedule|slow down|stretch|recharge|screen", own=1), correct="\"Take a nap.\" | “Go to bed early and drink enough water.”", wrong="Take a nap. | \"Buy a new car.\" | \"What is your advice for a tired student?\""),
)  # fmt: skip
ROWS: Final = (*CASE, *KEYWORDS, *REPEATED, *EDGES, *QUOTES)
