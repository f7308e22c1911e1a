"""Split a brief answer into statements and clauses, and distinguish remarks from claims."""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from phases.verifiers.assertion import ANSWER
from phases.verifiers.stems import FUNCTION_WORDS, META_WORDS, fold_text, list_stems, stem
from phases.verifiers.text import WORD_PART, split_lines, split_sentences

_ANSWER_WORD: Final = "theanswer"
_EMPHASIS: Final = re.compile(
    r"(?<!\d)\*\*|\*\*(?!\d)|__|(?<![\d*])\*(?=\S)|(?<=\S)\*(?![\d*])|`+"
    r"|(?<!\w)_(?=\w)|(?<=\w)_(?!\w)|^#+ |^[ \t]*[-*_]{3,}[ \t]*$",
    re.MULTILINE,
)
_EMPHASIS_MARKS: Final = ("*", "_", "`", "#", "---")
_COURTESY: Final = re.compile(
    r"(?:sure(?: thing)?|certainly|of course|absolutely|okay|ok|(?:great|good) question|gladly|got it|well|"
    r"happy to help|no problem|hello|hi(?: there)?|let's see|let me think|here (?:it|you) (?:is|go)|thanks"
    r"|¡?claro(?: que sí)?|¡?por supuesto|bien sûr|volontiers|voilà|natürlich|gerne?|certo|volentieri|ecco)"
    r"[.!,:]*|here(?:'s| is| are) (?:the|your|an?|one|some|my|what|two|three|four|five|six) [^:.]{0,60}:",
    re.IGNORECASE,
)
_OFFER: Final = re.compile(
    r"(?:i )?hope (?:this|that|it) helps|let me know\b|feel free\b|is there anything\b|would you like\b"
    r"|you're welcome\b|de nada\b|de rien\b|prego\b|have a (?:nice|great|good)\b",
    re.IGNORECASE,
)
_LABEL: Final = re.compile(
    r"\W*(?:question|answer|input|output|user|assistant|human|instruction|response|q|a)\s*\d*\s*:",
    re.IGNORECASE,
)
_BACK_REFERENCE: Final = re.compile(
    r"\W*(?:together,? )?(?:it|its|they|their|this|that|these|those|he|his|she|her|both|all of|each|others?"
    r"|other \w+|some|many|most|such|adults?|males|females|during|interestingly|in fact"
    r"|for (?:example|instance)|in addition|additionally|however|specifically|historically|technically"
    r"|there (?:is|are))\b",
    re.IGNORECASE,
)
_WEAK_WORDS: Final = frozenset(
    "first second main thing things know next good best new old big small way part kind type number".split()  # noqa: SIM905
)
"""Words that occur in any text, so that sharing them does not relate two sentences."""
GENERIC_WORDS: Final = frozenset(
    """
    actually altogether approximately because believe called calls commonly correspond corresponds equal
    equals exactly famous famously fun generally known mean meaning means namely normally often officially
    refer referred refers roughly sometimes specifically stand stands term think total typically usually
    known believe assume guess say says said translate translated translates translation become becomes turn
    turns considered go come comes came provide provides used use also simply type types kind kinds
    example popular popularly common most form forms good option options choice alternative alternatives
    possibility suggestion suitable opposite antonym synonym ie main mainly official primary primarily
    principal predominant predominantly chiefly mostly definitely obviously probably
    find found belong belongs honour honor credit title distinction need goes next people fit fits suit
    suits works add around way wear wears take takes hold holds crown prize want wanted seek
    something someone somebody thing things third fourth fifth sixth seventh eighth ninth tenth
    eleventh twelfth
    tiny little lovely close every everyone everybody name call together
    clearly surely undoubtedly mighty majestic trusty humble beloved classic legendary reads
    """.split()  # noqa: SIM905
)
"""Words that may occur in any statement of an answer without changing it."""
_EXPLANATION_STARTS: Final = (
    *("which", "who", "whose", "that", "because", "since", "as", "so", "where", "when", "while", "whereas"),
    *("with", "within", "in", "on", "at", "by", "from", "for", "of", "about", "around", "during", "after"),
    *(
        "before",
        "between",
        "near",
        "next to",
        "also",
        "known",
        "called",
        "named",
        "made",
        "located",
        "situated",
    ),
    *("although", "though", "until", "if", "meaning", "a", "an", "the", "its", "it", "this"),
    *("they", "he", "she"),
    *(r"i\.?e", r"e\.?g", "for example", "such as", "like", "just", "not", "never", "rather", "unlike"),
    *("instead", "thus", "hence", "and (?:it|they|this|that|he|she|is|its|so|not|was)"),
    *("but (?:it|they|not|also)", "short for", "abbreviated", "symbol", "born", "invented", "published"),
    *("written", "painted", "one of", "often", "usually", "sometimes", "including", "especially"),
    *(
        "thanks to",
        "due to",
        "owing to",
        "named after",
        "caused by",
        "found",
        "formed",
        "used",
        "via",
        "through",
    ),
    *("inside", "outside", "beneath", "above", "below", "atop"),
    *("many", "some", "most people", "people", "you may", "you might", "you can"),
    *("up to", "over", "more than", "weighing", "reaching", "growing", "measuring"),
    *(
        "even though",
        "even if",
        "despite",
        "much like",
        "just like",
        "likely",
        "probably",
        "roughly",
        "circa",
        r"c\.",
        "past",
        "along",
        "across",
        "under",
        "behind",
        "beside",
    ),
    *("note", "mind", "remember", "notice", "beware", "watch out", "careful"),
    *("particularly", "specifically", "originally", "formerly", "i am", "i'm", "i think", "i believe"),
)
EXPLANATION_START: Final = re.compile(rf"\s*(?:{'|'.join(_EXPLANATION_STARTS)})\b", re.IGNORECASE)
"""Beginning of a clause that explains the claim before it."""


def strip_emphasis(text: str) -> str:
    """Return the text without Markdown emphasis, code marks and heading marks."""
    if not any(mark in text for mark in _EMPHASIS_MARKS):  # Most texts have none.
        return text
    return _EMPHASIS.sub("", text)


def strip_hedges(text: str) -> str:
    """Return the text without phrases such as "Hmm," and "as far as I know"."""
    return _HEDGE.sub("", text)


_HEDGE: Final = re.compile(
    r",? *\b(?:to the best of my knowledge|as far as i know|if i (?:remember|recall)(?: \w+)?|h+m+|u+m+"
    r"|as well(?! as)|in my opinion|if memory serves(?: me)?(?: right| well)?"
    r"|(?:unless|if) i'm (?:not )?mistaken"
    r"|(?:that's an? )?(?:easy|simple|quick) (?:one|question)"
    r"|no doubt about it|look no further than|nothing (?:beats|tops|comes close to|rivals)"
    r"|(?:by far|hands down|for (?:sure|certain)|to be (?:exact|precise|sure))(?=\W*(?:\n|$))"
    r"|in (?:american|british|us|uk) (?:english|usage|spelling))\b,?",
    re.IGNORECASE,
)


def strip_courtesy(text: str) -> str:
    """Return the text without a courtesy such as "Sure!" before it."""
    courtesy = _COURTESY.match(text)
    is_separate = courtesy and (text[courtesy.end() - 1] in ".!,:" or text[courtesy.end() :].startswith("\n"))
    return text[courtesy.end() :].lstrip() if courtesy and is_separate else text


def separate_sentences(text: str) -> str:
    """Return the text with each sentence on a line, as long as its capitals tell where a sentence begins."""
    return "\n".join(sentence for line in split_lines(text) for sentence in split_sentences(line) or [line])


def is_detail(statement: str) -> bool:
    """Return whether a statement is or heads a detail: "Breakdown:", "- est = is", "- Plural: livres"."""
    return _DETAIL.fullmatch(statement) is not None and not has_label(statement)


_DETAIL: Final = re.compile(
    r"[-*•]\s+[^:=→\n]{1,40}(?:[:=→]|->)\s*\S.*"
    r"|(?:breakdown|explanation|details?|notes?|examples?|usage|pronunciation|meaning|grammar|literally"
    r"|calculation|solution|steps?|working|changes(?: made)?|corrections?(?: made)?"
    r"|here(?:'s| is) (?:why|how|the breakdown))\b"
    r"[^:\n]{0,40}:.*",
    re.IGNORECASE | re.DOTALL,
)


def split_statements(text: str) -> list[str]:
    """Return the sentences of all lines, without courtesies such as "Sure!"."""
    # A sentence such as "Paris." is one as well if its answer is a placeholder without letters.
    text = text.replace(ANSWER, _ANSWER_WORD)
    statements = [sentence for line in split_lines(text) for sentence in split_sentences(line) or [line]]
    return [
        statement.replace(_ANSWER_WORD, ANSWER)
        for statement in statements
        if not _COURTESY.fullmatch(statement.strip())
    ]


def contradicts(statement: str, instruction: str) -> bool:
    """Return whether a statement has the opposite of a word of the instruction, but not the word itself."""
    words, instruction_words = (
        set(WORD_PART.findall(fold_text(statement))),
        set(WORD_PART.findall(fold_text(instruction))),
    )
    return any(
        first in instruction_words
        and second not in instruction_words
        and second in words
        and first not in words
        for pair in _OPPOSITES
        for first, second in (pair, pair[::-1])
    )


_OPPOSITES: Final = (
    *(("largest", "smallest"), ("longest", "shortest"), ("highest", "lowest"), ("tallest", "shortest")),
    *(("biggest", "smallest"), ("closest", "farthest"), ("hardest", "softest"), ("before", "after")),
    *(("fastest", "slowest"), ("hottest", "coldest"), ("oldest", "youngest"), ("heaviest", "lightest")),
    *(("odd", "even"), ("vowels", "consonants"), ("north", "south"), ("first", "last")),
)


def is_courtesy_offer(statement: str) -> bool:
    """Return whether a statement offers more help and says nothing about the matter."""
    return _OFFER.search(statement) is not None


def has_label(statement: str) -> bool:
    """Return whether a statement begins another turn, as in "Question: ..."."""
    return _LABEL.match(statement) is not None


def is_related(statement: str, vocabulary: Iterable[str]) -> bool:
    """Return whether a statement after an answer may explain it: it shares a word or refers back.

    Args:
        statement: the statement.
        vocabulary: stems of the instruction and of the answer.
    """
    if has_label(statement):
        return False
    words = WORD_PART.findall(fold_text(statement))
    content = {
        stem(word) for word in words if word not in FUNCTION_WORDS | _WEAK_WORDS and not word.isdigit()
    }
    return bool(content & set(vocabulary)) or _BACK_REFERENCE.match(statement) is not None


@lru_cache(maxsize=4096)
def list_vocabulary(*texts: str) -> frozenset[str]:
    """Return the stems of all words of some texts."""
    return frozenset(word for text in texts for word in list_stems(text))


def has_only_words_of(text: str, vocabulary: frozenset[str]) -> bool:
    """Return whether every word of a text is in a vocabulary of stems, or fits any answer."""
    return all(
        part in _NEUTRAL_WORDS
        or part == "1"
        or stem(part) in vocabulary | _list_neutral_stems()
        or is_known(part, vocabulary)
        for part in WORD_PART.findall(fold_text(text))
    )


def is_known(word: str, vocabulary: frozenset[str]) -> bool:
    """Return whether a word in small letters is of a vocabulary of stems, or its adjective: "Japanese"."""
    return stem(word) in vocabulary or (
        word.removesuffix("s").endswith(_ADJECTIVE_ENDINGS)
        and any(len(known) >= _LETTERS_OF_A_ROOT and word.startswith(known) for known in vocabulary)
    )


_ADJECTIVE_ENDINGS: Final = ("ese", "an", "ish", "ic", "al", "ar", "ern")
_LETTERS_OF_A_ROOT: Final = 4


@lru_cache(maxsize=1)
def _list_neutral_stems() -> frozenset[str]:
    return frozenset(map(stem, _NEUTRAL_WORDS))


def list_new_stems(text: str, vocabulary: frozenset[str]) -> set[str]:
    """Return the stems of the words of a text that are not in a vocabulary and do not fit any answer."""
    words = {part for part in WORD_PART.findall(fold_text(text)) if part not in _NEUTRAL_WORDS}
    return {stem(word) for word in words if not is_known(word, vocabulary)}


_NEUTRAL_WORDS: Final = FUNCTION_WORDS | META_WORDS | GENERIC_WORDS
