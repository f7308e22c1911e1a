# ruff: noqa: E501 - tables have one row a line
"""Development half: placeholders, sections and the language of the answer."""

from typing import Final

from phases.verifiers.registry import Check
from tools.suites.rows import Row, exactly, in_language, on_part, require, row, say

TWO: Final = require("sentences_at_most", count=2)


def _placeholders(count: int) -> Check:
    return exactly("placeholders", count)


def _sections(count: int, name: str) -> tuple[Check, Check]:
    return require("sections", count=count, name=name), exactly("lines", 2 * count)


PLACEHOLDERS: Final = (
    row("Write an invitation to a party in at most two sentences with exactly two placeholders in square brackets, such as [date].", _placeholders(2), TWO,
        say("party|birthday|celebrat*|celebration|bash|gathering|fun|dinner|barbecue|housewarming|turns|drinks|dancing|cake|bbq|garden|new year|disco|costume", own=0, absent="funeral"), say("invite|invited|invitation|join|come|welcome|rsvp|see you|attend|look forward|party on|party at|be there|hope|celebrate with|drop by", own=0, absent=""), say("", own=1, absent="placeholders|square brackets|sentences"),
        correct="You are invited to our party on [date] at [place]. We look forward to seeing you! | Please join us for a party on [date] at [location]. | Hi [name], come to my birthday party on [date]!",
        wrong="You are invited to our party on [date]. | The [cat] sat on the [mat]. | An invitation to a party with two placeholders: [date] and [place]. | You are invited to our party on [date] at [place] at [time]."),
    row("Write a thank-you note of at most two sentences with exactly one placeholder in square brackets, such as [name].", _placeholders(1), TWO,
        say("thank|thanks|grateful|gratitude|appreciate|appreciated|appreciation|thankful", own=0, absent="placeholder|square brackets"),
        correct="Dear [name], thank you very much for the lovely present. | Thank you, [name]! | I really appreciate your help with the [event]. | Dear [name],\n\nMany thanks for the wonderful dinner.\n\nAnna",
        wrong="Thank you very much for the present. | Please send me the [name] of the man in the shop. | Dear [name], thank you for the [gift]. | A thank-you note with a placeholder [name]."),
    row("Write a complaint of at most two sentences with exactly three placeholders in square brackets.", _placeholders(3), TWO,
        say("complain|complaint|disappoint*|broken|broke|defective|faulty|damaged|unhappy|not work|doesn't work|does not work|not working|late|delay*|wrong|refund|replace*|unacceptable|poor|dissatisf*|upset|frustrat*|missing|never arrived|not arrive|hasn't arrived|not received|issue|problem|rude|noise|noisy|dirty|bad|terrible|failed|stopped|unfortunately|cold|incorrect|not satisfied|apolog*|fix|resolve|compensat*", own=0, absent="placeholder|thank you for the lovely"), say("", own=2, absent=""),
        correct="Dear [name], the [product] that I bought on [date] does not work. Please send me another one. | My [item] arrived at [address] broken on [date]. | I am disappointed with the [product] I bought on [date]; please refund order [number].",
        wrong="The [product] that I bought on [date] does not work. | Dear [name], thank you for the lovely [gift] on [date]. | [name], [date], [place] | A complaint with three placeholders: [name], [product], [date]."),
    row("Write a message of at most two sentences about a meeting with exactly two placeholders in square brackets.", _placeholders(2), TWO,
        say("meeting|meet|appointment|agenda|conference|call|see you|gather|get together|get-together|session|discuss|minutes|attend|join us|talk about", own=0, absent="placeholder|square brackets"), say("", own=0, absent="cat|mat"), require("words", at_least=5),
        correct="The meeting begins at [time] in room [number]. Please do not be late. | Let's meet at [time] in [place]. | Hi [name], our meeting is moved to [date].",
        wrong="The meeting begins at [time]. | The [cat] sat on the [mat] in my house. | A message about a meeting with two placeholders [a] [b]. | The meeting is at [time] on [date] in [room]."),
)  # fmt: skip
SECTIONS: Final = (
    row("Write a guide to watering plants in two sections. Begin each with a line 'Section 1' or 'Section 2', followed by one line of text.", *_sections(2, "Section"), say("water|plant|soil|root|morning|evening|leaf|leaves|pot|dry|moist|wet|drain|drainage|can|hose|day|week|overwater|drought|thirsty", at_least=2, own=1),
        correct="Section 1\nWater the plants early in the morning.\nSection 2\nDo not water them in the hot sun. | **Section 1**\nCheck the soil with your finger before watering.\n\n**Section 2**\nPour water slowly at the roots until it drains.",
        wrong="Section 1\nWater the plants early in the morning. | Section 1\nThe train left.\nSection 2\nThe bus stopped. | Water the plants early.\nDo not water them in the sun. | Section 1\nSection 2\nWater the plants in the morning."),
    row("Write about a cat's day in three sections. Begin each with a line 'Part 1', 'Part 2' or 'Part 3', followed by one line of text.", *_sections(3, "Part"), say("cat|sleep|nap|eat|food|breakfast|wake|mouse|mice|hunt|play|sun|window|purr|bird|stretch|night|evening|morning|afternoon|lap|bed|toy|whisker|paw|chase|groom|yarn|dinner", at_least=2, own=2),
        correct="Part 1\nThe cat wakes and eats.\nPart 2\nIt sleeps in the sun.\nPart 3\nAt night it hunts mice. | Part 1\nMorning: Whiskers stretches and begs for breakfast.\n\nPart 2\nAfternoon: a long nap on the windowsill.\n\nPart 3\nEvening: she chases a toy and purrs on the sofa.",
        wrong="Part 1\nThe cat wakes and eats.\nPart 2\nIt sleeps in the sun. | Part 1\nThe car starts.\nPart 2\nThe road is long.\nPart 3\nThe motor stops. | The cat wakes.\nIt sleeps.\nIt hunts. | Part 1\nThe cat wakes.\nPart 3\nIt eats.\nPart 2\nIt sleeps."),
    row("Explain how to wash a car in two sections. Begin each with a line 'Step 1' or 'Step 2', followed by one line of text.", *_sections(2, "Step"), say("wash|rinse|water|soap|sponge|dry|towel|hose|shampoo|bucket|clean|scrub|dirt|foam|cloth|polish|wax|wheel|suds|wipe", at_least=2, own=1),
        correct="Step 1\nRinse the car with clean water.\nStep 2\nWash it with soap and dry it. | **Step 1**\nHose off loose dirt from top to bottom.\n\n**Step 2**\nScrub with a soapy sponge, rinse, and dry with a soft towel.",
        wrong="Step 1\nRinse the car with clean water. | Step 1\nBake the bread.\nStep 2\nCut it. | Rinse the car.\nWash it with soap. | Step 1\nStep 2\nRinse the car with water and soap."),
    row("Write a very short story in two chapters. Begin each with a line 'Chapter 1' or 'Chapter 2', followed by one line of text.", *_sections(2, "Chapter"), on_part("line", 2, require("words", at_least=4), say("", own=1, absent="chapter|story|line of text")), on_part("line", 4, require("words", at_least=4), say("", own=1, absent="chapter|story|line of text")), require("no_repetition"),
        correct="Chapter 1\nA boy found a key on the beach.\nChapter 2\nIt opened a box with an old map. | **Chapter 1**\nMaya planted a strange blue seed behind her house.\n\n**Chapter 2**\nBy morning, a tree of stars filled the garden.",
        wrong="Chapter 1\nA boy found a key on the beach. | Chapter 1\nChapter 2\nA boy found a key on the beach. | A boy found a key.\nIt opened a box. | Chapter 1\nOne line of text.\nChapter 2\nOne line of text.",
        limits="Whether the two lines tell one story is not checked."),
)  # fmt: skip
LANGUAGES: Final[tuple[Row, ...]] = (
    in_language("Write one sentence in French about the weather.", "fr", 1, "temps|fait|soleil|pluie|pleut|pleuvoir|neige|neiger|vent|froid|chaud|beau|météo|ciel|nuage|orage|degrés|brouillard|température|été|hiver|printemps|automne|pluvieux|ensoleillé|nuageux|brille|tempête|gel|frais|gris|doux|mauvais|averse",
        "Il fait beau dans le sud de la France et les gens sont contents. | Il pleut aujourd'hui. | Aujourd'hui, le soleil brille et le ciel est bleu.", "The weather is nice today. | Le chat mange une pomme. | Il fait beau. Il fait chaud. | El tiempo es bueno hoy."),
    in_language("Write two sentences in French about a cat.", "fr", 2, "chat|chats|chatte|chaton|minou|matou|félin|ronronne|miaule|griffe|moustache|souris",
        "Le chat est sur la table. Il ne mange pas le pain de la maison. | Mon chat dort. Il aime le lait. | Le petit chat noir joue dans le jardin. Il ronronne quand je le caresse.", "Le chat est sur la table. | The cat sleeps. It likes milk. | Le chien dort. Il est grand. | El gato duerme. Le gusta la leche."),
    in_language("Write one sentence in Spanish about food.", "es", 1, "comida|comer|como|comemos|come|comen|comí|comido|paella|taco|tacos|tortilla|arroz|pan|carne|pollo|pescado|fruta|frutas|verdura|verduras|sopa|ensalada|queso|huevo|huevos|cocina|cocinar|cocino|plato|platos|desayuno|almuerzo|cena|cenar|cenamos|rica|rico|ricos|sabor|sabores|delicioso|deliciosa|deliciosas|deliciosos|gazpacho|jamón|restaurante|hambre|pizza|salsa|chocolate|manzana|postre|frijoles|alimento|alimentos|picante|receta|pastel|café|leche|patatas|papas|mercado|desayunar|ceno|tamales|empanada|empanadas|dulce|ajo|aceite|tomate",
        "Me gusta mucho la comida de mi madre porque es muy buena. | Quiero tacos con salsa picante. | Comemos paella cada domingo. | ¡Qué rica paella! | La comida mexicana es deliciosa y llena de sabores.", "The food is good. | El perro corre en el parque. | Me gusta la comida. La sopa es rica. | La cuisine est très bonne."),
    in_language("Write two sentences in Spanish about a city.", "es", 2, "ciudad|ciudades|calle|calles|madrid|barcelona|sevilla|plaza|edificio|edificios|barrio|metro|parque|parques|gente|tráfico|museo|capital|méxico|lima|bogotá|valencia|granada|buenos aires|centro|turistas|urbano|habitantes|santiago|quito|parís|roma|londres|nueva york",
        "Madrid es la capital de España. En la ciudad hay muchos parques y una plaza muy grande. | La ciudad es grande. Tiene muchas calles. | Barcelona es una ciudad hermosa junto al mar. Sus calles están llenas de arte.", "Madrid es la capital de España. | The city is big. It is loud. | El gato duerme. Le gusta la leche. | La ville est grande. Elle est belle."),
    in_language("Write one sentence in German about a house.", "de", 1, "haus|häuser|haustür|häuschen|wohnhaus|dach|fenster|zimmer|villa|hütte|wohnung|keller|treppe|wand|wände|wohnen|wohne|wohnt|gebäude|einfamilienhaus|bauernhaus|ferienhaus",
        "Das Haus ist nicht sehr groß, aber es hat einen schönen Garten mit Blumen. | Unser Haus hat große Fenster. | Das alte Haus steht leer.", "The house is big. | Der Hund schläft heute lange. | Das Haus ist alt. Es ist klein. | La maison est grande."),
    in_language("Write two sentences in German about the summer.", "de", 2, "sommer|sommers|sommerlich|sonne|sonnig|warm|heiß|hitze|see|meer|strand|schwimmen|baden|eis|ferien|urlaub|juli|august|juni|grillen|freibad|sonnenschein|sommerferien|sommertage|sommerabend|sonnenbrille|draußen",
        "Im Sommer ist es warm und die Sonne scheint. Wir gehen mit den Kindern an den See. | Der Sommer ist heiß. Wir essen viel Eis. | Ich liebe den Sommer. Die Tage sind lang und sonnig.", "Im Sommer ist es warm. | Summer is warm. We swim a lot. | Der Winter bringt Schnee. Es ist kalt. | L'été est chaud. Nous nageons."),
    in_language("Write one sentence in Italian about music.", "it", 1, "musica|canzone|canzoni|suono|suona|suonare|suonano|chitarra|pianoforte|cantare|canta|canto|concerto|cantante|opera|melodia|note|orchestra|violino|ascolto|ascoltare|ascoltiamo|musicista|ritmo|jazz|rock|classica|strumento|radio|coro|verdi|puccini",
        "La musica è una parte molto importante della mia vita. | Mi piace ascoltare la musica classica. | La musica riempie il cuore di gioia.", "Music is important. | Il gatto dorme sul divano. | La musica è bella. Mi piace. | La música es muy buena."),
    in_language("Answer in one full sentence in French: Where is Paris?", "fr", 1, "france|français|française|europe|seine|île-de-france|nord", "Paris est une grande ville qui est dans le nord de la France. | Paris est en France. | Paris se trouve en France, sur la Seine.", "Paris is in France. | Paris est en Italie. | La France. | Le chat est noir.", more="italie|espagne|allemagne|angleterre|suisse|belgique|pas|france est à|france se trouve|france est dans", topic="paris|elle|ville|capitale|se trouve|situ*"),
    in_language("Answer in one full sentence in Spanish: What is a dog?", "es", 1, "animal|mascota|mamífero|amigo|canino|cánido|doméstico|doméstica|cuadrúpedo|compañero|lobo|ladra|leal|fiel", "El perro es un animal que vive en la casa con su familia. | Un perro es un animal doméstico. | Un perro es un mamífero leal y el mejor amigo del hombre.", "A dog is an animal. | Un perro es una fruta. | Un animal. | El gato es un animal que duerme mucho.", topic="perro|perros|es un|es una|son", more="gato|coche|gatos|planta"),
    in_language("Answer in one full sentence in German: What is the moon?", "de", 1, "himmelskörper|satellit|trabant|erde|erdtrabant|umkreist|nacht|nachthimmel|leuchtet|kugel|planet|planeten|begleiter|gestein|licht|scheint|himmel|dreht|kreist|gesteinskörper|himmelsobjekt", "Der Mond ist ein Himmelskörper, der sich um die Erde bewegt und in der Nacht leuchtet. | Der Mond ist ein Satellit der Erde. | Der Mond umkreist die Erde.", "The moon orbits the earth. | Der Mond ist ein Hund. | Die Erde. | Die Sonne ist ein Stern.", topic="mond|er"),
)  # fmt: skip
ROWS: Final = (*PLACEHOLDERS, *SECTIONS, *LANGUAGES)
