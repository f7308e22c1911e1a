"""Requests that may do harm, by structure: unusual acts, acts on people, programs, private facts, claims.

Everyday words can ask for harm without a word of harm ("How do I make my flatmate fall down the stairs?").
These rules therefore list benign requests. A request that they do not know is unclear, not harmful.
"""

import re
from typing import Final

from phases.datagen.harm_lexicon import GROUP_OF_PEOPLE, PERSON
from phases.verifiers.stems import stem


def _list_stems(verbs: str) -> frozenset[str]:
    return frozenset(map(stem, verbs.split()))


_REQUEST: Final = re.compile(
    r"""
    ^\W*(?:(?:please|can\ you|could\ you)\ )?
    (?:how\ (?:(?:do|can|could|should|would|might)\ (?:i|you|we|one)|to)
    |how\ would\ (?:i|you|one)\ go\ about
    |(?:where|what|which\ \w+)\ (?:can|could|do|should)\ (?:i|we|one)
    |(?:what(?:\ is|'s)|which\ is|describe|explain)\ (?:the|an?)\ (?:[\w-]+\ )*?
    (?:way|method|trick|spot|place)\ to
    |(?:explain|tell\ (?:me|us)|describe|teach\ (?:me|us)|show\ (?:me|us))
    (?:\ step\ by\ step)?\ how\ (?:to|i\ can|you\ can|one\ can|we\ can|i\ could)
    |(?:give\ (?:me|us)|list|write|name|suggest)\ (?:[\w-]+\ ){0,3}
    (?:ways|instructions|tips|tricks|ideas|methods)\ (?:for|to|on|of|in\ which\ i\ can)|help\ me(?:\ to)?)
    \ (?:best\ |safely\ |quickly\ |easily\ )?(?P<verb>(?!(?:i|you|we|one|to)\b)[a-z]+)\b(?P<object>[^.?!;]*)
    """,
    re.IGNORECASE | re.VERBOSE,
)
"""A request for how to do something, with the verb and the rest of its clause."""
_EVERYDAY_ACTS: Final = _list_stems(
    """
    add adjust apply arrange assemble attach avoid bake balance barbecue beat block blow bluff boil book
    borrow bounce braid break breed brew brush build burn bury buy calculate calm camp care carve catch
    celebrate change charge check choke choose chop clean climb close collect combine compare compost
    connect cook cool cope count crack crochet crush cycle dance deal decide declutter decorate defrost
    delete demolish descale design dig donate draw dress drop drown dry dust dye earn edit enjoy exchange
    execute exercise explain express feed fight file fill filter find fish fit fix fold follow format
    freeze fry garden get glue grate greet grill grind grow haggle handle hang harvest heal heat hem hike
    hit improve increase install introduce iron join juggle keep kill knead knit knock knot label learn
    lift light list load lock look maintain make manage marinate measure meditate melt memorize mend mow
    oil open organize overcome pack paint park peel perform photograph pickle plan plant play polish pour
    practise prepare present preserve prevent print protect prune pump punch put raise read recognize
    record recover recycle reduce refill relax remember remove rename renew rent repair replace report
    reserve reset respond rest restore reuse ride rinse roast rotate run save schedule season secure
    select sell serve set sew shampoo sharpen shine shoot shop shuffle shut sign sing skate sketch ski
    sleep slice slide sort speak spell split spot sprout stack start stay steal steam stir stop store
    stretch strike strip study style summarize survive swap swim switch tell test thank throw tidy tie
    track train translate transport travel trim tune turn type unclog understand unpack update upgrade use
    vacuum visit volunteer wake walk warm wash water wear weave weigh whip whisk whittle work wrap write
    zest
    """
)
"""Everyday acts to ask for help with, including verbs such as "kill": the words of harm judge those."""
_ACTS_ON_PEOPLE: Final = _list_stems(
    """
    address adopt advise agree announce answer apologise apologize ask bathe be beat become bring brush
    buy call calm care carry celebrate cheer choose coach comfort compare complain congratulate contact
    convince cook cope count cut deal describe discourage draw dress drive email encourage entertain
    explain feed find forgive give greet groom heal help hire host hug impress include interview introduce
    invite involve join know lead learn lend like list listen look love manage marry meet mentor motivate
    name negotiate offer organise organize pack paint pay persuade pet phone photograph pick plan play
    praise prepare protect raise read reassure recognize recommend remember remind reply report rescue
    respect respond return save say seat send serve share show soothe sort speak stay suggest support
    surprise take talk teach tell text thank train translate travel treat trust tutor understand visit
    vote wait walk warn wash wear welcome wish work write
    """
)
"""Kind acts towards a person or an animal."""
_VAGUE_ACTS: Final = _list_stems("get make find put use take")
_SOMEBODY: Final = re.compile(rf"\b{PERSON}\b", re.IGNORECASE | re.VERBOSE)
_GOOD_OUTCOME: Final = re.compile(
    r"\b(?:laugh|smile|happy|feel|sleep|drink|eat|proud|welcome|comfortable|safe|listen|study|understand|sit|stay"
    r"|learn|read|help)\b",
    re.IGNORECASE,
)
_PERSON_AS_OBJECT: Final = re.compile(
    r"^\ (?:(?:in|out|off|up|down|away|at|on|into|with|as|over)\ )?"
    r"(?:(?:my|an?|the|some|another|his|her|their|your|our|every|other|all)\ )?(?:[\w'-]+\ ){0,2}?"
    rf"(?:{PERSON}|\w+-year-olds?)\b",
    re.IGNORECASE | re.VERBOSE,
)
_BENIGN_FACT: Final = re.compile(
    r"\b(?:gifts?|birthdays?|presents?|favou?rite|should|can i|could i|do i|would|wedding|party|dinner"
    r"|games?|learn|need|call (?:a|an|the)|word for|called|mean|names? (?:of|for)|good|best)\b",
    re.IGNORECASE,
)
_PRIVATE_FACT: Final = re.compile(
    rf"""
    ^\W*(?:at\ )?(?:what|when|where|which|whom?|whose|how\ (?:much|many|often|late|old|tall|heavy|rich))\b
    [^.?!]*?\b
    (?:(?:my|our|his|her|their)\ (?:[\w'-]+\ ){{0,2}}?(?:\w+-)?{PERSON}\b|{PERSON}'s\ \w
    |the\ (?:judges?|doctors?|teachers?|mayors?|actors?|actress(?:es)?|witness(?:es)?|guards?|officers?
    |patients?)\b)
    """,
    re.IGNORECASE | re.VERBOSE,
)
"""A question for a fact about somebody in particular."""
_PRIVATE_FACT_OF_NAME: Final = re.compile(
    r"\b(?:private|home|illness(?:es)?|diseases?|medical|medication|pills|diagnos\w+|salary|earns?|weigh|wage"
    r"|address|password|accounts?|lives?|sleeps?|insurance|debts?|criminal|sexual|affair)\b[^.?!]*"
    r"\b[A-Z][a-z]+ [A-Z][a-z]+\b"
    r"|\b[A-Z][a-z]+ [A-Z][a-z]+\b(?:'s)?[^.?!]*\b(?:illness|disease|medication|salary|earns?|password"
    r"|account|home address|number)\b"
)
_CLAIM: Final = r"""
    (?:why|argu\w+|reasons?|should(?:n't)?|not|never|better|worse|less|too|so|than|fun\ of|against|slogan|
    jokes?|prove|deserve\w*|superior|inferior|dumb\w*|stupid\w*|lazy|dirty|worst|criminals?|useless|rank\w*|
    ban\w*|keep\ \w+\ out|hate\w*|ill\b|control\w*)
    """
_ANY_GROUP: Final = re.compile(rf"\b{GROUP_OF_PEOPLE}\b", re.IGNORECASE)
_GROUP_CLAIM: Final = re.compile(
    rf"\b{_CLAIM}\b[^.?!]*\b{GROUP_OF_PEOPLE}\b|\b{GROUP_OF_PEOPLE}\b[^.?!]*\b{_CLAIM}\b",
    re.IGNORECASE | re.VERBOSE,
)
"""A group of people with a claim about it."""
_HOSTILE_PROGRAM: Final = re.compile(
    r"\b(?:script|program|code|app|bot|tool|software|extension|macro)s?\b[^.?!]*"
    r"\b(?:delet|eras(?:e|ing)|wip(?:e|ing)|den(?:y|ies)|harvest|scrap(?:e|ing)|steal|sell|overload|flood|crash"
    r"|disabl|spread|intercept|monitor|encrypt|blocks?\b)",
    re.IGNORECASE,
)
"""A program that takes, destroys, watches or stops something."""


def may_do_harm(instruction: str) -> bool:
    """Return whether a request may do harm by an act, a program, a private fact or a claim."""
    if _asks_for_unusual_act(instruction):
        return True
    # Few instructions name a group, which is found much faster than a claim about it.
    if _ANY_GROUP.search(instruction) and _GROUP_CLAIM.search(instruction):
        return True
    if _PRIVATE_FACT_OF_NAME.search(instruction) or _HOSTILE_PROGRAM.search(instruction):
        return True
    return _PRIVATE_FACT.search(instruction) is not None and not _BENIGN_FACT.search(instruction)


def _asks_for_unusual_act(instruction: str) -> bool:
    """Return whether a request for help is not one of everyday life, or not one of kindness to a person."""
    request = _REQUEST.match(instruction)
    if request is None:
        return False
    act, rest = stem(request["verb"].casefold()), request["object"]
    is_kind = _GOOD_OUTCOME.search(rest) is not None
    if act in _VAGUE_ACTS and _SOMEBODY.search(rest):
        return not is_kind
    if _PERSON_AS_OBJECT.match(rest):
        return act not in _ACTS_ON_PEOPLE and not is_kind
    return act not in _EVERYDAY_ACTS and act not in _ACTS_ON_PEOPLE
