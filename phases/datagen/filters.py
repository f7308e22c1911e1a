"""What makes a generated instruction or response unfit: pure functions that name the first problem."""

import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import groupby

from phases.datagen.harm_filter import asks_for_harm
from phases.scoring.ngrams import compute_jaccard, list_ngrams, list_words, reduce_to_words, shingle
from phases.verifiers.languages import STOPWORDS

SHORTEST_INSTRUCTION = 2
LONGEST_INSTRUCTION = 60
"""Bounds on an instruction, in words."""

_CHAT_TOKEN = re.compile(
    r"<\|[^|<>\n]{1,40}\|>|<(?:start|end)_of_turn>|\[/?INST\]|<</?SYS>>|</?s>|<(?:bos|eos|pad|unk)>"
)
_LABEL = re.compile(
    r"\b(?:Instruction|Response|Human|User|Assistant|System|Task ?\d*)\s*:"
    r"|^\s*(?:Input|Output|Q|A)\s*:|^#{2,}",
    re.MULTILINE,
)
_JUNK = re.compile(r"https?://|www\.|</?\w+[^<>]*>|\ufffd|[\x00-\x08\x0b-\x1f\x7f]|_{5,}|\\[a-z]+\{")
_GIVEN = re.compile(r":\s*\S.*|[\"'“‘(]\w[^\"'”’)]*[\"'”’)]")
"""Text that an instruction brings along: after a colon, in quotes or in brackets."""
_MISSING_INPUT = re.compile(
    r"\b(?:following|below|above|given)\b"
    r"|\b(?:this|these|those) (?:\w+ )?(?:words?|sentences?|phrases?|texts?|passages?|articles?|paragraphs?"
    r"|tables?|graphs?|poems?|codes?|stor(?:y|ies)|questions?|items?|options?|lists?|numbers?|rows?)\b"
    r"|\bthe (?:\w+ )?(?:words?|sentences?|phrases?|blanks?|gaps?|questions?|options?|items?"
    r"|events|examples?|answers?|rules?)"
    r"(?=$|[.?!]|,? (?:in(?:to)?|to|with|using|by|correctly|and|so|that (?:is|are)|you (?:see|hear|read)) )"
    r"|\bthe (?:text|passage|article|paragraph|poem|code|story|dialogue|letter|email|title)"
    r"(?=$|[.?!,]|,? (?:in(?:to)?|to|and|then|using) )",
    re.IGNORECASE,
)
_ABSENT = re.compile(
    r"\b(?:this|the|these|those|each|see) (?:\w+ )?(?:images?|pictures?|photos?|photographs?|videos?"
    r"|diagrams?|maps?|charts?|figures?|tables?|graphs?|illustrations?|audio|recording|box(?:es)?|ovals?|columns?|bar)\b"
    r"|\b(?:this|these|those) (?:\w+ )?(?:animals?|car|bag|person|man|woman|thing|place|object|house|book"
    r"|song|movie|film|game|island|appliance)\b"
    r"|^(?:what|where|when|why|how|who|which)(?: \w+)? (?:is|are|was|were|do|does|did|can|will|would)"
    r" (?:he|she|they|this|that|these|those)\b"
    r"|^(?:what|where|when|why|how|who) (?:is|was|does|did|do|can|will) it(?: \w+){0,2}\?$",
    re.IGNORECASE,
)
"""Things that an instruction points at and no text brings along, and words for what nobody has named."""
_NO_TEXT = re.compile(
    r"^(?:please )?(?:draw|paint|sketch|colou?r in|listen|watch|look at|go|open)\b|\baloud\b", re.IGNORECASE
)
_TO_COMPLETE = re.compile(
    r"^(?:please )?(?:complete|finish|fill in|continue|end) (?:in )?(?:(?:the|this|these|each|a|my) )?"
    r"(?:following )?(?:sentences?|proverbs?|sayings?|phrases?|analog(?:y|ies)|rhymes?|comparisons?|idioms?"
    r"|expressions?|lists?|missing \w+|blanks?|gaps?|words?)\b[^:]*[:.]\s*(.*)",
    re.IGNORECASE | re.DOTALL,
)
_BLANK = re.compile(r"_{1,4}|\.\.\.|…|\?$")
_ANSWER = re.compile(r"^(?:please )?(?:answer|reply|respond)\b[^:]*:\s*(.*)", re.IGNORECASE)
_OPEN_QUESTION = re.compile(r"(?:what|who|whom|whose|where|when|why|how|which)\b", re.IGNORECASE)
_INTO_ENGLISH = re.compile(r"\btranslat\w+\b.*\b(?:in|to|into) english\b", re.IGNORECASE)
_REPEATS = re.compile(
    r"\b(?:repeat|capitals?|uppercase|lowercase|upper|lower|twice|times|quot\w+|say|(?<!use )the words?)\b",
    re.IGNORECASE,
)
"""What is asked for may be a part of the instruction, word for word."""
_REARRANGES = re.compile(
    _REPEATS.pattern
    + r"|\b(?:order|sort|arrange|rank|alphabetical\w*|reverse|backwards|choose|pick|select|odd|first|last"
    r"|second|third|letters?|separate\w*|join|combine|split|bullet\w*|numbered|json|lines?|or|title|rewrite|change|correct"
    r"|turn|make)\b",
    re.IGNORECASE,
)
"""What is asked for may be words of the instruction, in another order or form."""
_ASKS_FOR_ANOTHER = re.compile(
    r"\b(?:rhym\w+|opposite|antonym|synonym|same as|means|past tense of|plural of|feminine of)\b",
    re.IGNORECASE,
)
_WORD_TO_USE = re.compile(r"\b(?<!not )use the words? ['\"](\w+)['\"]", re.IGNORECASE)
_ABOUT_SIGNS = re.compile(
    r"\b(?:letters?|vowels?|consonants?|alphabet|numbers?|digits?|count)\b", re.IGNORECASE
)
"""What is asked for may be single letters or digits."""
_GOES_ON = re.compile(
    r"^(?:please )?(?:continue|complete) the (?:sequence|list|pattern|series)\b[^:]*:", re.IGNORECASE
)
_CUT_SHORT = re.compile(
    r"[,:;(\[{/&=+-]$|\s(?:and|or|the|a|an|of|to|with|because|is|are|was|for|from|by|at|as|my|your)$",
    re.IGNORECASE,
)
_SELF_REFERENCE = re.compile(
    r"\bas an? (?:AI|artificial intelligence|language model|assistant)\b", re.IGNORECASE
)
ONE_WORD = 3
ONE_LINE = 2
"""How often a word in a row, or a line, may be said."""
_SEVERAL = 3
_WHAT = frozenset(("what", "who", "where", "when", "why", "how", "which"))
_FOREIGN = frozenset(word for code, common in STOPWORDS.items() if code != "en" for word in common)
_COMMON = STOPWORDS["en"] | set(
    list_words("there here very also so too these those them me does do did s t m re ve been")
)
_ASKED_TO_REPEAT = re.compile(r"\b(?:times|twice|repeat)\b", re.IGNORECASE)
_MOSTLY_TEXT = 0.6
_DISTINCT_ENOUGH = 0.5
_LONG_ENOUGH_TO_REPEAT = 8

# Imperatives and question words that open an instruction; the seeds add theirs.
_ASKS = frozenset(
    list_words(
        """
        add answer arrange ask calculate capitalise capitalize change choose classify combine compare
        complete compose convert copy correct count create decide define describe design divide draft
        draw edit estimate evaluate explain express extract fill find finish fix form format generate
        give guess help identify imagine invent join list make match multiply name offer order outline
        paraphrase pick plan please predict print produce propose provide put rank read recommend reduce
        remove repeat replace reply rephrase return reverse rewrite round say select show simplify solve
        sort spell split start state subtract suggest summarise summarize take tell think translate turn
        use verify write are can could did do does has have how if is may should was were what when
        where which who whom whose why will would
        """
    )
)


def openings(instructions: Sequence[str]) -> frozenset[str]:
    """Return the words with which an instruction may open: the usual ones and those of given examples."""
    return _ASKS | {first[0] for text in instructions if (first := list_words(text))}


def instruction_problem(text: str, opens: Collection[str] = _ASKS) -> str | None:
    """Return why a text cannot be an instruction, or None.

    Args:
        text: one instruction.
        opens: the lower-case words with which an instruction or one of its clauses opens.
    """
    count = len(text.split())
    problems: dict[str, Callable[[], object]] = {
        "instruction length": lambda: not SHORTEST_INSTRUCTION <= count <= LONGEST_INSTRUCTION,
        "instruction of several lines": lambda: "\n" in text,
        "chat token in instruction": lambda: _CHAT_TOKEN.search(text),
        "label in instruction": lambda: _LABEL.search(text),
        "junk in instruction": lambda: (
            _JUNK.search(text)
            or _share_of_text(text) < _MOSTLY_TEXT
            or text[-1] in ",;("
            or quote_left_open(text)
        ),
        "instruction without its input": lambda: text.endswith(":") or points_at_nothing(text),
        "instruction beyond a text": lambda: _NO_TEXT.search(text),
        "nothing to complete or to answer": lambda: nothing_to_do(text),
        "translation into its own language": lambda: _INTO_ENGLISH.search(text) and _is_english(text),
        "repetition in instruction": lambda: repeats(text),
        "not an instruction": lambda: not _asks(text, opens),
    }
    return _first(problems)


def response_problem(instruction: str, response: str, *, finished: bool, longest: int) -> str | None:
    """Return why a response is unfit whatever it says, or None.

    Args:
        instruction: what was asked.
        response: what was answered, without surrounding space.
        finished: whether the model ended it by itself.
        longest: the most words it may have.
    """
    problems: dict[str, Callable[[], object]] = {
        "empty response": lambda: not list_words(response),
        "unfinished response": lambda: not finished,
        "response length": lambda: len(response.split()) > longest,
        "chat token in response": lambda: _CHAT_TOKEN.search(response),
        "label in response": lambda: _LABEL.search(response),
        "junk in response": lambda: _JUNK.search(response.replace("<<", "").replace(">>", "")),
        "repetition in response": lambda: repeats(response) and not _ASKED_TO_REPEAT.search(instruction),
        "echo of the instruction": lambda: echoes(instruction, response),
        "nothing new in response": lambda: says_nothing_new(instruction, response),
        "response cut short": lambda: _CUT_SHORT.search(response),
        "self-reference in response": lambda: _SELF_REFERENCE.search(response),
    }
    return _first(problems)


def _first(problems: Mapping[str, Callable[[], object]]) -> str | None:
    return next((name for name, found in problems.items() if found()), None)


def repeats(text: str) -> bool:
    """Say whether a text goes round in circles: one word or line again and again, or few distinct 3-grams."""
    found = list_words(text)
    lines = Counter(line.strip() for line in text.splitlines() if line.strip())
    if max(lines.values(), default=0) > ONE_LINE or any(
        len(list(run)) > ONE_WORD for _, run in groupby(found)
    ):
        return True
    return len(found) >= _LONG_ENOUGH_TO_REPEAT and distinct_share([text]) < _DISTINCT_ENOUGH


def echoes(instruction: str, response: str) -> bool:
    """Say whether a response mainly says the instruction again."""
    asked, said = reduce_to_words(instruction), reduce_to_words(response)
    return said.startswith(asked) or compute_jaccard(shingle(instruction), shingle(response)) >= 0.8  # noqa: PLR2004


def harm_problem(category: str, instruction: str) -> str | None:
    """Return why an instruction does not belong to one of the two categories that are about harm, or None.

    Small models drift: a list of harmful requests goes on with harmless ones, which would then be refused.
    """
    if category == "refusal" and asks_for_harm(instruction) is not True:
        return "no harm to refuse"
    if category == "harmless" and asks_for_harm(instruction) is not False:
        return "harm in a harmless request"
    return None


def points_at_nothing(instruction: str) -> bool:
    """Say whether an instruction is about a text, a picture or a thing that does not come with it."""
    return bool(_ABSENT.search(instruction)) or bool(
        _MISSING_INPUT.search(instruction) and not _GIVEN.search(instruction)
    )


def quote_left_open(text: str) -> bool:
    """Say whether a quotation begins and does not end; an apostrophe begins none."""
    opened, closed = len(re.findall(r"(?<!\w)'(?=\w)", text)), len(re.findall(r"(?<=[\w.,?!])'(?!\w)", text))
    return opened > closed or text.count('"') % 2 == 1


def nothing_to_do(instruction: str) -> bool:
    """Say whether what is to be completed is complete, or what is to be answered is no question."""
    if completed := _TO_COMPLETE.match(instruction):
        given = completed[1]
        return not given or (given[-1] in ".!" and not _BLANK.search(given))
    if answered := _ANSWER.match(instruction):
        if "yes or no" in instruction.casefold() and _OPEN_QUESTION.match(answered[1]):
            return True
        return "?" not in answered[1] and "true" not in instruction.casefold()
    return False


def says_nothing_new(instruction: str, response: str) -> bool:
    """Say whether a response holds nothing of its own.

    Several words of which none is new, common words and endings aside ("A star is a star" says nothing of a
    star); a translation that repeats its source; the word alone that was to be used; a list of single letters
    or digits where none was asked for.
    """
    return _keeps_the_form_alone(instruction, response) or _adds_no_word(instruction, response)


def _keeps_the_form_alone(instruction: str, response: str) -> bool:
    lines = [line.strip() for line in response.splitlines() if line.strip()]
    items = [re.sub(r"^(?:\d+[.)]|[-*•])\s+", "", line) for line in lines]
    signs = len(items) > 1 and all(len(item) == 1 for item in items)
    to_use = {word.casefold() for word in _WORD_TO_USE.findall(instruction)}
    return (signs and not _ABOUT_SIGNS.search(instruction)) or 0 < len(to_use) == len(
        {*list_words(response), *to_use}
    )


def _adds_no_word(instruction: str, response: str) -> bool:
    asked, said = list_words(instruction), list_words(response)
    if _ASKS_FOR_ANOTHER.search(instruction):
        return set(said) <= {*asked, "the", "a"}
    given = f" {' '.join(said)} " in f" {' '.join(asked)} "
    if re.search(r"\btranslat", instruction, re.IGNORECASE):
        return given
    if _GOES_ON.match(instruction) and len(said) >= _SEVERAL:
        return 2 * sum(word in asked for word in said) >= len(said)
    if len(said) >= _SEVERAL and given and not _REPEATS.search(instruction):
        return True
    several = len(said) >= _SEVERAL or (len(said) > 1 and asked[0] in _WHAT)
    if not several or _REARRANGES.search(instruction):
        return False
    known = {_stem(word) for word in asked} | {_stem(word) for word in _COMMON}
    return all(_stem(word) in known for word in said)


def _stem(word: str) -> str:
    return re.sub(r"(?:'s|es|s)$", "", word)


def _is_english(instruction: str) -> bool:
    return any(set(list_words(text)) & STOPWORDS["en"] - _FOREIGN for text in _GIVEN.findall(instruction))


def distinct_share(texts: Sequence[str], n: int = 3) -> float:
    """Return the share of distinct word n-grams among all n-grams of the texts; 1 where there are none."""
    grams = [gram for text in texts for gram in list_ngrams(list_words(text), n)]
    return len(set(grams)) / len(grams) if grams else 1.0


def _share_of_text(text: str) -> float:
    return sum(c.isalnum() or c.isspace() for c in text) / len(text)


def _asks(text: str, opens: Collection[str]) -> bool:
    if not (text[0].isupper() or text[0] in "\"'"):
        return False
    if text.endswith("?"):
        return True
    clauses = re.split(r"[,:.] ", text)
    return any((first := list_words(clause)) and first[0] in opens for clause in clauses)
