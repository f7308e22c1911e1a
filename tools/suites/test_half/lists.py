# ruff: noqa: E501 - tables have one row a line
"""Test half: bullets, numbered lists and comma-separated lists."""

from typing import Final

from tools.suites.closed_sets import CLOSED_SETS
from tools.suites.rows import listed, name_members, row

_FLIGHTLESS: Final = {*CLOSED_SETS["birds that cannot fly"], "penguin|emperor penguin", "hen|chicken|rooster"}
_CRAWLING: Final = {
    "flea",
    "louse",
    "silverfish",
    "caterpillar",
    "stick insect|walking stick",
    "bed bug|bedbug",
    "maggot",
    "water strider|pond skater",
    "bug",
    "ant|fire ant",
    "termite",
    "earwig",
    "aphid",
}
_FLYING: Final = [
    *(bird for bird in CLOSED_SETS["birds"] if bird not in _FLIGHTLESS),
    *(insect for insect in CLOSED_SETS["insects"] if insect not in _CRAWLING),
    "bat|fruit bat|vampire bat|flying fox",
]
ROWS: Final = (
    row("Give three tips for saving money as bullet points, each line beginning with a hyphen.", listed(3, "hyphen", heading=False, words="budget|spend|spending|cook|eat|eating|home|buy|coffee|track|expense|plan|compare|price|cheap|cheaper|sale|coupon|discount|bank|account|automat*|subscription|cancel|electricity|light|energy|second-hand|used|debt|credit|list|shop|goal|bike|walk|public|transport|car|repair|invest|lunch|restaurant|impulse|bulk|cash|income|bill|heating|avoid|loan|brand|borrow|library"),
        correct="- Cook at home\n- Make a budget\n- Buy second-hand clothes | - **Track your expenses** every month.\n- **Cancel unused subscriptions**.\n- Compare prices before you buy.", wrong="* Cook at home\n* Make a budget\n* Buy used clothes | - Cook at home\n- Make a budget | - Sing songs\n- Paint the fence\n- Visit Paris"),
    row("Write four bullet points, each beginning with a hyphen, naming things to take on a camping trip.", listed(4, "hyphen", words="tent|sleeping|bag|stove|flashlight|torch|lantern|water|food|matches|lighter|knife|rope|map|compass|boots|jacket|blanket|pillow|cooler|first aid|first-aid|insect|bug|repellent|sunscreen|chair|mat|pad|pot|pan|cup|plate|backpack|hat|rain|clothes|snack|marshmallow|firewood|wood|hammock|headlamp|toilet paper|bottle|batteries|camera|towel|soap|axe|cutlery|utensils|socks|fishing", more="television|sofa|piano"),
        correct="- Tent\n- Sleeping bag\n- Flashlight\n- Water | - A warm jacket\n- Camping stove\n- First-aid kit\n- Insect repellent", wrong="- Tent\n- Sleeping bag\n- Flashlight | • Tent\n• Sleeping bag\n• Flashlight\n• Water | - Piano\n- Sofa\n- Desk\n- Carpet | - Tent\n- Tents\n- Map\n- Water"),
    row("Why might one prefer e-books to printed books? Reply with two bullet points that begin with a hyphen.", listed(2, "hyphen", words="light|lighter|carry|space|cheap|cheaper|cost|price|search|font|text|size|dark|instant|instantly|download|thousands|store|storage|portable|paper|tree|backlight|dictionary|weight|heavy|travel|adjust|many|library|libraries|shelf|shelves|screen|buy|access|convenient|environment*|note|highlight|anywhere|device|free|affordable|letters|room|night|hold|pocket|save|bookmark", more="heavier|expensive|tear|smell"),
        correct="- They take up no space\n- They are cheaper | - You can adjust the font size\n- Thousands of titles fit on one device", wrong="- They are heavier\n- They are expensive | • They take up no space\n• They are cheaper | - They are cheaper | - A horse\n- A dog"),
    name_members("List five pieces of furniture as bullet points that begin with a hyphen.", 5, "hyphen", CLOSED_SETS["furniture"], "apple"),
    row("Give three reasons to do sports as bullet points that begin with a hyphen.", listed(3, "hyphen", words="health|healthy|fit|fitness|fun|friend|heart|weight|muscle|strong|stronger|strength|sleep|stress|mood|energy|team|teamwork|disease|live longer|life|bone|confidence|discipline|relax|mental|body|mind|social|people|enjoy|calorie|lungs|stamina|endurance|happy|happier|feel|lose|skill|immune|blood|self-esteem|concentration|win|outdoors|character"),
        correct="- You stay healthy\n- You meet friends\n- You sleep better | - Builds strong muscles\n- Reduces stress\n- It is fun", wrong="- Bananas\n- Apples\n- Pears | * You stay healthy\n* You meet friends\n* You sleep better | - You stay healthy\n- You meet friends | 1. Health\n2. Friends\n3. Sleep"),
    row("Write a packing list of six items for a week in the snow as bullet points that begin with a hyphen.", listed(6, "hyphen", words="jacket|coat|glove|mitten|hat|beanie|cap|scarf|boots|socks|sweater|jumper|fleece|thermal|underwear|trousers|pants|ski|skis|snowboard|goggles|sunglasses|sunscreen|lip balm|helmet|sled|pole|thermos|pajamas|pyjamas|toothbrush|book|layers|leggings|long johns|shoes|towel|shirt|passport|charger|camera|phone|wool|hand warmer|medicine|toiletries|swimsuit|backpack|snow", more="sandals|bikini|anvil"),
        correct="- Jacket\n- Gloves\n- Hat\n- Boots\n- Scarf\n- Socks | - Thermal underwear\n- Ski goggles\n- Wool sweater\n- Snow boots\n- Mittens\n- Sunscreen", wrong="* Jacket\n* Gloves\n* Hat\n* Boots\n* Scarf\n* Socks | - Jacket\n- Gloves\n- Hat\n- Boots\n- Scarf | - Sandals\n- Bikini\n- Fan\n- Kite\n- Ball\n- Ice cube | Jacket, gloves, hat, boots, scarf, socks"),
    name_members("Name three musical instruments, each as a bullet point that begins with a hyphen.", 3, "hyphen", CLOSED_SETS["instruments"], "chair"),
    row("What does a newborn baby need? Reply with exactly two bullet points that begin with a hyphen.", listed(2, "hyphen", words="milk|sleep|warm|warmth|love|care|diaper|nappy|nappies|food|feed|clothes|cuddle|mother|parent|attention|clean|bath|touch|safe|safety|affection|rest|blanket|crib|cot|hold|held|comfort|skin|formula|nutrition|nourishment|doctor|vaccin*|breast|contact|bed|protect|hygiene|father|hug|breastfeed*|changing|burp", more="beer|car|phone"),
        correct="- Milk\n- Sleep | - Warmth and love from its parents\n- Clean diapers", wrong="- Milk | - Beer\n- A car | * Milk\n* Sleep | - Paris\n- London"),
    row("Write a numbered list of three things to do before going to bed.", listed(3, "numbered", words="brush|teeth|tooth|wash|face|shower|bath|pajamas|pyjamas|alarm|read|book|light|lamp|lock|door|phone|pray|meditate|stretch|drink|water|tea|set|clothes|prepare|tomorrow|relax|journal|write|turn off|tv|window|curtain|bathroom|toilet|goodnight|good night|skin|hair|plan|floss|dishes|change|plug|charge|screen|kiss|music|breathe|tidy|dim|kitchen", more="breakfast|go to work"),
        correct="1. Brush your teeth\n2. Set the alarm\n3. Turn off the light | 1. **Put on pajamas**\n2. Read a book\n3. Lock the door", wrong="1. Brush your teeth\n2. Set the alarm | - Brush your teeth\n- Set the alarm\n- Turn off the light | 1. Banana\n2. Apple\n3. Pear | 2. Brush\n3. Set the alarm\n4. Read"),
    row("Explain how to brush one's teeth in four numbered steps.", listed(4, "numbered", words="brush|toothbrush|toothpaste|paste|teeth|tooth|rinse|spit|water|mouth|gum|circle|circular|minute|squeeze|wet|apply|floss|tongue|front|back|side|clean|wash|put|outer|inner|angle|move|degree", more="hair|shoe|kettle"),
        correct="1. Wet the brush\n2. Add toothpaste\n3. Brush for two minutes\n4. Rinse your mouth | 1. Squeeze a pea-sized amount of toothpaste onto your toothbrush.\n2. Brush the outer surfaces in small circles.\n3. Clean your tongue.\n4. Spit and rinse.", wrong="1. Wet the brush\n2. Add toothpaste\n3. Brush | 1. Boil water\n2. Add the pasta\n3. Stir\n4. Drain | Wet the brush, add toothpaste, brush, rinse | 1. Brush\n3. Rinse\n4. Spit\n5. Floss"),
    name_members("Give a numbered list of five capital cities in Asia.", 5, "numbered", CLOSED_SETS["asian capitals"], "Mumbai"),
    row("Give the first three steps of writing a letter as a numbered list.", listed(3, "numbered", words="paper|pen|date|address|greeting|salutation|dear|write|topic|name|sheet|decide|think|purpose|recipient|top|take|choose|plan|outline|opening|introduce|begin|start|gather|draft|subject|heading|who|message|say|figure|sheet|audience|template", more="envelope first|oven"),
        correct="1. Take a sheet of paper\n2. Write the date\n3. Write a greeting | 1. Decide on the purpose.\n2. Write your address at the top.\n3. Begin with \"Dear ...\".", wrong="1. Take paper\n2. Write the date | 1. Heat the oven\n2. Mix flour\n3. Bake | - Take paper\n- Write the date\n- Write a greeting | 1. Take paper\n2. Take paper\n3. Greeting"),
    row("Write a numbered list of two questions for a new neighbour.", listed(2, "numbered", mark="?", words="you|your|here|street|neighborhood|neighbourhood|move|moved|from|house|live|children|pets|like|welcome|family"), correct="1. Where did you live before?\n2. Do you have any pets? | 1. When did you move in?\n2. How do you like the street?", wrong="1. I moved in.\n2. I have pets. | 1. Where did you live? | 1. Is seven a prime?\n2. What is iron? | Where did you live? Do you have pets?"),
    name_members("List six animals that can fly in a numbered list.", 6, "numbered", _FLYING, "dog"),
    name_members("Write down three professions as a numbered list.", 3, "numbered", CLOSED_SETS["jobs"], "banana"),
    row("Which rules should visitors to a museum follow? Give four of them as a numbered list.", listed(4, "numbered", words="touch|quiet|quietly|noise|loud|voice|whisper|photo|photos|photograph*|flash|camera|food|eat|drink|run|running|walk|bag|backpack|phone|smok*|child|children|distance|lean|exhibit|artwork|art|ticket|coat|umbrella|pet|silent|stand|back|barrier|pay|respect|staff|shout|talk|push|gum|object|display|litter|sketch|selfie|tripod|line|queue|guide", more="swim|dive|helmet"),
        correct="1. Do not touch the paintings\n2. Be quiet\n3. Do not eat\n4. Leave bags in the cloakroom | 1. No flash photography.\n2. Keep your distance from the exhibits.\n3. Silence your phone.\n4. Don't run.", wrong="1. Do not touch\n2. Be quiet\n3. Do not eat | 1. Stop at red lights\n2. Wear a helmet\n3. Signal your turns\n4. Keep right | Do not touch. Be quiet. Do not eat. Do not run. | 1. Do not eat\n2. Do not eat\n3. Do not eat\n4. Do not eat"),
    row("Find five words whose first letter is m, and number them from 1 to 5.", listed(5, "numbered", initial="m"), correct="1. moon\n2. map\n3. milk\n4. mouse\n5. music | 1. Mountain\n2. Mango\n3. Mirror\n4. Magic\n5. Monday", wrong="1. moon\n2. cat\n3. milk\n4. mouse\n5. music | 1. moon\n2. map\n3. milk\n4. mouse | 1. moon\n2. moon\n3. milk\n4. mouse\n5. music"),
    row("What can one find in an office? Number three such things from 1 to 3.", listed(3, "numbered", words="desk|chair|computer|printer|pen|pencil|paper|stapler|phone|telephone|lamp|folder|file|copier|photocopier|whiteboard|monitor|keyboard|mouse|laptop|scissors|calendar|clock|shelf|cabinet|drawer|scanner|plant|coffee|meeting|table|clip|paperclip|notebook|bin|wastebasket|trash|marker|highlighter|shredder|calculator|envelope|stamp|tape|ruler|projector|router|sofa|bookcase|water cooler|elevator|colleague|worker|employee|document|notepad|sticky|post-it|binder|punch|eraser|screen|headset|fax|window|door|desktop|light|briefcase|bookshelf|machine", more="cow|shower|tractor|bathtub"),
        correct="1. Desk\n2. Printer\n3. Chair | 1. A **desk lamp**\n2. Paper clips\n3. Filing cabinets", wrong="1. Desk\n2. Printer | 1. Cow\n2. Shower\n3. Tractor | * Desk\n* Printer\n* Chair | 1. Desk\n2. Desks\n3. Chair"),
    name_members("Name four vegetables, separated by commas, and write nothing else.", 4, "comma", CLOSED_SETS["vegetables"], "sausage"),
    name_members("Name three continents, separated by commas, and write nothing else.", 3, "comma", CLOSED_SETS["continents"], "France"),
    name_members("Write five parts of the body on one line, separated by commas.", 5, "comma", CLOSED_SETS["body parts"], "table"),
    name_members("Name three African countries on one line, separated by commas.", 3, "comma", CLOSED_SETS["african countries"], "Brazil"),
    name_members("Give four farm animals as a comma-separated list without any other text.", 4, "comma", CLOSED_SETS["farm animals"], "tiger"),
    name_members("Give six days of the week as a comma-separated list without any other text.", 6, "comma", CLOSED_SETS["weekdays"], "March"),
    name_members("Give three sports as a comma-separated list without any other text.", 3, "comma", CLOSED_SETS["sports"], "apple"),
    name_members("Write four pieces of clothing on one line, separated by commas.", 4, "comma", CLOSED_SETS["clothes"], "hammer"),
)  # fmt: skip
