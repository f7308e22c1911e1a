# ruff: noqa: E501 - tables have one row a line
"""Development half: numbers of words and paragraphs."""

from typing import Final

from phases.verifiers.registry import Check
from tools.suites.rows import about, any_of, exactly, on_part, options, require, row, say

SENTENCE: Final = require("sentences_at_most", count=1)


def _words(count: int) -> Check:
    return exactly("words", count)


def _range(at_least: int | None, at_most: int) -> Check:
    return (
        require("words", at_most=at_most)
        if at_least is None
        else require("words", at_least=at_least, at_most=at_most)
    )


def _paragraphs(count: int) -> Check:
    return exactly("paragraphs", count)


OTHER_THINGS: Final = "tree|kind of|type of|cat|dog|mouse|bird|insect|fish|snake|tiny|small|little|fast|red|yellow|fly|flying|planet"
ROWS: Final = (
    row("Describe an elephant in exactly four words.", _words(4),
        say("big|huge|grey|gray|large|giant|gigantic|enormous|massive|mighty|heavy|gentle|intelligent|wise|smart|clever|trunk|tusk|tusked|ear|eared|wrinkl*|mammal|animal|creature|beast|herbivore|memory|remember|strong|powerful|majestic|loyal|social|ivory|thick|skin|skinned|leg|huge|slow|calm|peaceful|noble|magnificent|leathery|savanna|savannah|africa*|asian|herd|matriarch|colossal|immense|tall|land|long|nose|peanut|forget|never|earth|wild|largest|biggest|trumpet|giants|towering|lumbering|plant|eater|eating|ancient|beautiful|floppy|hide|kind|tough|bulky|impressive|stately|grand|grandeur|majesty|jungle|walk|tusks|old|weigh|tons|ton|dignified|friendly|protective|emotional|graceful|sensitive|swinging|stomp|pachyderm|tusker|titan|jumbo|hefty|sturdy|plodding|flapping|nosed|footed|sized|memories|remembers|trumpets|sprays|matriarchal|endangered|trunked|wrinkly|mammoth|family", more=OTHER_THINGS, share=0.5, own=1),
        correct="Big, grey and gentle | Huge gray wrinkled mammal | Gentle giant with trunk | Massive, intelligent, gentle, majestic.",
        wrong="Mars, Venus and Saturn | Small red flying insect | An elephant in four | Big grey gentle elephant animal"),
    row("Describe the moon in exactly three words.", _words(3),
        say("round|pale|silent|bright|white|silver|silvery|glow|lunar|luminous|night|light|cold|distant|far|crater*|rocky|rock|orb|shin*|beautiful|mysterious|gray|grey|calm|quiet|serene|satellite|celestial|ethereal|radiant|full|crescent|yellow|sky|orbit|earth|gentle|barren|dusty|dust|lonely|peaceful|still|airless|enchanting|magical|gleaming|tranquil|dead|ancient|romantic|big|cool|desolate|ghostly|majestic|cheese|cyclic|natural|companion|heavenly|body|tide|circl*|lifeless|dry|soft|spherical|sphere|brilliant|illuminated|illuminating|waxing|waning|constant|old|lovely|dim|dreamy|solitary|timeless|mystical|lantern|guardian|pull|pitted|waxes|wanes|mirrors|reflects|reflecting|wanderer|goddess|queen|watcher|sentinel|pearl|disc|disk|coin|eye|stone|haunting|eerie|stark|chalky|phases|changing|high|hanging|floating|drifting|faithful|eternal|ageless|neighbour|neighbor|nightly|nocturnal|hushed|pocked|scarred", more="hot|green|sun|mars|burning|loud|fast|wet|alive|animal", share=0.6),
        correct="Round, pale, silent | Bright silvery orb | It glows softly. | Earth's only satellite",
        wrong="Green, hot, loud | Describe the moon | I like pizza | Round, pale and silent"),
    row("Describe a rainy day in exactly six words.", _words(6),
        say("grey|gray|cloud|cloudy|wet|rain|raindrop|drizzle|drip|drop|puddle|umbrella|storm|damp|gloom|gloomy|cold|cool|water|pour|splash|tea|window|roof|street|sky|boot|soak|mud|muddy|dark|overcast|thunder|fall|patter|drench|mist|misty|fog|raincoat|cozy|cosy|inside|indoor|tap|pane|glass|dreary|pitter-patter|pitter|slippery|shiny|pavement|shower|weather|heaven|dull|weep|glisten|downpour|blanket|book|moist|melancholy|rivulet|galoshes|wellies|soggy|droplet|lazy|nap|pyjamas|soup|cancelled|postponed|worm|snail|frog|gutter|flood|rainbow|hood|coat|sock|squelch|leaden|petrichor|smell|hum|drum|jump|children|kids|afternoon|traffic|slow|nobody|everyone|games||steam|foggy|blurred|shimmer|reflect|duck|sheet", more="sunny|sunshine|dry|clear sky|snow|desert|hot tea, umbrellas", at_least=2),
        correct="Grey clouds, wet streets, warm tea | Raindrops tap softly on my window. | Puddles everywhere, umbrellas up, boots on",
        wrong="A sunny day on the beach | Describe a rainy day in six | Grey clouds, wet streets, hot tea, umbrellas | The rainy day is a day"),
    row("Answer in exactly one word: What is the opposite of slow?", _words(1), require("one_of", answers=["fast", "quick", "rapid", "speedy", "swift", "brisk", "hasty", "quickly"]),
        correct="Fast | quick. | Rapid", wrong="Slow | Very fast | Opposite | Large"),
    row("Answer in exactly one word: Which animal barks?", _words(1), require("one_of", answers=["dog", "dogs", "seal", "fox", "hound", "puppy", "canine", "canines"]),
        correct="Dog | dogs. | Dog.", wrong="Cat | A dog | Animal | Tree"),
    row("Answer in exactly two words: What do you say when you receive a gift?", _words(2), require("one_of", answers=["thank you", "many thanks", "thanks lots", "thanks much", "thanks, friend", "thanks, mate", "thanks heaps", "thanks a-lot", "much appreciated", "how lovely", "how kind", "how thoughtful", "thanks everyone", "thanks so", *(f"thanks {name}" for name in options("grandma|granny|nana|grandpa|granddad|mum|mom|mommy|mummy|dad|daddy|auntie|aunt|uncle|all|everybody|dear|darling|love|honey|sweetheart|buddy|pal|man|dude|sir|guys|folks|again|indeed|tons|loads|awfully|kindly")), "so kind", "so thoughtful", "thank ye", "thanks ever", "very kind", "most kind", "you shouldn't", "i'm grateful", "so sweet", "how sweet", "how nice", "thanks! lovely"]),
        correct="Thank you | Many thanks | Thank you!", wrong="Good morning | Thank you very much | A gift | No thanks"),
    row("Answer in exactly three words: How do you feel on holiday?", _words(3),
        say("relax*|happy|happi*|free|calm|joy*|excit*|rest|refresh*|peace*|content*|great|good|wonderful|fantastic|carefree|cheer*|glad|amaz*|alive|blissful|bliss|delight*|energi*|rejuvenat*|lazy|sleepy|tan*|warm|adventur*|sun*|fun|unwound|recharg*|at ease|at home|stress*|lov*|well|light|fine|serene|bored|lonely|tired|homesick|thrilled|grateful|better|cozy|comfortable|merry|euphoric|liberated|tranquil|chill*|zen|unburdened|careless|playful|curious|restored|renewed|satisfied|blessed|nostalgic|ecstatic|elated|pleasant|worry*", share=0.5, own=1, more="table|dog|holiday feels|saturday|sunday|and amazon|nile"),
        correct="Relaxed and happy | Calm, free, rested | I feel great!", wrong="In three words | How you feel | Paris, Rome, London | Very relaxed and happy"),
    row("Write a sentence of exactly five words about a train.", _words(5), SENTENCE,
        say("train|railway|railroad|rail|locomotive|express|station|platform|track|carriage|conductor|engine|whistle|wagon|steam|passenger", more="train my|train for|trained|training|train of thought|train of thoughts"), say("", own=1),
        correct="The train arrived very late. | Our train left on time. | Trains rumble through green valleys. | The old locomotive whistled loudly.",
        wrong="The cat sat down quietly. | A sentence about a train. | The train was late. | Exactly five words about trains."),
    row("Write a sentence of exactly seven words about your breakfast.", _words(7), SENTENCE,
        say("breakfast|egg|toast|bread|cereal|oat|oatmeal|porridge|coffee|tea|milk|juice|pancake|waffle|bacon|sausage|yogurt|yoghurt|fruit|banana|berry|jam|butter|honey|muesli|granola|croissant|bagel|muffin|omelet|omelette|cheese|roll|marmalade|morning meal|ham|smoothie|avocado|strawberry|blueberry|syrup|ate|eat|eaten|cornflakes|bun|pastry|scrambled|beans|tomato|rice|doughnut|sandwich|hash|burrito|tortilla|cream|peanut|kippers|salmon|espresso|latte|cappuccino|crepe|scone|grapefruit|orange|apple|pear|grapes|kiwi|mango|congee|dosa|skipped|fried|poached|boiled|nutella|crumpet|lox|skyr|quark|baguette|sausages|donut|cook", more="lunch|dinner|baker"), say("", own=1),
        correct="I had toast and tea this morning. | I ate two eggs and buttered toast. | My breakfast was eggs, toast, and coffee. | This morning, pancakes with syrup tasted wonderful.",
        wrong="Exactly seven words about your breakfast today | The dog ran across the street today. | I had toast and tea. | A sentence of seven words about breakfast."),
    row("Write a sentence of exactly ten words about the mountains.", _words(10), SENTENCE,
        say("mountain|peak|summit|hill|alp|alps|alpine|slope|range|himalaya*|andes|rockies|ridge|cliff|climber|climb|hike|hiking|snow-capped|everest", more="volcano|lava"), say("", own=1),
        correct="The high mountains were white with snow in early spring. | Snow-capped peaks rise above the quiet valley every single morning. | We hiked through the mountains and slept under bright stars.",
        wrong="The sea was calm and blue on that summer morning. | The mountains were white with snow. | A sentence of exactly ten words about the mountains here. | Ten words about the mountains are in this sentence, exactly."),
    row("Give a title of exactly four words for a story about pirates.", _words(4),
        say("pirate|captain|treasure|island|sea|ship|gold|buccaneer|sail|sailor|ocean|skull|crossbones|bones|cutlass|plunder|black|jolly|roger|parrot|loot|booty|corsair|mutiny|raider|tide|storm|sword|crew|caribbean|doubloon|map|cove|lagoon|wave|anchor|deck|bounty|rum|scallywag|curse|cursed|shipwreck|compass|dagger|plank|matey|marauder|swashbuckl*|hook|deep|sunken|beard|blackbeard|ahoy|flag|voyage|kraken|harbor|harbour|lost chest|chest|blade|scurvy|high seas|bandit|salt|cannon|maroon|marooned|gunpowder|galleon|one-eyed|eyepatch|eye patch|davy jones|locker|tempest|shark|reef|saber|sabre|freebooter|brigand|outlaw|admiral|port|tortuga|spyglass|horizon|seven seas|waters|dead men|rogue|thieves|helm|mast|siren|revenge|ransom|isle", more="cook|school|robot|space|garden|clown", own=1),
        correct="The Captain's Hidden Island | Treasure of Skull Island | Pirates of Crimson Bay | \"Curse of Blackbeard's Gold\"",
        wrong="A Day at School | Title for a Story | The Hidden Island | A Story About Pirates"),
    row("Give a title of exactly two words for a poem about the night.", _words(2),
        say("night|star|starry|starlit|moon|moonlight|moonlit|dark|darkness|midnight|silent|silence|shadow|dusk|evening|sleep|dream|nocturne|nocturnal|twilight|sky|black|velvet|lunar|silver|hush|quiet|owl|lullaby|still|stillness|sleepless|constellation|lantern|gloaming|starlight|sable|nightfall|eventide|slumber|ebony|insomnia|starless|moonrise|after dark|lamplight|lamp|nightingale|bats|crickets|comet|galaxy|galaxies|cosmos|milky|orion|nebula|restless|unlit|unseen|blackness|inky|indigo|serenade|whisper|vigil|awake|wakeful|dreamland|small hours|eclipse|sundown|candle", more="sun|day|noon|morning|dog|pirate", own=1),
        correct="Silent Stars | Midnight Whispers | Moonlit Dreams. | \"Night's Embrace\"",
        wrong="Sunny Morning | The Night | Happy Dogs | Silent Stars Above"),
    row("Write a slogan of exactly five words for a bakery.", _words(5),
        say("bread|bake|baked|baker|bakery|fresh|freshly|oven|loaf|loaves|flour|dough|cake|pastry|pastries|crust|crumb|crumbs|bun|roll|taste|tasty|sweet|delicious|warm|slice|bite|knead|rise|rising|treat|yeast|butter|buttery|croissant|cookie|golden|toast|scent|aroma|smell|wheat|grain|muffin|pie|sourdough|homemade|batch|flavor|flavour|sugar|delight|goodness|yum|bagel|heavenly|artisan|crunchy|handmade|carb|gluten|icing|frosting|cupcake|brownie|scone|tart|eclair|macaron|pretzel|rye|seeded|hearth|mill|hungry|tempt|temptation|smells|patisserie|baguette|donut|doughnut|crispy|crunch|whisk|roll", own=1, more="summer|winter|knife"),
        correct="Fresh bread, baked with love | Baked fresh daily for you | Where every loaf tells stories. | Freshly Baked Happiness Every Day!",
        wrong="Buy our new cars today | A slogan of exactly five | Fresh bread baked with true love | Five words for a bakery"),
    row("Write a slogan of exactly three words for a bicycle shop.", _words(3),
        say("ride|rides|riding|rider|bike|bikes|biking|pedal|wheel|two wheels|cycle|cycling|roll|spin|spoke|road|trail|gear|chain|saddle|speed|freedom|move|journey|adventure|tire|tyre|brake|handlebar|bicycle|helmet|coast|path|go|fast|faster|motion|velo|crank|uphill|downhill|hills|breeze|balance|frame|moving|cruise|glide|explore|outdoors|legs|momentum|mile|cyclist|steer|forward|unchained|free|gearhead", more="car|bread|shoe", own=1),
        correct="Ride every day | Pedal your passion! | Life on wheels",
        wrong="Buy fresh bread | For a shop | Ride a bike daily | Three words exactly"),
    row("Explain in at most fifteen words what a map is.", _range(None, 15),
        say("place|area|land|world|picture|drawing|draw|diagram|chart|represent*|symbol*|location|locate|region|territory|country|countries|earth|geograph*|road|route|navigate|navigation|way|find|show|visual|surface|flat|guide|direction|plan|depict*|illustrat*|space|terrain|sketch|image|city|cities|street|paper|town|scale|scaled|model|bird's-eye|above|lost|destination|landmark", at_least=2, own=1),
        correct="A map is a drawing that shows where places are. | A drawing of an area. | A visual representation of an area, showing locations, features, and routes.",
        wrong="A map is a map in fifteen words. | A machine that washes clothes. | Explain what a map is. | A map is a drawing that shows people where all of the places and roads in the world are."),
    row("Explain in at most twelve words why the grass is wet in the morning.", _range(None, 12),
        about("dew|condens*|rained|sprinkler|humid*|moisture|droplet|rain at night|overnight rain", "water|night|overnight|moist|rain|cool|cold|vapor|vapour|evaporat*|temperature|air", more="summer|afternoon|evening|noon|sun shines|jumper|wash|detergent"),
        correct="Because of condensation. | During the cool night dew forms on the grass. | Condensation forms overnight when temperatures drop.",
        wrong="The grass is wet in the morning. | Because cows eat it. | Because the sun shines on it all day long. | Because during the cool night water vapour in the air condenses on the grass as dew."),
    row("Describe a volcano in fewer than twenty words.", _range(None, 19),
        about("lava|erupt|eruption|erupts|magma|molten|volcanic|fire-spitting|fire-breathing", "mountain|ash|smoke|crater|fiery|burning|explo*|vent|spew|cone|earth's|crust|opening|underground|inferno|rumbl*|belch*|spit|fire"),
        correct="A volcano is a mountain from which hot lava flows. | A fiery mountain spewing ash. | An opening in the earth's crust that spews molten rock and ash.",
        wrong="A volcano is a volcano in fewer words. | A wide river with many fish. | It is a volcano. | A volcano is a mountain with a hole from which lava and ash and smoke and gas and more lava flow down."),
    row("Describe your ideal weekend in between ten and twenty words.", _range(10, 20),
        say("saturday|sunday|friend|family|sleep|slept|relax|walk|read|reading|book|home|hike|hiking|park|forest|beach|movie|film|music|breakfast|brunch|coffee|sun|sunshine|nature|garden|cook|cooking|bed|late|swim|bike|cycl*|play|game|dinner|nap|travel|trip|picnic|lake|mountain|city|explor*|shopping|rest|party|sea|camp*|outdoors|lunch|tv|visit|football|museum|dance|lazy|quiet|tea|yoga|adventure|pizza|barbecue|watch|paint|cabin|sofa|couch|pancake|concert|kayak*|ski|surf*|fishing|bbq|wine|beer|spa|bath|pyjamas|pajamas|alarm|grandparents|theatre|cinema|market|climb*|knit*|novel|series|gardening|offline|swimming|run", at_least=3, own=4, more="monday|office meeting|cats like|on the table|owner|his|her|its|neighbour|please"),
        correct="I would sleep late, read a good book, and walk in the forest with friends. | Sleeping in, coffee, a long hike, dinner with friends, and a good movie. | My ideal weekend: hiking on Saturday, brunch with family, and reading on Sunday.",
        wrong="My ideal weekend is a weekend that is ideal for me and you. | Sleep, read, relax with friends. | The stock market fell on Tuesday because many banks reported large losses. | Describe your ideal weekend in between ten and twenty words, please do."),
    row("Write a message of at most ten words to a friend who is ill.", _range(None, 10),
        about("get well|recover*|feel better|heal|speedy|on the mend|thinking of you|get better|chin up|hang in|rest up|feeling better|be well|sorry you|sorry to hear|miss you|your health", "well|better|soon|hope|healthy|health|rest|wish|strength|strong|hug|feel|miss|love|courage|soup|thoughts|prayer|quick", more="party|wedding|congratulations|birthday|hate|buy|worse|die|dead|i am ill|i am sick|i'm ill|i'm sick"),
        correct="Get well soon, I am thinking of you! | Thinking of you! Rest up. | Wishing you a speedy recovery! | Feel better soon, buddy.",
        wrong="Congratulations on your new job, my friend! | A message to a friend who is ill. | Please buy milk and eggs on your way home. | I hope that you will get well very soon, my dear old friend."),
    row("Write a message of between five and twelve words to say that you will be late.", _range(5, 12),
        say("late|later|delay|delayed|minutes|behind|held up|traffic|tardy|stuck|on my way|overslept|missed the bus|jam|mins|hold|hurry|flat tyre|flat tire|broke down|be there|arrive|hurrying|caught in|nearly there|coming|save me a seat|seat|apologies|wait|hour", more="early|on time|punctual|never late", own=1), say("i|i'm|i'll|i've|me|my|we|we'll|we're|running|expect|stuck|held up|traffic|delayed|start without|don't wait", own=0),
        correct="Sorry, I will be about ten minutes late. | I'm running late, see you soon! | Traffic is terrible, so please start without me, I'm late.",
        wrong="I am very happy to see you again. | I will be late. | I will arrive early this time, I promise you. | A message to say that you will be late."),
    row("Tell me about rabbits in at least ten but no more than thirty words.", _range(10, 30),
        say("rabbit|bunny|bunnies"), say("mammal|animal|ear|burrow|grass|hop|jump|fur|furry|carrot|herbivore|plant|small|fast|tail|hay|pet|warren|leg|teeth|vegetable|breed|eat|eats|dandelion|hole|holes|garden|live|tunnel|forest|months|years|lawn|cabbage|relatives|hare||social|nose|leaves|hutch|gentle|soft|fluffy|hind|predator|thump|feet|paw|underground|greens|shy|timid|twitch|nibble|meadow|clover|litter|field|lettuce|dig|whisker|eyes|cute|run|white|brown", more="bird|birds|wing|wings|fly", at_least=2, own=4),
        correct="Rabbits are small animals with long ears that live in burrows and eat grass. | Rabbits are small, furry mammals with long ears. They hop, dig burrows, and eat plants. | Small mammals: long ears, fluffy tails, strong hind legs; rabbits eat grass.",
        wrong="Rabbits are small. | Cats are furry animals with long tails that like to sleep in the sun. | Tell me about rabbits in at least ten but no more than thirty words. | Rabbits are rabbits and I can tell you that they are rabbits."),
    row("Define 'friendship' in at most twenty words.", _range(None, 20),
        about("trust|bond|caring|affection|mutual|companion*|loyal*|closeness|like each other|love each other|help each other|care for each other|care about|each other|one another|always there|buddies|fondness|kinship|camaraderie|connection between", "people|persons|care|relationship|love|support|connection|share|respect|understanding|help|together|tie|kindness|honest*|others|individuals|enjoy|like|close", more="enemy|enemies|hatred|machine|boss|dog|dogs|breathe|question"),
        correct="Friendship is a bond of trust between people who care for each other. | A close bond between people. | A mutual relationship built on trust, affection, and support.",
        wrong="Friendship is friendship. | A machine that cuts grass. | Define friendship in twenty words. | Friendship is a very special bond of trust and love and care between two or more people who really like each other a lot."),
    row("Write two short paragraphs about the seaside, separated by a blank line.", _paragraphs(2),
        say("sea|beach|seaside|ocean|coast|shore|sand|wave|tide|gull|seagull|shell|salt|sandcastle|pier|swim|seashell", at_least=2, own=4),
        correct="The sea is calm in the morning and the beach is empty.\n\nIn the afternoon families arrive with towels and bright umbrellas. | The beach is empty in winter.\n\nOnly the gulls stay. | Waves roll gently onto the golden sand. Gulls cry overhead.\n\nChildren build sandcastles while parents rest in the sun.",
        wrong="The sea is calm in the morning and the beach is empty. Families arrive in the afternoon. | The city is loud.\n\nCars drive everywhere at night. | The seaside.\n\nThe seaside again. | The sea is calm.\n\nThe beach is empty.\n\nGulls cry over the waves."),
    row("Write two short paragraphs about winter, separated by a blank line.", _paragraphs(2),
        say("winter|snow|cold|ice|icy|frost|frosty|freez*|frozen|december|january|february|christmas|ski|sled|sledge|skate|skating|snowman|chill|coat|scarf|glove|fireplace|fire|cocoa|hot chocolate|roofs|bare|dark|short days|mitten|blanket|boots|stove|slide|snowflake|snowball|icicle|january|north wind|woolly|wool|freeze", at_least=2, own=4),
        correct="Winter brings short days and long cold nights.\n\nChildren love the snow and build houses out of it. | The trees are bare and frost covers the fields.\n\nInside, families gather by the fireplace with hot chocolate while snow falls.",
        wrong="Winter brings short days, long cold nights and snow for the children. | Summer is warm.\n\nPeople swim in the lake and eat a lot of ice cream. | Winter.\n\nA paragraph about winter. | Winter brings snow.\n\nIt is cold.\n\nThe lakes freeze."),
    row("Write three short paragraphs about a day at school, separated by blank lines.", _paragraphs(3),
        say("school|class|classroom|teacher|lesson|pupil|student|bell|homework|recess|break|learn|math|history|science|exam|test|desk|lunch|cafeteria|canteen|study|playground|schoolyard|yard|schoolbag|reading|school bus|bus|gym|football|art|music|quiz|essay|notebook|principal", at_least=3, own=7),
        correct="In the morning the children walk to school together.\n\nThe teacher explains a new lesson and everybody listens well.\n\nAfter the last class they run home to play. | The bell rings and students hurry to class.\n\nAt lunch, friends share stories in the cafeteria.\n\nIn the afternoon there is science, then homework.",
        wrong="In the morning the children walk to school. The teacher explains a lesson. They run home. | The farm wakes up early.\n\nThe cows are milked in the barn.\n\nAt night the farmer goes to bed. | School starts.\n\nThe teacher explains a lesson to the class until lunch. | A day at school.\n\nA day at school, two.\n\nA day at school, three."),
    row("Write exactly one paragraph about the invention of the wheel.", _paragraphs(1),
        say("wheel"), say("invent*|ancient|bc|bce|mesopotamia*|sumer*|year|cart|transport|pottery|potter|heavy|history|people|human*|civili*|chariot|move|travel|axle|roll|wagon|log|prehistoric|technology|trade|stone", at_least=2, own=5),
        correct="The wheel is one of the oldest inventions. It made it easy to move heavy things over long distances. | Invented in Mesopotamia around 3500 BC, the wheel was first used for pottery and later for carts.",
        wrong="The wheel is an old invention.\n\nPeople moved heavy things with it in ancient times. | The telephone was invented in the year 1876 by Alexander Graham Bell in Boston. | One paragraph about the invention of the wheel. | The wheel."),
    row("Write two paragraphs about cooking: one about its joys and one about its troubles. Separate them by a blank line.", _paragraphs(2),
        say("cook|cooking|food|meal|kitchen|recipe|dish|bake|ingredient|dinner|eat|taste|soup|pan|pot|stove|oven|flavor|flavour|chop|herb|feed|knife|knives|chef|spice|fry|sauce|onion|garlic|plate|table|baking|cake|bread|roast|simmer|stir|burnt|salt|pepper|vegetable|lunch|dishes|washing-up|smell|aroma|delicious", at_least=2, own=2),
        any_of(
            (on_part("paragraph", 1, require("mentions", words=(joy := options("joy|joyful|love|fun|delicious|delight|happy|happiness|pleas*|enjoy|relax*|together|satisf*|creativ*|reward*|wonderful|tasty|share|proud|comfort|smell|warm|aroma|best|great|good")))),
             on_part("paragraph", 2, require("mentions", words=(trouble := options("trouble|clean|time|burn|burnt|mess|messy|difficult|hard|stress*|dirty|wash|tire|tiring|tired|frustrat*|spill|cut|cuts|fail|challeng*|problem|hot|work|expensive|wrong|overcook*|exhaust*|chore|sink|annoy*|ruin*|smoke|mistake|undercook*|disaster"))))),
            (on_part("paragraph", 1, require("mentions", words=trouble)), on_part("paragraph", 2, require("mentions", words=joy))),
        ),
        correct="Cooking is a joy because a good meal brings people together.\n\nYet it also takes time, and the kitchen must be cleaned afterwards. | Cooking is fun with friends.\n\nThe washing-up is not. | Nothing beats the smell of a homemade dinner and the fun of sharing it.\n\nStill, onions make you cry, pans burn, and dirty dishes pile up.",
        wrong="Cooking is a joy, but it takes time and makes a mess in the kitchen. | Gardening is a joy in the spring.\n\nBut weeds are a lot of trouble and hard work. | Cooking is a joy.\n\nA good meal brings happy people together and tastes delicious. | Joys.\n\nTroubles."),
)  # fmt: skip
