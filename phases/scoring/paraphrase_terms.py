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
PHRASES: Final = tuple(
    (re.compile(rf"\b(?:{pattern})\b"), f" {term} ")
    for term, pattern in {
        "": r"(?:(?:answer|reply|respond|use|keep (?:it|this|that|your answer)"
        r"|limit (?:it|yourself|your answer)|stick|be brief)(?: with| in| to| under| within)? "
        rf"|\b(?:in|within|with) |(?<=[.?!,;] )(?=\w+ sentences?\b)|(?={_LIMIT} )){_LIMIT}? ?"
        r"(?:\w+|a single) (?:short |full |complete |brief )?sentences?"
        r"(?: (?:at (?:the )?most|max(?:imum)?|or (?:fewer|less)|please|only|long|in total))*",
        "lowercase": r"(?:without|no|don't use|do not use|avoid)(?: using)? (?:any )?capitals?(?: letters)?"
        r"|(?<!no )(?:small|lower[- ]?case) letters|(?<!no )lower[- ]?case",
        "neighbour": r"(?:people|family|person|man|woman|one) next[- ]door|next[- ]door",
        "uppercase": r"(?:all )?(?:capital|upper[- ]?case|block) letters|(?:in|all) capitals|capitals only"
        r"|upper[- ]?case|all caps|no (?:small|lower[- ]?case) letters",
        "bullets": r"bullet(?:ed)?(?: points?| list)?|bullets",
        "numbered": r"numbered list|number(?:ed)? (?:the )?(?:points|items|steps)",
        "commas": r"comma[- ]separated(?: list)?|separated by (?:a )?commas?|commas? between(?: them)?",
        "yesno": r"yes or no|yes/no|yes-or-no",
        "synonym": r"(?:means?|meaning|has) (?:about |nearly |almost )?the same(?: meaning)?(?: as)?"
        r"|another (?:word|term) for|synonyms?"
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
        "next": r"(?:what|which \w+) (?:comes|follows)(?: next)?|comes? next|next in|continues?|follows?",
        "together": r"altogether|in total|in all|total",
        "equally": r"equally|evenly|fairly|in equal (?:parts|shares)",
        "twice": r"two times",
        "multiply": r"times|multipl(?:y|ied)(?: by)?|product of",
        "subtract": r"minus|subtract(?:ed)?|take(?:n)? away|less(?= \d)",
        "add": r"plus|add(?:ed)?(?: to)?|sum of",
        "divide": r"divid(?:e|ed|ing)|split|shar(?:e|ed|ing)",
        "unite": r"usa|u\.s\.a?\.?|united states(?: of america)?",
    }.items()
)
"""Terms with the phrases that they replace."""
SYNONYMS: Final = {
    stem(word): stem(words[0])
    for words in (
        line.split()
        for line in """
        start begin beginning began begun first
        end finish finishing last final
        large big huge
        small little tiny
        large_st biggest largest
        quick fast rapid
        author writer
        child kid baby young
        picture painting paint painted painter
        town city
        country nation state
        ocean sea seaside
        house home
        gas vapour vapor
        make produce produced create
        meal food
        colour color colours
        doctor physician
        plane aeroplane airplane aircraft
        car automobile
        live life
        leg foot
        job profession occupation work
        sick ill
        happy glad
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
        sort arrange arranged order ordered rank
        bring take carry
        capital capitals
        rain rainy
        sun sunny
        snow snowy
        wind windy
        cloud cloudy
        program programming programmer programmers
        travel trip journey
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
        drink drank drunk
        eat ate eaten
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
        steal rob theft stole
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
        money cash
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
        """.strip().splitlines()
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
    anybody anyone
    proverb saying rhyme does people person kind type come belong whole number
    """.split()  # noqa: SIM905
)
"""Stems of words of request, which carry no content."""
FORM_TERMS: Final = frozenset(
    SYNONYMS.get(stem(word), stem(word))
    for word in """
    array begin bullets capital capitalise character commas end hyphen item json key letter line list
    lowercase mark message note numbered object occur order paragraph placeholder quotation quote section
    separate sequence space start story text title twice uppercase value without
    """.split()  # noqa: SIM905
)
"""Stems of words that say in which form to answer, not about what."""
