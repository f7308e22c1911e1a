"""Words and phrases with the same meaning, and words of request without content.

Paraphrases of suite prompts are found by these terms (`phases.scoring.paraphrase`).
"""

import re
from typing import Final

from phases.verifiers.stems import stem

PHRASES: Final = tuple(
    (re.compile(rf"\b(?:{pattern})\b"), f" {term} ")
    for term, pattern in {
        "": r"(?:(?:answer|reply|respond|use)(?: with| in)? |\bin )"
        r"(?:(?:at most|exactly|precisely|no more than|not more than|up to|a maximum of) )?"
        r"(?:\w+|a single) (?:short |full |complete )?sentences?(?: at most| or fewer)?",
        "lowercase": r"(?:without|no) (?:any )?capitals?(?: letters)?"
        r"|(?<!no )(?:small|lower[- ]?case) letters|(?<!no )lower[- ]?case",
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
        start begin beginning open opening first
        end finish finishing last final close
        large big huge
        small little tiny
        large_st biggest largest
        quick fast rapid
        author wrote writer
        child kid baby young
        picture painting paint painted
        town city
        country nation state
        ocean sea
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
        job profession occupation
        sick ill
        happy glad
        shop store
        repair mend fix
        receive get gets
        each every apiece
        clean wash
        use used
        headline title heading name
        note letter message
        part piece
        grow grown
        job work
        street road
        show display
        exact precisely exactly
        advantage benefit pro
        reason why
        way how
        sentence statement
        rule govern
        buy purchase
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
        bring get take carry
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
        sea seaside
        noise loud
        name called
        teacher teach
        bake baker bakery
        farm farmer
        paint painter
        stroller pram pushchair buggy
        seat sit
        turkey turkish
        america american
        ideal perfect
        walk step foot walked
        near close nearest closest innermost
        far outer farthest outermost distant
        hyphen dash
        drink drank drunk
        eat ate eaten
        wash launder laundry clean
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
        road highway
        forest woods wood
        stone rock
        shoe boot
        begin began begun
        write wrote written
        fly flew flown flight
        swim swam
        run ran
        go went gone
        break broke broken
        sell sold
        buy bought
        teach taught
        build built construct
        draw drew drawn
        grow grew breed
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
        open opens
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
    output render imagine invent can't doesn't isn't according look kindly single result
    proverb saying rhyme does people person kind type come belong whole number
    """.split()  # noqa: SIM905
)
"""Stems of words of request, which carry no content."""
