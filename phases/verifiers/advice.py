"""The verifier of advice: whether a response tells the reader what to do, instead of describing something."""

import re
from typing import Final

from phases.verifiers.stems import fold_text, stem
from phases.verifiers.text import WORD_PART, split_lines, split_sentences
from phases.verifiers.verbs import has_verbs

_TO_THE_READER: Final = re.compile(
    r"\b(?:you|your|you're|you'll|yourself|should|must|ought|let's|let us|please|make sure|be sure|best to"
    r"|important to|need to|needs to|have to|has to|helps?|works? best|the best way"
    r"|beats|goes? a long way|never hurts?|does the trick|will do|always works?|is enough|better than"
    r"|start by|begin by|by \w+ing|recommend\w*|suggest\w*)\b"
)
"""Words by which a sentence addresses the reader or says what to do."""
_SUBJECTS: Final = frozenset(
    (
        *("a", "an", "the", "my", "his", "her", "its", "our", "their", "this", "that", "these", "those"),
        *(
            "i",
            "i'm",
            "i'd",
            "i'll",
            "he",
            "she",
            "it",
            "we",
            "they",
            "there",
            "some",
            "many",
            "most",
            "every",
        ),
        *("each", "all", "people", "everyone", "everybody", "somebody", "someone", "nobody", "what", "which"),
    )
)
"""Words with which a sentence begins that states something."""
_ADVERBS_IN_S: Final = frozenset(
    ("always", "perhaps", "afterwards", "besides", "sometimes", "as", "towards", "yes")
)
_REQUESTED_VERB: Final = re.compile(r"\b(?:how (?:to|(?:can|do|should) (?:i|you|we|one))|way to) (\w+)")
"""The verb of a request such as "How do I apply for a passport?", with which an order may begin."""
_THING: Final = re.compile(r"\W*an?\b", re.IGNORECASE)
_ASKS_FOR_IDEAS: Final = re.compile(r"\bideas\b", re.IGNORECASE)
"""Ideas may be named without a verb, as in "A small breakfast, a tour of the school"."""
_SENTENCE_BREAK: Final = re.compile(r"[;:–—]\s+|\s+-\s+|\bthen\b,?\s+")
_STEP: Final = re.compile(r"(?:\W*(?:step )?\d+[.):]|\W*[-*•])\s*")
_OBJECT_START: Final = frozenset(
    (
        *(
            "a",
            "an",
            "the",
            "my",
            "your",
            "his",
            "her",
            "its",
            "it",
            "them",
            "him",
            "with",
            "in",
            "on",
            "from",
        ),
        *(
            "up",
            "down",
            "out",
            "off",
            "for",
            "at",
            "to",
            "and",
            "slowly",
            "gently",
            "carefully",
            "all",
            "each",
        ),
        *("every", "both", "one", "some", "along", "over", "by", "against", "regularly", "well", "early"),
    )
)
"""Words that follow a verb that is an order, as in "Brush the fur"."""


def is_advice(response: str, instruction: str = "") -> bool:
    """Return whether one of the sentences tells the reader what to do.

    A sentence does so if it addresses the reader ("you should ...", "It is best to ...") or is an order
    ("Fold it at the gate."). An order does not begin with an article, a pronoun, a plural noun or a noun of
    the instruction ("Old people carry bags.").

    Args:
        response: the complete response.
        instruction: the instruction.
    """
    instruction_stems = {stem(word) for word in WORD_PART.findall(fold_text(instruction))}
    instruction_stems -= {stem(verb) for verb in _REQUESTED_VERB.findall(fold_text(instruction))}
    sentences = [each for line in split_lines(response) for each in split_sentences(line) or [line]]
    clauses = [
        clause for each in sentences for clause in _SENTENCE_BREAK.split(fold_text(_STEP.sub("", each)))
    ]
    if _ASKS_FOR_IDEAS.search(instruction) and _names_ideas(sentences[0]):
        return True
    return any(
        _TO_THE_READER.search(clause) or _is_order(clause, instruction_stems) for clause in clauses if clause
    )


def _names_ideas(sentence: str) -> bool:
    first, *others = sentence.split(",")
    return not has_verbs(first) or (bool(others) and _THING.match(first) is not None)


def _is_order(clause: str, instruction_stems: set[str]) -> bool:
    words = re.findall(r"[^\W_]+(?:['-][^\W_]+)*", clause)
    if not words or words[0] in _SUBJECTS:
        return False
    first, following = words[0], words[1] if len(words) > 1 else ""
    if stem(first) in instruction_stems:
        return following in _OBJECT_START
    is_plural = first.endswith("s") and not first.endswith("ss") and first not in _ADVERBS_IN_S
    return not is_plural
