"""The small world that the embedded model knows: words, their categories, and the facts about them.

Everything is plain data. The training documents, the tasks (`tools/embedded_model/tasks.py`) and the
evaluation suite for the embedded model are all made from it, so that the model can be asked only
what it could learn.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

Words = tuple[str, ...]


def _table(text: str) -> Mapping[str, str]:
    """Read `key=value` pairs, separated by commas; a blank in a key or a value is kept."""
    pairs = (pair.split("=") for pair in " ".join(text.split()).split(","))
    return MappingProxyType({key.strip(): value.strip() for key, value in pairs})


def _words(text: str) -> Words:
    return tuple(text.split())


def _groups(text: str) -> Mapping[str, Words]:
    """Read lines of `name: word word word`."""
    lines = (line.split(":") for line in text.strip().splitlines())
    return MappingProxyType({name.strip(): tuple(words.split()) for name, words in lines})


CATEGORIES: Final = _groups("""
    animals: dog cat horse cow pig sheep goat lion tiger bear wolf fox rabbit mouse elephant monkey deer camel donkey frog
    birds: eagle owl robin crow swan duck goose hen parrot pigeon sparrow hawk
    fish: salmon trout tuna cod shark herring carp eel pike
    insects: ant bee fly wasp beetle butterfly moth cricket mosquito
    colors: red blue green yellow orange purple black white brown pink gray
    fruits: apple banana cherry grape lemon orange peach pear plum strawberry mango melon lime fig
    vegetables: carrot potato onion cabbage spinach pea bean cucumber lettuce tomato pumpkin radish
    drinks: water milk tea coffee juice wine beer lemonade cocoa
    foods: bread cheese butter rice soup egg cake meat pasta salad pizza honey
    countries: France Spain Italy Germany England Portugal Greece Poland Sweden Norway Japan China India Egypt Kenya Brazil Mexico Canada Peru Cuba
    cities: Paris Madrid Rome Berlin London Lisbon Athens Warsaw Oslo Tokyo Cairo Lima
    continents: Africa Asia Europe Australia Antarctica
    languages: French Spanish English Italian German Greek Polish Japanese Chinese Arabic
    tools: hammer saw drill axe wrench screwdriver shovel rake ladder pliers chisel
    clothes: shirt coat hat dress shoe sock glove scarf skirt jacket belt boot
    furniture: table chair bed sofa desk shelf cupboard bench lamp stool
    vehicles: car bus train truck bicycle boat ship plane tram van taxi
    instruments: piano guitar violin flute drum trumpet harp cello organ
    sports: football tennis hockey golf swimming boxing cycling running skiing rowing
    jobs: doctor teacher farmer baker nurse driver cook painter sailor soldier judge writer singer lawyer
    rooms: kitchen bedroom bathroom office hall cellar attic garage
    planets: Mercury Venus Earth Mars Jupiter Saturn Uranus Neptune
    metals: gold silver iron copper tin lead zinc
    trees: oak pine maple birch willow cedar elm palm
    flowers: rose tulip daisy lily violet poppy sunflower orchid
    shapes: circle square triangle rectangle oval star cube cone
    days: Monday Tuesday Wednesday Thursday Friday Saturday Sunday
    months: January February March April May June July August September October November December
    seasons: spring summer autumn winter
    body parts: head hand foot arm leg eye ear nose mouth finger knee neck
    relatives: mother father sister brother aunt uncle cousin grandmother grandfather
    buildings: house school church hospital library museum hotel castle bank market
    toys: ball doll kite puzzle robot train blocks
    subjects: history music art science geography mathematics reading
""")  # noqa: E501 - one category a line

SINGULAR: Final = _table("""
    animals=animal, birds=bird, fish=fish, insects=insect, colors=color, fruits=fruit, vegetables=vegetable,
    drinks=drink, foods=food, countries=country, cities=city, continents=continent, languages=language,
    tools=tool, clothes=piece of clothing, furniture=piece of furniture, vehicles=vehicle,
    instruments=instrument, sports=sport, jobs=job, rooms=room, planets=planet, metals=metal, trees=tree,
    flowers=flower, shapes=shape, days=day, months=month, seasons=season, body parts=body part,
    relatives=relative, buildings=building, toys=toy, subjects=subject
""")

FRENCH: Final = _table("""
    dog=chien, cat=chat, horse=cheval, cow=vache, pig=cochon, sheep=mouton, goat=chèvre, lion=lion,
    tiger=tigre, bear=ours, wolf=loup, fox=renard, rabbit=lapin, mouse=souris, monkey=singe, frog=grenouille,
    bird=oiseau, duck=canard, fish=poisson, bee=abeille, red=rouge, blue=bleu, green=vert, yellow=jaune,
    black=noir, white=blanc, brown=brun, pink=rose, gray=gris, apple=pomme, banana=banane, cherry=cerise,
    grape=raisin, lemon=citron, peach=pêche, pear=poire, strawberry=fraise, carrot=carotte, onion=oignon,
    water=eau, milk=lait, tea=thé, coffee=café, juice=jus, wine=vin, beer=bière, bread=pain, cheese=fromage,
    butter=beurre, rice=riz, soup=soupe, egg=oeuf, cake=gâteau, meat=viande, honey=miel, house=maison,
    school=école, church=église, hospital=hôpital, castle=château, market=marché, bank=banque, table=table,
    chair=chaise, bed=lit, door=porte, window=fenêtre, key=clé, book=livre, pen=stylo, paper=papier,
    letter=lettre, word=mot, car=voiture, train=train, boat=bateau, plane=avion, bicycle=vélo, ship=navire,
    street=rue, city=ville, country=pays, garden=jardin, tree=arbre, flower=fleur, leaf=feuille, forest=forêt,
    river=rivière, sea=mer, mountain=montagne, sky=ciel, sun=soleil, moon=lune, star=étoile, rain=pluie,
    snow=neige, wind=vent, fire=feu, earth=terre, stone=pierre, gold=or, silver=argent, iron=fer,
    mother=mère, father=père, sister=soeur, brother=frère, son=fils, daughter=fille, man=homme, woman=femme,
    boy=garçon, child=enfant, friend=ami, king=roi, queen=reine, doctor=médecin, head=tête, hand=main,
    foot=pied, arm=bras, leg=jambe, eye=oeil, ear=oreille, nose=nez, mouth=bouche, heart=coeur, shirt=chemise,
    hat=chapeau, shoe=chaussure, coat=manteau, dress=robe, day=jour, night=nuit, year=année, month=mois,
    week=semaine, morning=matin, evening=soir, time=temps, summer=été, winter=hiver, music=musique,
    big=grand, small=petit, good=bon, bad=mauvais, hot=chaud, cold=froid, new=nouveau, old=vieux,
    young=jeune, happy=heureux, one=un, two=deux, three=trois, four=quatre, five=cinq, six=six, seven=sept,
    eight=huit, nine=neuf, ten=dix
""")

SPANISH: Final = _table("""
    dog=perro, cat=gato, horse=caballo, cow=vaca, pig=cerdo, sheep=oveja, lion=león, bear=oso, wolf=lobo,
    rabbit=conejo, mouse=ratón, bird=pájaro, fish=pez, red=rojo, blue=azul, green=verde, yellow=amarillo,
    black=negro, white=blanco, apple=manzana, lemon=limón, water=agua, milk=leche, tea=té, coffee=café,
    wine=vino, bread=pan, cheese=queso, rice=arroz, soup=sopa, egg=huevo, house=casa, school=escuela,
    church=iglesia, table=mesa, chair=silla, bed=cama, door=puerta, window=ventana, key=llave, book=libro,
    car=coche, train=tren, boat=barco, plane=avión, street=calle, city=ciudad, garden=jardín, tree=árbol,
    flower=flor, river=río, sea=mar, mountain=montaña, sky=cielo, sun=sol, moon=luna, star=estrella,
    rain=lluvia, snow=nieve, wind=viento, fire=fuego, mother=madre, father=padre, sister=hermana,
    brother=hermano, man=hombre, woman=mujer, friend=amigo, king=rey, queen=reina, head=cabeza, hand=mano,
    foot=pie, eye=ojo, nose=nariz, mouth=boca, day=día, night=noche, year=año, big=grande, small=pequeño,
    good=bueno, one=uno, two=dos, three=tres, four=cuatro, five=cinco
""")

# Each pair holds in both directions.
OPPOSITES: Final = _table("""
    hot=cold, big=small, tall=short, fast=slow, happy=sad, good=bad, old=new, rich=poor, hard=soft,
    light=dark, full=empty, open=closed, clean=dirty, early=late, strong=weak, high=low, loud=quiet,
    wet=dry, thick=thin, wide=narrow, deep=shallow, near=far, right=wrong, up=down, left=right, in=out,
    day=night, first=last, true=false, easy=difficult, cheap=expensive, heavy=light, sweet=sour,
    young=old, brave=cowardly, safe=dangerous, black=white, yes=no, win=lose, buy=sell, push=pull,
    begin=end, love=hate, give=take, north=south, east=west, summer=winter, friend=enemy, smooth=rough,
    sharp=blunt, alive=dead, asleep=awake
""")
# The opposite to be given for a word; of words with two (light, old, right) only the one that is meant.
OPPOSITE: Final = MappingProxyType(
    {right: left for left, right in OPPOSITES.items() if right not in ("light", "old", "right")}
    | {left: right for left, right in OPPOSITES.items() if left not in ("light", "right")}
)

SYNONYMS: Final = _table("""
    big=large, small=little, happy=glad, fast=quick, begin=start, end=finish, sick=ill, smart=clever,
    angry=cross, quiet=silent, rich=wealthy, difficult=hard, easy=simple, tired=weary, scared=afraid,
    shut=close, speak=talk, look=see, shout=yell, jump=leap, gift=present, road=street, sea=ocean,
    house=home, child=kid, forest=woods, stone=rock, brave=bold, odd=strange, correct=right
""")

CAPITALS: Final = _table("""
    France=Paris, Spain=Madrid, Italy=Rome, Germany=Berlin, England=London, Portugal=Lisbon, Greece=Athens,
    Poland=Warsaw, Sweden=Stockholm, Norway=Oslo, Denmark=Copenhagen, Finland=Helsinki, Ireland=Dublin,
    Austria=Vienna, Hungary=Budapest, Russia=Moscow, Turkey=Ankara, Japan=Tokyo, China=Beijing,
    India=Delhi, Egypt=Cairo, Kenya=Nairobi, Mexico=Mexico City, Canada=Ottawa, Peru=Lima, Cuba=Havana,
    Chile=Santiago, Brazil=Brasilia, Australia=Canberra, Belgium=Brussels, Thailand=Bangkok, Iran=Tehran
""")

CONTINENT_OF: Final = _table("""
    France=Europe, Spain=Europe, Italy=Europe, Germany=Europe, England=Europe, Portugal=Europe, Greece=Europe,
    Poland=Europe, Sweden=Europe, Norway=Europe, Japan=Asia, China=Asia, India=Asia, Thailand=Asia, Iran=Asia,
    Egypt=Africa, Kenya=Africa, Brazil=South America, Peru=South America, Chile=South America,
    Mexico=North America, Canada=North America, Cuba=North America
""")

LANGUAGE_OF: Final = _table("""
    France=French, Spain=Spanish, Italy=Italian, Germany=German, England=English, Portugal=Portuguese,
    Greece=Greek, Poland=Polish, Sweden=Swedish, Norway=Norwegian, Japan=Japanese, China=Chinese,
    Egypt=Arabic, Mexico=Spanish, Peru=Spanish, Cuba=Spanish, Brazil=Portuguese, Russia=Russian,
    Turkey=Turkish, Austria=German
""")

COLOR_OF: Final = _table("""
    banana=yellow, lemon=yellow, sun=yellow, sunflower=yellow, strawberry=red, cherry=red, tomato=red,
    blood=red, fire engine=red, radish=red, grass=green, frog=green, cucumber=green, spinach=green, lime=green,
    leaf=green, pea=green, sky=blue, sea=blue, snow=white, milk=white, swan=white, salt=white, rice=white,
    coal=black, crow=black, night=black, chocolate=brown, coffee=brown, bear=brown, carrot=orange,
    pumpkin=orange, plum=purple, pig=pink, elephant=gray, mouse=gray, stone=gray
""")  # noqa: E501

YOUNG: Final = _table("""
    dog=puppy, cat=kitten, cow=calf, horse=foal, sheep=lamb, pig=piglet, goat=kid, hen=chick, duck=duckling,
    goose=gosling, lion=cub, bear=cub, deer=fawn, swan=cygnet, frog=tadpole, owl=owlet, rabbit=bunny
""")

SOUNDS: Final = _table("""
    dog=barks, cat=meows, cow=moos, sheep=bleats, pig=grunts, duck=quacks, hen=clucks, lion=roars,
    wolf=howls, bee=buzzes, owl=hoots, mouse=squeaks, frog=croaks, horse=neighs, crow=caws, donkey=brays
""")

HOMES: Final = _table("""
    bird=nest, bee=hive, dog=kennel, horse=stable, pig=sty, fox=den, rabbit=burrow, spider=web, king=castle,
    hen=coop, fish=sea, bear=cave, ant=anthill, cow=barn
""")

LEGS: Final = _table("""
    dog=four, cat=four, horse=four, cow=four, pig=four, sheep=four, lion=four, bird=two, hen=two, duck=two,
    owl=two, ant=six, bee=six, beetle=six, fly=six, spider=eight, snake=zero, fish=zero
""")

WORKPLACES: Final = _table("""
    doctor=hospital, nurse=hospital, teacher=school, farmer=farm, baker=bakery, cook=kitchen, sailor=ship,
    judge=court, librarian=library, pilot=plane, actor=theater, gardener=garden, miner=mine, waiter=restaurant
""")

TOOL_USES: Final = _table("""
    hammer=drive nails, saw=cut wood, drill=make holes, axe=chop wood, shovel=dig holes, rake=gather leaves,
    ladder=climb up, knife=cut bread, pen=write letters, key=open doors, needle=sew clothes, broom=sweep floors,
    clock=tell the time, umbrella=stay dry, oven=bake bread, cup=drink tea, scissors=cut paper, lamp=give light
""")  # noqa: E501

DEFINITIONS: Final = _table("""
    doctor=a person who treats sick people, teacher=a person who teaches pupils,
    farmer=a person who grows food, baker=a person who bakes bread, pilot=a person who flies planes,
    sailor=a person who works on a ship, writer=a person who writes books, singer=a person who sings songs,
    painter=a person who paints pictures, judge=a person who decides in court,
    library=a place where books are kept, school=a place where children learn,
    hospital=a place where sick people are treated, museum=a place where old things are shown,
    bakery=a place where bread is made, market=a place where goods are sold,
    kitchen=a room where food is cooked, bedroom=a room where people sleep, hotel=a building where guests sleep,
    castle=a large strong building with walls, garden=a piece of land with plants,
    forest=a large area with many trees, river=water that flows to the sea, island=land with water all around it,
    mountain=a very high hill, desert=a dry place with much sand, lake=water with land all around it,
    rain=water that falls from clouds, snow=frozen water that falls from clouds, ice=frozen water,
    wind=air that moves, clock=a machine that shows the time, hammer=a tool that drives nails,
    saw=a tool that cuts wood, key=a tool that opens locks, needle=a thin tool for sewing,
    umbrella=a thing that keeps you dry in the rain, map=a picture of a place, book=a set of printed pages,
    letter=a message on paper, bicycle=a vehicle with two wheels, train=a vehicle that runs on rails,
    ship=a large boat, plane=a vehicle that flies, bed=a piece of furniture for sleeping,
    chair=a piece of furniture for sitting, puppy=a young dog, kitten=a young cat, lamb=a young sheep,
    calf=a young cow, piano=an instrument with black and white keys, drum=an instrument that you beat,
    breakfast=the first meal of the day, week=a time of seven days, year=a time of twelve months,
    hour=a time of sixty minutes, king=a man who rules a country, queen=a woman who rules a country
""")  # noqa: E501

UNITS: Final = _table("""
    seconds in a minute=60, minutes in an hour=60, hours in a day=24, days in a week=7, months in a year=12,
    days in a year=365, weeks in a year=52, days in June=30, days in May=31, cents in a dollar=100,
    centimeters in a meter=100, meters in a kilometer=1000, grams in a kilogram=1000, eggs in a dozen=12,
    years in a century=100, years in a decade=10, sides in a triangle=3, sides in a square=4,
    letters in the alphabet=26, wheels on a car=4, wheels on a bicycle=2, seasons in a year=4,
    fingers on a hand=5, legs on a spider=8
""")

PLURALS: Final = _table("""
    dog=dogs, cat=cats, horse=horses, cow=cows, bird=birds, book=books, tree=trees, flower=flowers, car=cars,
    house=houses, chair=chairs, table=tables, apple=apples, banana=bananas, orange=oranges, window=windows,
    door=doors, school=schools, teacher=teachers, doctor=doctors, king=kings, boat=boats, train=trains,
    hand=hands, eye=eyes, girl=girls, boy=boys, day=days, key=keys, monkey=monkeys, bus=buses, box=boxes,
    fox=foxes, dish=dishes, glass=glasses, church=churches, watch=watches, peach=peaches, class=classes,
    dress=dresses, baby=babies, city=cities, country=countries, cherry=cherries, story=stories, lady=ladies,
    party=parties, berry=berries, family=families, leaf=leaves, knife=knives, wolf=wolves, wife=wives,
    shelf=shelves, loaf=loaves, half=halves, child=children, man=men, woman=women, foot=feet, tooth=teeth,
    goose=geese, mouse=mice, sheep=sheep, deer=deer, fish=fish, potato=potatoes, tomato=tomatoes, hero=heroes
""")

PAST: Final = _table("""
    walk=walked, talk=talked, look=looked, play=played, work=worked, help=helped, call=called, open=opened,
    ask=asked, want=wanted, like=liked, love=loved, live=lived, dance=danced, close=closed, bake=baked,
    stop=stopped, plan=planned, cry=cried, carry=carried, study=studied, try=tried, go=went, come=came,
    see=saw, eat=ate, drink=drank, run=ran, swim=swam, sing=sang, ring=rang, begin=began, give=gave, take=took,
    make=made, have=had, do=did, say=said, tell=told, find=found, think=thought, buy=bought, bring=brought,
    catch=caught, teach=taught, write=wrote, ride=rode, drive=drove, speak=spoke, break=broke, wake=woke,
    know=knew, grow=grew, fly=flew, draw=drew, sleep=slept, keep=kept, feel=felt, leave=left, meet=met,
    read=read, cut=cut, put=put, sit=sat, stand=stood, win=won, lose=lost, sell=sold, build=built, send=sent
""")  # noqa: E501

COMPARATIVES: Final = _table("""
    big=bigger, small=smaller, tall=taller, short=shorter, fast=faster, slow=slower, old=older, young=younger,
    cold=colder, hot=hotter, warm=warmer, strong=stronger, weak=weaker, rich=richer, poor=poorer, happy=happier,
    easy=easier, heavy=heavier, light=lighter, long=longer, high=higher, low=lower, deep=deeper, good=better,
    bad=worse, wide=wider, clean=cleaner, dark=darker, soft=softer, hard=harder
""")  # noqa: E501

RHYMES: Final = _groups("""
    at: cat hat bat rat mat
    og: dog frog log fog
    un: sun run fun gun
    ee: tree bee sea tea key
    ight: night light kite bite
    ar: car star jar far
    ox: box fox socks
    ouse: house mouse
    ake: cake lake snake
    oat: boat coat goat
    ing: king ring sing wing
    all: ball wall tall fall
    ook: book cook hook look
    ed: red bed bread head
    air: chair bear pear hair
    ain: rain train
    oon: moon spoon
    ish: fish dish wish
    and: hand sand land
""")

DAYS: Final = CATEGORIES["days"]
MONTHS: Final = CATEGORIES["months"]
SEASONS: Final = CATEGORIES["seasons"]
ALPHABET: Final = "abcdefghijklmnopqrstuvwxyz"

ONES: Final = _words("""
    zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen
    sixteen seventeen eighteen nineteen
""")
TENS: Final = _words("twenty thirty forty fifty sixty seventy eighty ninety")
ORDINALS: Final = _words("first second third fourth fifth sixth seventh eighth ninth tenth")


def spell_number(number: int) -> str:
    """Return an integer from 0 to 100 in words."""
    if number < len(ONES):
        return ONES[number]
    if number == 100:  # noqa: PLR2004
        return "one hundred"
    tens, ones = divmod(number, 10)
    return TENS[tens - 2] + (f"-{ONES[ones]}" if ones else "")


GIRLS: Final = _words("""
    Anna Mary Lucy Emma Clara Rosa Julia Nora Alice Helen Sara Eva Ida Grace Ruth
""")
BOYS: Final = _words("""
    Tom John Peter Paul Henry Jack Sam Max Leo Oscar Karl Hugo Ben Adam Felix
""")
NAMES: Final = GIRLS + BOYS

# Categories that share members, in words or in the world: "is X a Y?" is not asked across them.
AKIN: Final = tuple(
    frozenset(group)
    for group in (
        ("animals", "birds", "fish", "insects", "foods"),
        ("fruits", "vegetables", "foods", "drinks", "colors", "trees", "flowers"),
        ("toys", "vehicles", "clothes"),
        ("buildings", "rooms", "furniture"),
        ("metals", "colors", "planets"),
        ("shapes", "toys", "flowers"),
        ("countries", "cities", "continents"),
        ("subjects", "languages", "sports", "instruments"),
    )
)

ADJECTIVES: Final = _words("""
    big small old new young happy sad tall short fast slow hot cold clean dirty strong weak quiet loud
    rich poor kind brave clever hungry tired funny pretty heavy round
""")
PLACES: Final = _words("""
    house garden school market forest river park street kitchen library farm station village castle
    beach field hill lake church shop
""")
THINGS: Final = _words("""
    book box key letter cup bag ball map coin picture basket bottle candle clock mirror pen rope stone
    spoon umbrella
""")
# Verbs that need no object, and verbs with objects: (base form, past, -ing form).
INTRANSITIVE: Final = tuple(
    tuple(verb.split("/"))
    for verb in _words("""
    run/ran/running walk/walked/walking sleep/slept/sleeping sing/sang/singing dance/danced/dancing
    laugh/laughed/laughing swim/swam/swimming wait/waited/waiting play/played/playing
    jump/jumped/jumping rest/rested/resting work/worked/working
""")
)
TRANSITIVE: Final = tuple(
    tuple(verb.split("/"))
    for verb in _words("""
    see/saw/seeing find/found/finding like/liked/liking buy/bought/buying carry/carried/carrying
    want/wanted/wanting lose/lost/losing draw/drew/drawing hold/held/holding take/took/taking
    bring/brought/bringing watch/watched/watching
""")
)

WITHOUT_ARTICLE: Final = frozenset(
    _words("""
        colors drinks foods countries cities continents languages sports planets metals days months seasons
        subjects fish clothes
    """)
)
"""Categories whose members take no article."""
NOUNS: Final = (*CATEGORIES["animals"], *CATEGORIES["birds"], *THINGS)
LISTED: Final = tuple(name for name in CATEGORIES if len(CATEGORIES[name]) >= 5)  # noqa: PLR2004
"""Categories with enough members for a list."""
SPELLED: Final = tuple(
    word
    for word in dict.fromkeys((*FRENCH, *THINGS, *PLACES, *OPPOSITES, *NOUNS))
    if 3 <= len(word) <= 7  # noqa: PLR2004
)
"""Words short enough to spell."""
