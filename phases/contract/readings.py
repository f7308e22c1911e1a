"""Readings of a model's output: the text before its first new turn, and the first paragraph of that text.

A model that was never tuned to stop answers and then writes another exercise, in whatever format it has seen
most. Its answer is the text before that.
"""

import re
from typing import Final

# Not `answer` or `output`: they also mark the result at the end of a worked answer.
_ROLES: Final = (
    r"instructions?|input|question|query|request|prompt|task|exercise|problem|command|user|human|system"
    r"|assistant|response"
)
_NUMBER: Final = r"(?:\s*[#№]?\s*\d{1,3})?"
_NEW_TURN: Final = re.compile(
    rf"""
    # A label on a line of its own or before its text, perhaps numbered or in bold: "**Question 2:** ..."
    (?P<label>
        ^[ \t]*(?:\d{{1,3}}[.)][ \t]*)?[*_>\[<{{(\#\s]{{0,8}}
        (?i:{_ROLES}|q){_NUMBER}[*_\])}}>]{{0,3}}[ \t]*[:：]
    )
    # A heading needs no colon: "### Instruction", "# User", "=== Question 2 ===".
    | (?P<heading>
        (?:^[ \t]*\#{{1,6}}|\#\#\#+|^[ \t]*={{2,}})[ \t]*[*_]{{0,2}}(?i:{_ROLES})\b{_NUMBER}
        [*_ \t]{{0,3}}(?:[:：]|={{2,}}|$)
    )
    # The labels of one-line formats: "Paris. USER: ...", "Paris Human: ..."
    | (?P<inline>(?<=\s)(?:USER|HUMAN|ASSISTANT|INSTRUCTION|QUESTION)[ \t]*:)
    | (?P<after_sentence>(?<=[.!?][ ])(?:User|Human|Assistant|Instruction|Question|Q)[ \t]*:)
    # Chat and end tokens as text.
    | (?P<token>
        <\|[^|<>\n]{{1,40}}\|> | </?s> | <(?:bos|eos|pad|unk)> | <(?:start|end)_of_turn> | \[/?INST\]
        | <</?SYS>> | <｜[^｜<>\n]{{1,40}}｜> | </?(?:user|human|assistant|system|bot|instruction)>
    )
    """,
    re.VERBOSE | re.MULTILINE,
)
_BLANK_LINE: Final = re.compile(r"\n[^\S\n]*\n")
_QUOTES: Final = "\"'`“”‘’«»*"


def find_new_turn(instruction: str, output: str) -> int | None:
    """Return where the output starts a new turn, or None if it does not.

    A label that the instruction itself shows, as in "Use the headings 'Question:' and 'Answer:'", belongs to
    the answer.
    """
    for match in _NEW_TURN.finditer(output):
        label = match[0].strip()
        is_requested = match["token"] is None and _shows_label(instruction, label)
        if not is_requested:
            return match.start()
    return None


def take_first_turn(instruction: str, output: str) -> str:
    """Return the output up to its first new turn."""
    return output[: find_new_turn(instruction, output)]


def take_first_paragraph(text: str) -> str:
    """Return the text up to its first blank line, ignoring blank lines at the start."""
    return _BLANK_LINE.split(text.lstrip(), maxsplit=1)[0]


def _shows_label(instruction: str, label: str) -> bool:
    """Return whether an instruction shows a label: with its colon, or in quotation marks."""
    name = re.escape(re.sub(r"[^\w\s]|\d", "", label).strip())
    pattern = rf"\b{name}s?\s*\d*\s*[:：]|[{_QUOTES}]{name}\s*\d*\s*[:：]?[{_QUOTES}]"
    return bool(name) and bool(re.search(pattern, instruction, re.IGNORECASE))
