"""Verifier of short answers: whether a response asserts an accepted answer, and only that one."""

import re
from collections.abc import Sequence
from typing import Final

from phases.verifiers.assertion import (
    ANSWER,
    DENIAL,
    is_asserted_alone,
    is_denied,
    is_number,
    replace_answers,
    spell_in_digits,
)
from phases.verifiers.claims import (
    drop_contrast,
    has_known_claim,
    is_definition,
    is_described,
    list_claim_clauses,
    refers_back,
)
from phases.verifiers.content import take_last_step
from phases.verifiers.statements import (
    contradicts,
    has_label,
    has_only_words_of,
    is_courtesy_offer,
    is_detail,
    is_related,
    list_vocabulary,
    separate_sentences,
    split_statements,
    strip_emphasis,
    strip_hedges,
)
from phases.verifiers.stems import fold_text, list_content_stems, stem
from phases.verifiers.text import CLOSING_MARKS, has_phrase, split_words

_ALSO_KNOWN_AS: Final = re.compile(
    r"^(?!.*\b(?:not|never)\b)[^.,;:!?()\n]{1,40},? \(?"
    r"(?:i\.?e\.?,?|that is,?|aka|in other words,?|(?:or )?in english:?"
    r"|(?:(?:better|also|commonly|usually) )?(?:known|called)(?: in english)?(?: as)?)"
    rf" (?:an? |the )?{ANSWER}\)?"
)
"""Another name before the answer, as in "Sagarmatha, better known as Mount Everest"."""
_PARTS_OF_COMPOUND: Final = re.compile(r"'(\w+)' and '(\w+)'")
"""Two words that an instruction asks to join."""
_OTHER_REGISTER: Final = re.compile(
    rf"{ANSWER}\W*,? or,? (?:(?:more|less) \w+|\w+ly|in \w+ (?:terms|words|language)),?"
    rf" (?:an? |the )?\W*{ANSWER}"
)
"""Two accepted answers, as in "stingy, or, more formally, parsimonious"."""
_ROLES: Final = (
    "writer|author|playwright|dramatist|poet|bard|novelist|composer|pianist|musician|maestro|painter|artist"
    "|sculptor|inventor|genius|polymath|physicist|scientist|mathematician|astronomer|naturalist|explorer"
    "|navigator|sailor|seafarer|captain|admiral|astronaut|pilot|president|general|statesman|politician|city"
    "|town|capital|country|state|river|mountain|planet|peak|giant"
)
_TITLE: Final = re.compile(
    rf"(?:(?:an?|the|our) )?(?:(?!(?:no|not|never|of|by|and|or|with|for|from)\b)[\w-]+ ){{0,2}}"
    rf"\b(?:{_ROLES})(?: (?:him|her)self)?(?:[,:]| [–—-])? (?={ANSWER})"
)
"""A description before a name, as in "the Genoese navigator Columbus"."""
_ELSEWHERE: Final = re.compile(
    rf"(?<={ANSWER}),? or (?:an? |the )?\"?(?:(?:\w+ )?{ANSWER}|\w+(?: \w+)?)\"?"
    r" (?:in (?:latin|greek|english|french|spanish|german|italian|portuguese"
    r"|some|many|other|parts|certain|\w+ (?:speech|language|use|style|english|terms))"
    r"|for (?!you|some|me)|if|when)\b[^.;,]*"
)
"""Another answer for another case, as in "lunch, or dinner in some regions"."""
_ANOTHER_ONE: Final = re.compile(
    rf"(?<={ANSWER}),? or (?:an? )?(?:(?!no\b)\w+ )?(?:1|ones?) (?:in|with|on|from)\b[^.;!?]*"
)
"""Another example of the answer, as in "a telescope, or one in space"."""
_OPTIONAL_WORD: Final = re.compile(r"\b(an?|the) \((\w+)\)(?= \w)", re.IGNORECASE)
"""A word in parentheses within the answer, as in "a (magnetic) compass"."""
_OTHERS_SAY: Final = re.compile(
    rf",? or,? as (?:[\w-]+ ){{1,4}}(?:says?|calls? it|puts? it|knows? it),? (?:an? |the )?(?={ANSWER})"
    rf"|(?<={ANSWER}),? or (?:an? |the )?{ANSWER},? as (?:[\w-]+ ){{1,4}}(?:says?|calls? it|puts? it)\b"
)
"""As in "fall, or as the British say, autumn"."""
_SURPASSES_ALL: Final = re.compile(
    rf"\bno (?:other )?(?:[\w-]+ ){{1,4}}(?:is|are|was) (\w+er) than (?:an? |the )?{ANSWER}"
)
"""As in "No river is longer than the Nile", if the longest river was asked for."""
_THINKING: Final = (
    r"(?:many|most|some|people|others|you)(?: people| might| may| would)?"
    r" (?:say|says|think|thinks|believe|assume|guess|expect)\b"
)
_ONLY_SAID: Final = re.compile(
    rf"{_THINKING}[^.;:!?{ANSWER}]*{ANSWER}[^.;:!?{ANSWER}]*\b(?:but|yet)\b[^{ANSWER}]*$"
)
_OTHERS_THINK: Final = re.compile(
    rf"^(?:{_THINKING}|not)[^.;:!?{ANSWER}]{{1,40}}\b(?:but|yet) (?=(?:it is |it's )?(?:an? |the )?{ANSWER})"
)
"""An error that the answer corrects, as in "Many people say Sydney, but it is Canberra"."""
_SO: Final = re.compile(
    rf"^(?:it|that|this|they)(?:'s| is|'re| are) (?!(?:not|no|never)\b)[^.;:!?]{{1,60}}, "
    rf"(?:so|hence|therefore|thus):? (?={ANSWER})"
)
"""A reason before the answer, as in "It's an East African country, so: Africa"."""
_OTHER_NAME: Final = re.compile(
    rf"(?<={ANSWER}),? (?:also|otherwise|sometimes|often|locally|formerly|originally|better) "
    rf"(?:called|known as|named|written|spelled|spelt|referred to as) [^.;!?{ANSWER}]+"
)
"""Other names after the answer, as in "Everest, also called Chomolungma or Sagarmatha"."""
_CASE: Final = re.compile(
    r"^(?:if (?:you|we|one|it|this|that)(?:'re| are|'s| is)? (?!(?:ask|must|insist)\b)[^.,;:!?]{1,50},"
    r"|in (?:(?:north )?america|(?:great )?britain|england|australia|the us|the usa|the uk)"
    r"(?:,|(?= (?:people|they|we|it)\b)))"
    rf" (?=[^.;:!?]*{ANSWER})"
)
"""A case before the answer, as in "If you mean the direction, it's right"."""
_LATIN_NAME: Final = re.compile(r"[\W_]*[A-Z][a-z]+ [a-z]+(?:us|um|is|ns|[aeiox]) ?\(")
_ASIDE_AFTER_NAME: Final = re.compile(rf"^\W*[a-z]+ [a-z]+ ?\((?:an? |the )?{ANSWER}s?\)")
"""A common name after a Latin one, as in "Panthera leo (lion)"."""
_PART_OF_PLACE: Final = re.compile(
    rf"\bin (?:the )?(?:far )?(?:north|south|east|west|centre|center|middle|heart)\w* of (?={ANSWER})"
)
_PLURAL: Final = re.compile(rf"(?<={ANSWER})\s*[,;–—-]\s*(?:the )?plural:? [^\W\d_]+\W*$")
"""A remark such as "– plural: gatti"."""
_SUITS: Final = re.compile(
    rf"^\W*{ANSWER}\W? (?:(?:would|could|might|should|will|also|too) )*"
    r"(?:works?|fits?|do|does|suits?|comes? to mind|means the same|is possible)"
    r"(?: (?:well|best|nicely|here|too|perfectly|fine|it|as well))*\W*$"
)
"""As in "Weary works well"."""
_USAGE: Final = re.compile(
    rf"^\W*{ANSWER}\W? (?:is|are) (?:used|said|common|what (?:people|they|you|we) (?:say|use))\b"
    rf"(?!.*\b(?:english|french|spanish|german|italian|portuguese)\b)[^.;!?{ANSWER}]*[.!]?$"
)
"""As in "Buonasera is used from late afternoon on"."""
_PROPOSAL: Final = re.compile(rf"^\W*(?:how|what) about (?:an? |the )?\W?{ANSWER}\W*$")
_RESULT: Final = re.compile(
    rf"^[^.;:!?{ANSWER}]{{1,60}}, (?:so|hence|therefore|thus):? (?=(?:it's |it is )?\W*{ANSWER}\W*$)"
)
"""A reason before the answer that ends the sentence, as in "The f turns into v, so: knives"."""
_LIKEWISE: Final = re.compile(
    rf"(?<={ANSWER})\W?, (?:just )?(?:as|like) (?:with|in|for) \w+(?: \w+)? (?:and|or) \w+\W*$"
)
"""As in "teeth, as with foot and feet"."""
_NEIGHBOR: Final = re.compile(rf"\b(?:next|close|closest|nearest) to (?:an? |the )?{ANSWER}")
_NEXT_FORM: Final = r"\s*(?:,|–|—|-|→|->|/|>)\s*(?:so:? )?\"?"
_FORMS: Final = re.compile(
    rf"([^\W\d_]+)\"?(?:{_NEXT_FORM}(?:[^\W\d_]+|{ANSWER})\"?){{0,2}}?{_NEXT_FORM}{ANSWER}\W*"
)
_SPEED: Final = re.compile(r"(?<=\d)\s*(?:km|m|mi|miles)/(?:h|s|hour)\b")
_HOLDER: Final = re.compile(
    r"\b(?:an?|the)((?: [a-z]+){1,4}?) (?:of|in|for) (?:the )?([A-Z][\w'-]+(?: [A-Z][\w'-]+)*)"
)
_REMARK_ON_QUOTED: Final = re.compile(
    r"\s*([\"“«][^\"”»]+[\"”»])\s+[–—-]\s+(?=\"\w+\" (?:is|means)\b"
    r"|[^\"]*\b(?:English|French|German|Italian|Portuguese|Spanish)\b)"
    r"(?!.*\b(?:or|wrong|incorrect)\b).+"
)
"""A quoted translation with a remark, as in '"Es mi amigo" – Spanish often drops the pronoun'."""
_SPELLED_OUT: Final = re.compile(
    r"(?:[A-Z] ?(?:=|:|is|for|stands for|→) ?\"?\w+\"?(?:,? and|[,;])? ?){2,}[:.–—-]\s+"
)
"""The words of an abbreviation, as in "U = United, K = Kingdom: ..."."""
_FORM_STEMS: Final = frozenset(map(stem, ("superlative", "comparative", "participle", "past", "plural")))


def is_short_answer(
    response: str,
    answers: Sequence[str],
    *,
    wrong: Sequence[str] = (),
    also: Sequence[str] = (),
    at_most_words: int | None = None,
    single: bool = False,
    instruction: str = "",
) -> bool:
    """Return whether a response gives one of the accepted answers and no other.

    The first statement that contains an accepted answer must assert it:

    - The answer is not denied in its clause ("It is not 12", "I don't think it is Paris") and not retracted
      by a later one ("12, which is wrong"). "Paris, not Lyon" denies another answer and passes.
    - A numeric answer is the only number ("12 or 13", "12, 13" and "between 11 and 12" fail), apart from
      terms ("7 + 5 = 12") and numbers with another unit ("12 months or 365 days").
    - A name is not listed with other names ("Paris or Lyon", "oxygen and nitrogen", "Paris, Lyon, Nice"). Two
      names separated only by a comma pass, because the second may be an apposition ("Paris, France").
    - With an instruction, the clause of the answer has no words but those of the instruction and of `also`,
      and words that fit any answer: "ice cream" is not "ice", and "South Africa" is not "Africa". Remarks in
      parentheses and explanations ("..., which ...", "... because ...") are free.

    Further statements must be related to the instruction. A final question mark fails, unless the accepted
    answers have one.

    Args:
        response: the complete response.
        answers: accepted answers.
        wrong: words and phrases that must not occur outside of explanations.
        also: words that may occur in the clause of the answer.
        at_most_words: most words, if the instruction limits them.
        single: reject several accepted answers, if the instruction asks for one.
        instruction: the instruction; without it, the words of the clause are not restricted.
    """
    instruction = _join_initials(instruction)
    response = _join_initials(_SPELLED_OUT.sub("", _REMARK_ON_QUOTED.sub(r"\1", response), count=1))
    is_too_long = at_most_words is not None and len(split_words(response)) > at_most_words
    is_data = re.match(r"\s*[\[{]", response) is not None
    if is_data or is_too_long or (single and _count_distinct(response, answers) > 1):
        return False
    plain = separate_sentences(_join_names(strip_hedges(strip_emphasis(response)), instruction))
    plain = re.sub(r", for (?:example|instance),(?= (?:or|and)\b)", "", plain)
    plain = _OPTIONAL_WORD.sub(r"\1 \2", plain)
    text = replace_answers(plain, answers, wrong)
    if ANSWER not in text or _NEIGHBOR.search(text):
        return False
    compounds = map("".join, _PARTS_OF_COMPOUND.findall(instruction))
    # "2" as in "one knife, two knives".
    vocabulary = list_vocabulary(spell_in_digits(instruction), *also, *compounds, "2")
    text = _OTHER_REGISTER.sub(ANSWER, _ALSO_KNOWN_AS.sub(ANSWER, text))
    text = _SURPASSES_ALL.sub(
        lambda match: ANSWER if f"{match[1][:-1]}st" in fold_text(instruction) else match[0], text
    )
    if _ONLY_SAID.search(text):
        return False
    text = _OTHERS_THINK.sub("", text)
    last_step = take_last_step(text, instruction)
    is_result = ANSWER in last_step or re.search(r"\bthen\b", instruction)
    text = _SO.sub("", last_step if is_result else text)
    text = _SPEED.sub("", _ELSEWHERE.sub("", _OTHERS_SAY.sub(", ", text)))
    text = _join_forms(text, vocabulary)
    if not DENIAL.search(text):
        for pattern in (_SUITS, _USAGE, _PROPOSAL):
            text = pattern.sub(ANSWER, text)
        text = _LIKEWISE.sub("", _RESULT.sub("", text))
    if all(answer[:1].islower() for answer in answers):
        text = _ANOTHER_ONE.sub("", text)
    if any(answer[:1].isupper() for answer in answers):
        text = _PART_OF_PLACE.sub("in ", text)
        text = _TITLE.sub("", text)
    text = re.sub(rf"\s*\((?:or|also|i\.e\.,?) (?:an? |the )?{ANSWER}[^()]*\)", "", text)
    text = _PLURAL.sub("", _OTHER_NAME.sub("", _CASE.sub("", text)))
    if _LATIN_NAME.match(response):
        text = _ASIDE_AFTER_NAME.sub(ANSWER, text)
    if any(answer.rstrip().endswith("?") for answer in answers):
        text = re.sub(rf"{ANSWER}\s*\?", ANSWER, text)
    statements = split_statements(text)
    position = next((n for n, statement in enumerate(statements) if ANSWER in statement), None)
    if position is None:
        return False
    earlier, claim, later = statements[:position], statements[position], statements[position + 1 :]
    claim = drop_contrast(_drop_asked_denials(claim, instruction))
    core = " ".join(list_claim_clauses(claim))
    # Sharing a word with a sentence does not make another sentence a remark about it.
    are_names = not any(re.search(r"[a-zà-ÿ]\s?[.?!]$", answer) for answer in answers)
    related = vocabulary | list_vocabulary(*answers) if are_names else frozenset()
    has_known_words = not instruction or (
        all(_is_lead_in(part, vocabulary) for part in earlier)
        and (
            has_known_claim(claim, vocabulary, response)
            or is_definition(claim, instruction)
            or refers_back(claim, vocabulary)
            or is_described(claim, vocabulary)
        )
    )
    return (
        has_known_words
        and not re.search(rf"\?{CLOSING_MARKS}$|{ANSWER}'s\W*$", claim)
        and is_asserted_alone(claim, is_numeric=any(map(is_number, answers)))
        and not contradicts(claim, instruction)
        and not _names_other_holder(response, instruction, answers)
        and not any(has_phrase(core, phrase) for phrase in wrong)
        and all(
            _supports(statement, related | list_vocabulary(*later[:n]), vocabulary)
            for n, statement in enumerate(later)
        )
    )


def _names_other_holder(response: str, instruction: str, answers: Sequence[str]) -> bool:
    """Return whether what was asked of one name is said of another: "the capital of New Zealand"."""
    names = {word.casefold() for word in re.findall(r"(?<=[a-z] )[A-Z][\w'-]+", instruction)}
    known = names | {word for answer in answers for word in fold_text(answer).split()}
    instruction_stems = set(list_content_stems(instruction))
    return bool(names) and any(
        (stems := set(list_content_stems(what)))
        and stems <= instruction_stems
        and not known & set(fold_text(holder).split())
        for what, holder in _HOLDER.findall(response)
    )


def _join_forms(text: str, vocabulary: frozenset[str]) -> str:
    """Return the answer if it ends the forms of a word of the question: "little – less – least"."""
    forms = _FORMS.fullmatch(text.strip(" \"'"))
    is_asked = bool(vocabulary & _FORM_STEMS)
    return ANSWER if forms and is_asked and stem(forms[1]) in vocabulary else text


def _join_initials(text: str) -> str:
    """Return the text with abbreviations such as "U.S.A." without dots, and spelled words without hyphens."""
    text = re.sub(r"\b(?:[^\W\d_]\.){2,}(?=\W|$)", lambda match: match[0].replace(".", ""), text)
    return re.sub(r"\b[^\W\d_](?:-[^\W\d_]){2,}\b", lambda match: match[0].replace("-", ""), text)


def _drop_asked_denials(claim: str, instruction: str) -> str:
    """Return a claim without the denials of the question, as in "Which bird cannot fly?"."""
    instruction_denials = {match[0] for match in DENIAL.finditer(fold_text(instruction))}
    return DENIAL.sub(lambda match: "" if match[0] in instruction_denials else match[0], claim)


def _is_lead_in(statement: str, vocabulary: frozenset[str]) -> bool:
    """Return whether a statement before the answer claims nothing."""
    return has_only_words_of(statement, vocabulary) and not (has_label(statement) or DENIAL.search(statement))


def _supports(statement: str, related: frozenset[str], vocabulary: frozenset[str]) -> bool:
    """Return whether a statement after the answer may explain it and does not deny it."""
    is_remark = is_related(statement, related) or has_only_words_of(statement, vocabulary)
    is_aside = re.fullmatch(r"\W*\([^()]*\)\W*", statement) is not None
    is_free = is_aside or is_remark or is_detail(statement) or is_courtesy_offer(statement)
    return (is_free or ANSWER in statement) and not is_denied(statement)


def _join_names(text: str, instruction: str) -> str:
    """Return the text with names of the instruction, such as "Romeo and Juliet", as one name."""
    for first, second in re.findall(r"(\w+) (?:and|or|&) (\w+)", instruction):
        text = re.sub(rf"\b{first} (?:and|or|&) {second}\b", f"{first} {second}", text, flags=re.IGNORECASE)
    return text


def _count_distinct(response: str, answers: Sequence[str]) -> int:
    """Return how many of the answers occur that do not contain one another."""
    present = [answer for answer in answers if has_phrase(response, answer)]
    return sum(not any(a != b and has_phrase(b, a) for b in present) for a in present)
