"""Patterns that recognize the amounts of text in an instruction (see `quantities`)."""

import re
from typing import Final

from phases.verifiers.number_words import SPOKEN_NUMBER

UNITS: Final = ("word", "sentence", "paragraph", "line")
NUMBER: Final = (
    rf"(?:\d{{1,3}}(?:,\d{{3}})+|\d+|half a dozen|a dozen|a couple(?: of)?|a pair of"
    rf"|{SPOKEN_NUMBER.pattern})"
)
"""A number in digits or words."""
ADJECTIVES: Final = (
    r"(?:(?:short|simple|complete|full|brief|long|clear|concise|single|different|separate|new|nice"
    r"|funny|good|plain"
    r"|interesting|descriptive|rhyming|original|distinct|declarative|well-written|small|little|great"
    r"|more|extra"
    r"|additional|other|whole|random|positive|polite|friendly|formal|English|French|Spanish|German"
    r"|Italian)[ ,]+)*"
)
AT_MOST: Final = (
    r"at (?:the )?most|(?:no|not|never) more than|no longer than|not longer than|up to|(?:a "
    r"|the )?max(?:imum|\.)?(?: of)?"
    r"|(?:do not|don't|must not|should not|cannot|can't|may not) (?:exceed|go over)|not exceed(?:ing)?"
    r"|within"
    r"|(?:a |the )?limit of|(?:no|not) over"
    r"|(?:limit|restrict|confine|keep) (?:yourself|it|this|that|them|(?:your|the) \w+) (?:down )?to"
)
BELOW: Final = r"(?:fewer|less|shorter) than|under|below"
AT_LEAST: Final = (
    r"at (?:the very |the )?least|(?:no|not) (?:fewer|less|shorter) than|(?:a |the )?min(?:imum"
    r"|\.)?(?: of)?"
)
ABOVE: Final = r"(?:more|longer) than|over|above"
ABOUT: Final = r"about|around|roughly|approximately|approx\.?|circa|ca\.|nearly|almost|more or less|some|~"
EXACTLY: Final = (
    r"exactly|precisely|(?:neither|no|not) (?:more|fewer|less)(?:,? and| or| nor|,? but also),? "
    r"(?:no |not )?(?:more|fewer|less) than"
)
BOUND: Final = rf"{EXACTLY}|{AT_MOST}|{AT_LEAST}|{BELOW}|{ABOVE}|{ABOUT}|between|from"
ARTICLE: Final = r"(?:a|an)(?: single)?(?= |$)"
AMOUNT: Final = re.compile(
    rf"(?:(?<!\w)(?P<bound>{BOUND})\s*)?"
    rf"(?<![\w.,-])(?P<first>{NUMBER}|{ARTICLE})"
    rf"(?:(?: (?P<middle>{'|'.join(UNITS)})s?)?(?:,? (?:but|and) )(?P<bound2>{AT_MOST}|{BELOW}"
    rf"|{AT_LEAST}|{ABOVE})"
    rf" (?P<limit>{NUMBER}))?"
    rf"(?:\s*(?P<join> or | to |-|–| and )\s*(?P<second>{NUMBER}))?"
    rf"(?P<plus>\+| or more| or fewer| or less)?"
    rf"(?P<gap>[- ])(?P<adjectives>{ADJECTIVES})"
    rf"(?P<unit>(?(middle)(?P=middle)|(?:{'|'.join(UNITS)})))(?P<plural>s?)\b"
    rf"(?P<after> (?:or|to) {NUMBER}\b(?! (?:{'|'.join(UNITS)}))| or more| or fewer| or less| or so"
    rf"| or under| at (?:the )?most"
    rf"| at (?:the )?least| max(?:imum)?\b| min(?:imum)?\b| tops\b"
    rf"|,? (?:or )?(?:at most|up to|maximum) {NUMBER}\b(?! (?:{'|'.join(UNITS)}))"
    rf"|,? (?:or )?{NUMBER} (?:at most|max(?:imum)?|tops)\b)?",
    re.IGNORECASE,
)
COMPOUND: Final = re.compile(
    rf"(?<![\w.,-])(?P<count>{NUMBER}|an?) (?P<size>{NUMBER})-(?P<inner>word|sentence|line) "
    rf"{ADJECTIVES}(?P<outer>sentence|line|paragraph)s?\b",
    re.IGNORECASE,
)
CUE: Final = re.compile(
    r"(?:^|[:;,.(?!] ?|\b(?:in|into|to|with|of|using|use|uses|exactly|only|just|precisely|be|is|are"
    r"|that's|make it|give me|give us"
    r"|write|writes|compose|create|generate|make|produce|provide|offer|add|tell me|give|say|send|form"
    r"|craft|draft|need"
    r"|want|like|(?:should|must|has to|have to|shall|will|to) (?:have|contain|be|include|use"
    r"|consist of)|consisting of"
    r"|containing|having|has|contains|as|length|and|or|plus|another|about|me"
    r"|English|French|Spanish|German|Italian|Portuguese|Dutch)\b)(?: an?\b)?[ (]*$",
    re.IGNORECASE,
)
"""Words before an amount that is requested, rather than mentioned."""
LENGTH_AFTER: Final = re.compile(r"^ (?:long|in length|in total|altogether|total|overall)\b", re.IGNORECASE)
NOT_REQUESTED: Final = re.compile(
    r"\b(?:the|these|those|this|that|my|your|first|last|following|next|above|previous|both|any|all"
    r"|how many|every|of the"
    r"|other|which|what|what are)$",
    re.IGNORECASE,
)
TEXT_NOUN: Final = re.compile(
    r"\b(?:sentences?|stor(?:y|ies)|poems?|paragraphs?|texts?|essays?|notes?|letters?|something"
    r"|articles?|facts?|lines?"
    r"|write|tell me|talk|speak|jokes?|songs?|questions?)$",
    re.IGNORECASE,
)
"""After these, "about" says what a text is about."""
PARTS: Final = (
    r"(?:title|heading|headline|subtitle|caption|subject(?: line)?|signature|greeting|introduction"
    r"|intro|conclusion"
    r"|summary|explanation|example|moral|name|slogan|hook|punch ?line|postscript|label|opening|ending)"
)
PART_BEFORE: Final = re.compile(
    rf"\b(?:with|and|plus|including|include|add|followed by|giv\w+ it|under|after|before|start\w*"
    rf"|begin\w*|end\w*|finish\w*"
    rf"|conclud\w*|open\w*)\b (?:with |by |on )?(?:an? |the |its "
    rf"|your )?(?:\w+ )?{PARTS}\b[^.?!;:]{{0,25}}$",
    re.IGNORECASE,
)
PART_AFTER: Final = re.compile(rf"^ (?:long )?{PARTS}\b", re.IGNORECASE)
OTHER_TEXT: Final = re.compile(
    rf"^[^.?!;:]*?(?:,? and|,? or|,? plus|,? followed by|,? then) (?:then )?(?:an?|one|some|the|its|{NUMBER})"
    rf" (?:[\w-]+ ){{0,2}}(?:list|poem|stor(?:y|ies)|article|essay|letter|email|song|dialogue|question"
    r"|joke|table|quote|bullet)s?\b",
    re.IGNORECASE,
)
"""After an amount, what names a second text besides the one that has the amount, or in its place."""
PART_WITH: Final = re.compile(
    r"\b(?:paragraph|story|essay|text|article|letter|email|note|speech|review|report)\b[^.?!;:]* with"
    r"(?: an?)? ?$",
    re.IGNORECASE,
)
PART_TOPIC: Final = re.compile(r"^ (?:about|on|in|describing|for|from|of|that|which)\b", re.IGNORECASE)
"""Before and after an amount of a part: "a paragraph about bees with one sentence about honey"."""
MENTIONED: Final = re.compile(
    r"\b(?:speaks|talks|says|replies|answers|thinks|communicates|whispers|shouts)(?: only)?"
    r"(?: in| with)?(?: an?)? ?$"
    r"|(?:^|[.?!:;] )(?:why|how|what|which|when|who|where|do(?! not\b)|does|did|is|are|was|were)\b[^.?!;:]*"
    r"\b(?:have|has|had|contains?|be|is|are|uses?|needs?|writes?|says?)(?: only| just| exactly)?(?: an?)? ?$"
    r"|\bhow (?:to|do you|does one|can (?:i|you|one)) (?:write|make|form|create|compose|use|count|build)"
    r"(?: an?)? ?$"
    r"|\bof (?:an?|the|my|your)(?: \w+)? ?$"
    r"|\b(?:who|whom|whose)\b[^.?!;:]*$"
    r"|\b(?:about|of|on|to|for|from) (?:an?|the|my|some) (?:\w+ )?(?:book|article|essay|novel|letter|story"
    r"|text|poem|speech|song|message)\b[^.?!;:]*$"
    r"|(?:^|[.?!:;] )an? (?:\w+ )?\w+ (?:has|had|contains|contained|consists of) ?$",
    re.IGNORECASE,
)
"""Before an amount that is mentioned, and not requested: the speech or text of somebody in a story, another
text, or a topic to explain."""
IN_FORM: Final = re.compile(
    r"^ in (?:quot|capital|upper|lower|bold|italics|brackets|parenthes)", re.IGNORECASE
)
"""After "with two words", what form this part of the answer has."""
OF_EACH: Final = re.compile(r"^ \w+ (?:of|for|about|to|on) (?:each|every)\b", re.IGNORECASE)
ENDS_WITH: Final = re.compile(
    r"\b(?:followed by|start\w*|begin\w*|end\w*|finish\w*|conclud\w*|open\w*|followed with|preceded by"
    r"|repeat\w*)\b"
    r"[^.?!;:]{0,25}$",
    re.IGNORECASE,
)
ORDINAL: Final = re.compile(
    r"\b(?:first|second|third|fourth|fifth|last|final|opening|closing|next|(?<!every )(?<!each )one of"
    r"|some of|other)\b"
    r"(?: (?:sentence|line|paragraph|part|word|section|item|bullet|one|\w+ing))?\b[^.?!;:]{0,30}$",
    re.IGNORECASE,
)
NEGATION: Final = re.compile(
    r"(?:\b(?:no|none|not|never|without|cannot|avoid)|n't)\b(?:(?! and | but )[^.,;:!?]){0,25}$",
    re.IGNORECASE,
)
CONDITION: Final = re.compile(r"\b(?:if|unless|when|whenever|in case)\b[^,.;:]*$", re.IGNORECASE)
EACH_BEFORE: Final = re.compile(
    r"\b(?:each|every|none|no(?= (?:sentence|line|paragraph|bullet|point|item|entry)\b))\b"
    r"(?: (?:of (?:them|which|these|the \w+)|one))?(?: (?P<item>sentence|line"
    r"|paragraph|word|bullet"
    r"(?: point)?|point|item|entry|list item))?(?P<rest>[^.?!;:]{0,40})$",
    re.IGNORECASE,
)
EACH_AFTER: Final = re.compile(
    r"^(?: long| in length)? (?:(?:each|apiece)\b(?! (?:with|of|having|containing|sentence|line|one"
    r"|should|must|has))"
    r"|,? ?(?:per|in each|in every|for each|for every|about each|about every|on each|to each"
    r"|a(?= (?:sentence|line|item)))\b"
    r"(?: (?P<item>sentence|line|paragraph|bullet(?: point)?|point|item|entry))?)",
    re.IGNORECASE,
)
SHARED: Final = re.compile(
    r"^ (?:\w+ )?(?:about|on|describing|praising|for|regarding|from|in)\b", re.IGNORECASE
)
SHARED_NEXT: Final = re.compile(
    rf"^(?P<between>[^.?!;:]*?)(?:,|,? and|,? plus) (?P<number>{NUMBER}|another|an?)(?: more| other"
    rf"| further)?"
    r"(?: (?:(?P<unit>sentence|paragraph|line|word)s?|ones?))? (?:about|on|describing|praising"
    r"|regarding|in|for|from)\b",
    re.IGNORECASE,
)
QUOTED: Final = re.compile(r"[\"“][^\"”]*[\"”]|(?<!\w)['‘][^'’]*['’](?!\w)")
INPUT: Final = re.compile(
    r"^(?:translate|rewrite|rephrase|correct|fix|count|summari[sz]e|shorten|paraphrase|classify"
    r"|proofread|edit|read|label"
    r"|continue|complete|finish|answer|improve|expand|simplify|convert|how many|turn|change"
    r"|put)\b[^:]*(:.*)$",
    re.IGNORECASE | re.DOTALL,
)
THEN: Final = re.compile(r"\bthen\b|\band (?:say|explain|tell)\b", re.IGNORECASE)
LINES_OF_VERSE: Final = {"haiku": 3, "couplet": 2, "limerick": 5, "quatrain": 4, "sonnet": 14}
VERSE: Final = (
    r"^(?:write|compose|create|give|make)(?: me)? an? (?:(?!title|name|idea)\w+ ){0,2}?"
    rf"({'|'.join(LINES_OF_VERSE)})\b(?! (?:title|idea|name))"
)
"""A request for a verse with a fixed number of lines."""
