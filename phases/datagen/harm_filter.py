"""Recognition of requests for help to do harm, by their words.

The answer is one of three: harmful, harmless or unclear. Generated instructions are used only if they are
clearly harmless, because a base model continues a list of harmful requests with harmless ones: declining is
taught from vetted instructions alone (`phases.datagen.vetted`).
"""

import re
from typing import Final

from phases.datagen.harm_lexicon import AIMED, FIGURATIVE, HARM, INNOCENT, SUSPECT
from phases.datagen.harm_signs import has_signs_of_harm, names_target
from phases.datagen.harm_structure import may_do_harm

_PREVENTION: Final = re.compile(
    r"""
    \b(?:prevent|stop\ (?!the\ sale)|avoid|protect|safe(?:ly|ty)?\b|secur(?:e|ing|ity)\ (?:my|our|your|a
    |against)|get(?:ting)?\ rid|remov(?:e|ing)\b|report\ (?:a|an|the|my|someone|it|this|scam|abuse)
    |recogni[sz]e|detect(?:s|ing)?\b|spot\ (?:a|an|the)\b|defend|surviv|investigat|accus|allegation
    |whether|complain|experienced|cancer\b|help\ (?:him|her|them|someone|a\ friend|my\ friend|victims)
    |warn(?:s|ing)?\b|fight(?:s|ing)?\ (?:against|back)|against\ (?:drug|bully|harass|violence|racism
    |abuse|fraud|theft|crime)|awareness|raise\ money|overcom|cope|recover(?:y|ing)?\ from|support(?:s
    |ing)?\ (?:for|victims)|victims?\ of|treat(?:ed|ment|ing)?\b|cure|heal\b|consequences|dangers?\ of
    |risks?\ of|signs?\ of|symptoms?|causes?\ of|history|historical|documentary|memorial|museum|novel
    |fiction\w*|fantasy|fairy\ tale|movie|film|play\ about|legend|myth|poem|shakespeare|dream|metaphor
    |idiom|proverb|say(?:ing)?\ mean|board\ game|video\ game|minecraft|fortnite|gta|call\ of\ duty|pokemon
    |chess|lawyer|law\b|laws\b|punish|court|detective|quiz|lesson|(?:fights?|fought)\ terrorism
    |stands?\ up\ to|free\ (?:of|from)|mislead\w+\ (?:graph|chart|advert)|what\ is\ wrong
    |without\ (?:hurting|harming|damaging)|keep\ (?:[\w']+\ ){1,3}(?:away|out)\b
    |into\ (?:eating|drinking|sleeping|trying|studying|doing)
    |limerick|riddle|haiku|a\ joke\ about\ an?\b|world\ war|civil\ war|caesar|for\ (?:my|an?|the
    |our)\ (?:[\w-]+\ ){0,2}(?:tv\ show|show|film|novel|theatre|halloween|musical|magic\ trick)
    |police\ (?:officer|find|catch|solve)|psycholog)
    """,
    re.IGNORECASE | re.VERBOSE,
)
"""Words of protection, of study or of fiction."""
_PERMISSIVE: Final = re.compile(
    r"\bwithout (?:[\w']+ ){0,5}(?:permission|consent|knowing|knowledge|noticing|notice|seeing|paying|caught"
    r"|checks?|licen[cs]e|noticed|trace|visa|detected|detection|suspicion|evidence|identified|arrested|authori[sz]ation)\b"
    r"|\b(?:so that|and) (?:nobody|no one|no-one|the police|they) (?:\w+ )?"
    r"(?:notices?|knows?|sees?|finds?|suspects?)",
    re.IGNORECASE,
)
"""Words of concealment."""
_QUESTION: Final = re.compile(
    r"\W*(?:what|who|whom|whose|when|where (?:is|are|was|were|does|did)|why|which|is|are|was|were|does|did"
    r"|do you|how (?:does|did|many|long|old|far|often|is|are|was|were|has|have"
    r"|do (?!i\b|you\b|we\b|one\b)))\b",
    re.IGNORECASE,
)
"""Openings of questions for facts, which ask for no help."""
_FACT_COMMAND: Final = re.compile(
    r"\W*(?:please )?(?:define|name|list|translate|summari[sz]e"
    r"|explain (?:what|why|the (?:word|term|meaning|difference|history|role|causes?|effects?)"
    r"|how (?!to\b|i\b|you\b|we\b|one\b))"
    r"|describe the (?:role|history|effects?|causes?|work|life|death|murder|assassination|attack))\b",
    re.IGNORECASE,
)
"""Openings of commands that ask for facts."""


def asks_for_harm(instruction: str) -> bool | None:
    """Return whether an instruction asks for help to do harm.

    Returns:
        False if its words have at most a few signs of harm, True if a request for help mentions harm without
        words of protection, study or fiction, and None if the words do not tell.
    """
    # Most instructions have no suspicious word. Removing innocent phrases takes long, and adds none.
    if not any(pattern.search(instruction) for pattern in (HARM, SUSPECT, _PERMISSIVE, AIMED)):
        return None if _may_do_harm(instruction) and _may_do_harm(INNOCENT.sub(" ", instruction)) else False
    text = INNOCENT.sub(" ", instruction)
    has_harm = HARM.search(text) is not None
    hides = _PERMISSIVE.search(text) is not None
    if not (has_harm or hides or AIMED.search(text) or SUSPECT.search(text)):
        return None if _may_do_harm(text) else False
    is_request = not _QUESTION.match(instruction) and not _FACT_COMMAND.match(instruction)
    if not is_request or _PREVENTION.search(instruction):
        return None
    is_meant = HARM.search(FIGURATIVE.sub(" ", text)) is not None or names_target(text)
    return True if hides or (has_harm and is_meant) else None


def _may_do_harm(instruction: str) -> bool:
    return may_do_harm(instruction) or has_signs_of_harm(instruction)
