"""What makes a generated instruction or response unfit: pure functions that name the first problem."""

import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import groupby

from phases.common.dedupe import ngrams, normalise, shingles, similarity, words

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
_MISSING_INPUT = re.compile(
    r"\b(?:following|below|above|given)\b"
    r"|\b(?:this|the) (?:text|passage|article|image|picture|paragraph|table|graph|video|poem|code)\b",
    re.IGNORECASE,
)
_SELF_REFERENCE = re.compile(
    r"\bas an? (?:AI|artificial intelligence|language model|assistant)\b", re.IGNORECASE
)
ONE_WORD = 3
ONE_LINE = 2
"""How often a word in a row, or a line, may be said."""
_ASKED_TO_REPEAT = re.compile(r"\b(?:times|twice|repeat)\b", re.IGNORECASE)
_MOSTLY_TEXT = 0.6
_DISTINCT_ENOUGH = 0.5
_LONG_ENOUGH_TO_REPEAT = 8

# Imperatives and question words that open an instruction; the seeds add theirs.
_ASKS = frozenset(
    words(
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
    return _ASKS | {first[0] for text in instructions if (first := words(text))}


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
            _JUNK.search(text) or _share_of_text(text) < _MOSTLY_TEXT or text[-1] in ",;("
        ),
        "instruction without its input": lambda: (
            text.endswith(":") or (_MISSING_INPUT.search(text) and ":" not in text)
        ),
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
        "empty response": lambda: not words(response),
        "unfinished response": lambda: not finished,
        "response length": lambda: len(response.split()) > longest,
        "chat token in response": lambda: _CHAT_TOKEN.search(response),
        "label in response": lambda: _LABEL.search(response),
        "junk in response": lambda: _JUNK.search(response.replace("<<", "").replace(">>", "")),
        "repetition in response": lambda: repeats(response) and not _ASKED_TO_REPEAT.search(instruction),
        "echo of the instruction": lambda: echoes(instruction, response),
        "self-reference in response": lambda: _SELF_REFERENCE.search(response),
    }
    return _first(problems)


def _first(problems: Mapping[str, Callable[[], object]]) -> str | None:
    return next((name for name, found in problems.items() if found()), None)


def repeats(text: str) -> bool:
    """Say whether a text goes round in circles: one word or line again and again, or few distinct 3-grams."""
    found = words(text)
    lines = Counter(line.strip() for line in text.splitlines() if line.strip())
    if max(lines.values(), default=0) > ONE_LINE or any(
        len(list(run)) > ONE_WORD for _, run in groupby(found)
    ):
        return True
    return len(found) >= _LONG_ENOUGH_TO_REPEAT and distinct_share([text]) < _DISTINCT_ENOUGH


def echoes(instruction: str, response: str) -> bool:
    """Say whether a response mainly says the instruction again."""
    asked, said = normalise(instruction), normalise(response)
    return said.startswith(asked) or similarity(shingles(instruction), shingles(response)) >= 0.8  # noqa: PLR2004


def distinct_share(texts: Sequence[str], n: int = 3) -> float:
    """Return the share of distinct word n-grams among all n-grams of the texts; 1 where there are none."""
    grams = [gram for text in texts for gram in ngrams(words(text), n)]
    return len(set(grams)) / len(grams) if grams else 1.0


def _share_of_text(text: str) -> float:
    return sum(c.isalnum() or c.isspace() for c in text) / len(text)


def _asks(text: str, opens: Collection[str]) -> bool:
    if not (text[0].isupper() or text[0] in "\"'"):
        return False
    if text.endswith("?"):
        return True
    clauses = re.split(r"[,:.] ", text)
    return any((first := words(clause)) and first[0] in opens for clause in clauses)
