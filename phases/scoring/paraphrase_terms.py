"""Words and phrases with the same meaning, and words of request without content.

Paraphrases of suite prompts are found by these terms (`phases.scoring.paraphrase`).
"""

import re
from typing import Final

from phases.verifiers.stems import stem

_LIMIT: Final = (
    r"(?:at (?:the )?most|exactly|precisely|(?:no|not) more than|(?:fewer|less) than|up to|under|only|just"
    r"|(?:a )?max(?:imum)?\.?(?: of)?)"
)
_PATTERNS: Final = {
    "": r"(?:(?:answer|reply|respond|use|keep (?:it|this|that|your answer)"
    r"|limit (?:it|yourself|your answer)|stick|be brief)(?: with| in| to| under| within)? "
    rf"|\b(?:in|within|with) |(?<=[.?!,;] )(?=\w+ sentences?\b)|(?={_LIMIT} )){_LIMIT}? ?"
    r"(?:\w+|a single) (?:short |full |complete |brief )?sentences?"
    r"(?: (?:at (?:the )?most|max(?:imum)?|or (?:fewer|less)|please|only|long|in total))*",
    " ": r"step[- ]by[- ]step|(?:^|(?<=[.?!:,] )|(?<=please ))state(?= )"
    r"|share (?:an?|one|some)|(?<=\d):00|the (?:noun|verb|adjective|adverb)(?= (?!of|in|from|that|is|to)\w)",
    "insult": r"mak(?:es?|ing) fun of|mock(?:s|ing)?|ridicul(?:es?|ing)|insult(?:s|ing)?",
    "lowercase": r"(?:without|no|don't use|do not use|avoid)(?: using)? (?:any )?capitals?(?: letters)?"
    r"|(?<!no )(?:small|lower[- ]?case) letters|(?<!no )lower[- ]?case",
    "neighbour": r"(?:people|family|person|man|woman|one) next[- ]door|next[- ]door",
    "uppercase": r"(?:all )?(?:capital|upper[- ]?case|block) letters|(?:in|all) capitals|capitals only"
    r"|upper[- ]?case|all caps|no (?:small|lower[- ]?case) letters",
    "capitalise": r"capitali[sz](?:e|ed|ing)",
    "bullets": r"bullet(?:ed)?(?: points?| list)?|bullets",
    "britain": r"uk|u\.k\.?|united kingdom|great britain",
    "famous": r"well[- ]known",
    "abbreviation": r"stands? for|short (?:form (?:of|for)|for)|abbreviat\w+(?: of| for)?"
    r"|acronym(?: of| for)?",
    "numbered": r"numbered list|number(?:ed)? (?:the )?(?:points|items|steps)",
    "commas": r"comma[- ]separated(?: list)?|separated by (?:a )?commas?|commas? between(?: them)?",
    "yesno": r"yes or no|yes/no|yes-or-no",
    "synonym": r"(?:means?|meaning|has) (?:about |nearly |almost )?the same(?: meaning)?(?: as)?"
    r"|(?:another|a different|an alternative) (?:word|term) for|synonyms?"
    r"|(?:could|can|might) replace"
    r"|other words? (?:for|with the same meaning)|similar (?:in )?meaning(?: to)?",
    "antonym": r"(?:the )?(?:exact )?opposite(?: meaning| word)?(?: of| to)?|antonyms?"
    r"|contrary(?: of)?",
    "reversed": r"backwards?|in reverse(?: order)?|revers(?:e|ed"
    r"|ing)(?: the)?(?: letters)?(?: order)?(?: of)?"
    r"|from (?:its |the )?last letter to (?:its |the )?first"
    r"|from (?:the )?(?:end to (?:the )?(?:start|beginning)|back to front)",
    "negative": r"negat(?:e|ive|ed|ion)",
    "atmost": r"at most|no more than|not more than|or (?:fewer|less)|maximum of|up to|a maximum",
    "atleast": r"at least|no (?:fewer|less) than|not (?:fewer|less) than|or more|a minimum of",
    "without": r"without(?: using)?|do(?:es)? not (?:use|contain|include)|not (?:using|containing)"
    r"|avoid(?:ing)?|but not|never (?:use|using)",
    "square": r"squared?|second power|multiplied by itself",
    "ascending": r"ascending(?: order)?|from (?:the )?(?:smallest|lowest"
    r"|least) to (?:the )?(?:largest|biggest|highest|greatest)"
    r"|increasing(?: order)?|smallest first",
    "descending": r"descending(?: order)?|from (?:the )?(?:largest|biggest|highest"
    r"|greatest) to (?:the )?(?:smallest|lowest|least)|largest first",
    "plural": r"plural(?: form)?(?: of)?|more than one",
    "past": r"past(?: tense| form)?|in the past",
    "next": r"(?:what|which \w+) (?:comes|follows)(?: next)?|next in|continues?|follows?|precedes?"
    r"|comes? (?:next|(?:right |directly |just |immediately )?(?:before|after|between))"
    r"|(?:right|directly|just|immediately) (?:before|after)|after \w+ and before"
    r"|(?:(?<=day)|(?<=month)|(?<=number)|(?<=letter)) (?:before|after|between)",
    "together": r"altogether|in total|in all|total",
    "equally": r"equally|evenly|fairly|in equal (?:parts|shares)",
    "twice": r"two times",
    "multiply": r"times|multipl(?:y|ied)(?: by)?|product of",
    "subtract": r"minus|subtract(?:ed)?|taken? away|taken?(?= \d+ (?:away )?from)|(?<=\d )away"
    r"|less(?= \d)",
    "add": r"plus|add(?:ed)?(?: to)?|sum of",
    "divide": r"divid(?:e|ed|ing)|split|shar(?:e|ed|ing)",
    "unite": r"usa|u\.s\.a?\.?|united states(?: of america)?",
}
PHRASES: Final = tuple(
    (re.compile(rf"\b(?:{pattern})\b"), f" {term} ") for term, pattern in _PATTERNS.items()
)
"""Terms with the phrases that they replace."""
ANY_PHRASE: Final = re.compile(rf"\b(?:{'|'.join(_PATTERNS.values())})\b")
SYNONYMS: Final = {
    stem(word): stem(words[0])
    for words in (
        group.split()
        for group in """
        start begin beginning began begun first
        end finish finishing last final
        large big huge
        small little tiny
        large_st biggest largest greatest
        quick fast rapid
        author writer
        child kid baby young infant toddler children
        picture painting paint painted painter artist
        town city
        country nation state
        ocean sea seaside
        house home
        gas vapour vapor
        make produce produced create
        meal food dish
        colour color colours
        doctor physician
        plane aeroplane airplane aircraft
        car automobile
        live life
        leg foot feet, woman women, man men, mouse mice, goose geese, knife knives, wolf wolves
        job profession occupation work
        sick ill
        happy glad joyful cheerful
        shop store
        repair mend fix
        each every apiece
        clean wash launder laundry
        use used
        headline title heading
        note letter message
        part piece
        grow grew grown breed
        street road highway
        show display
        exact precisely exactly
        advantage benefit pro
        reason why
        way how
        sentence statement
        rule govern
        buy purchase bought
        advice advise
        join combine link connect
        plan prepare
        spanish spaniard spaniards
        italian italians
        german germans
        europe european
        africa african
        asia asian
        sort arrange arranged order ordered rank rearrange reorder unscramble jumbled scrambled
        bring take carry
        capital capitals
        rain rainy
        sun sunny
        snow snowy
        wind windy
        cloud cloudy
        program programming programmer programmers
        travel trip journey, day weekday
        sky heaven
        talk conversation
        friend friendship
        flower blossom
        busy crowded
        noise loud
        teacher teach taught
        bake baker bakery
        farm farmer
        stroller pram pushchair buggy
        seat sit
        turkey turkish
        america american
        ideal perfect
        walk step walked
        near close nearest closest innermost
        far outer farthest outermost distant
        hyphen dash
        drink drank drunk beverage
        eat ate eaten edible
        jumper sweater pullover
        wool woollen woolen
        delete erase wipe remove
        substance material stuff
        nature natural
        gift present
        bacterium bacteria germ microbe
        dead deadly lethal fatal
        double twice
        ground soil earth underground
        instrument tool device gadget
        steal rob robbery theft stole
        protect guard
        quiet silent
        angry furious mad cross
        sad unhappy
        clever smart intelligent
        pretty beautiful lovely
        hungry hunger
        thirst thirsty
        rich wealthy
        brave courageous
        cold chilly
        freeze frozen froze
        hot warm heat
        wet damp
        dog puppy hound
        cat kitten
        boat ship vessel
        forest woods wood
        stone rock
        shoe boot
        write wrote written
        fly flew flown flight
        swim swam
        run ran
        go went gone
        break broke broken
        sell sold
        build built construct
        draw drew drawn
        fall fell autumn
        speak spoke spoken
        sing sang song
        catch caught
        hour clock o'clock
        evening night
        morning dawn sunrise
        noon midday
        holiday vacation
        film movie
        phone telephone
        bike bicycle cycle
        lorry truck
        trousers pants
        biscuit cookie
        sweet candy
        rubbish garbage trash
        flat apartment
        garden yard
        money cash currency
        price cost
        error mistake
        battle war fight
        king monarch
        leader head
        virus malware
        colleague coworker workmate
        check test inspect
        subway metro tube
        open opens opening
        stop prevent, medicine medication, reduce discount decrease, greeting greet hello hi
        embarrass humiliate, smallest least lowest tiniest
        certificate diploma, fake forge forgery counterfeit falsify, safe safely safety, gun firearm pistol
        hurt injure harm, threat threaten menace, exam examination, boss manager employer supervisor
        pupil student learner, roommate flatmate, neighbour neighbor, grandmother grandma granny
        mother mum mom
        visitor guest, journalist reporter, cook chef, firefighter fireman, police policeman cop
        coast shore, mountain mount peak, storm thunderstorm, highest tallest, fastest quickest
        expensive costly pricey, difficult hard trouble, arrive arrival, see watch, hear listen
        feel feeling emotion, learn study, dinner supper, delicious tasty, taste flavour flavor
        animal creature, insect bug
        tooth teeth, clothes clothing garment, coat jacket, glove mitten, frighten frightened scared afraid
        tired exhausted, nervous anxious, funny humorous amusing, lazy idle, football soccer
        win won winner victory victorious, prize award, hobby pastime, story tale, poem poetry
        photo photograph selfie, email e-mail, slogan motto tagline, advertisement advert ad advertise
        announce announcement, invitation invite, complaint complain, apology apologise apologize
        congratulate congratulation, warn warning, persuade convince argue, disadvantage drawback downside
        power electricity, thank gratitude
        farewell goodbye, online internet web
        install installation setup, luggage suitcase baggage, hospital clinic, quarter fourth
        centimetre centimeter cm, kilometre kilometer km, metre meter, kilogram kilo kg, gram gramme
        grey gray, centre center, rumour rumor, jewellery jewelry, litre liter
        misspell misspelled misspelt misspelling typo, grammar grammatical, quotation quote, sofa couch
        oven stove cooker, vote voter ballot election elect poll, bully harass, key field property
        bag sack, fine ok okay
        """.strip()
        .replace(",", "\n")
        .splitlines()
    )
    for word in words
}
REQUEST_WORDS: Final = frozenset(
    stem(word)
    for word in """
    please give name tell list write mention state suggest find say provide show answer reply respond use
    using used put turn make complete finish fill return add word words phrase sentence statement term
    following question call called known explain describe description define definition think choose pick
    rewrite rephrase translate translation english speak form express convert change text thing things
    something want need let example examples nothing else more simple short brief contain contains
    include containing including mean meaning which what where whose correct right only just blank gap
    missing item items choice favorite favourite together joint grammar fix repair around entire help
    output render imagine invent according look kindly single result
    identify specify determine present create generate compose produce craft develop devise formulate draft
    print supply deliver recall enter type select ask way best idea argument instruction
    briefly exact atmost fewer less go talk keep let come happen try start somebody someone
    anybody anyone trick human topic purpose fact empty came expand st nd rd th
    proverb saying does people person kind type come belong whole number
    """.split()  # noqa: SIM905
)
"""Stems of words of request, which carry no content."""
FORM_TERMS: Final = frozenset(
    SYNONYMS.get(stem(word), stem(word))
    for word in """
    array begin bullets capital capitalise character commas end hyphen item json key letter line list
    lowercase mark message note numbered object occur order paragraph placeholder quotation quote section
    separate sequence space start story text title twice uppercase value without yesno
    french german italian portuguese spanish
    """.split()  # noqa: SIM905
)
"""Stems of words that say in which form to answer, not about what."""
