"""Readings of a model's output: the text before its first new turn, and the first paragraph of that text.

A model that was never tuned to stop answers and then writes another exercise, in whatever format it has seen
most. Its answer is the text before that.
"""

import re
from typing import Final

READINGS_VERSION: Final = 3
"""Version of the readings, which evaluations record. Increment it when any output is read differently."""
# Not `answer` or `output`: they also mark the result at the end of a worked answer.
_ROLES: Final = (
    r"instructions?|input|question|ques|query|request|prompt|context|passage|task|exercise|problem|command|user|human|system"
    r"|assistant|response|bot|chatbot|ai|student|teacher|customer|interviewer"
    r"|frage|aufgabe|anweisung|nutzer|benutzer|pregunta|instrucci[oó]n|usuario|utilisateur|consigne"
    r"|domanda|utente|pergunta|вопрос|问题|用户|指令|質問"
)
_NUMBER: Final = r"(?:[ \t]*(?:[#№]|no\.?|number)?[ \t]*\d{1,3})"
_NEW_TURN: Final = re.compile(
    rf"""
    # A label before its text, perhaps numbered or in bold: "**Next question 2:** ..."
    (?P<label>
        ^[ \t]*(?:\d{{1,3}}[.)][ \t]*)?[*_>\[<{{(\#\ \t]{{0,8}}
        (?i:(?:next|new|another|second|follow-?up)[ ]+)?(?i:{_ROLES}|q)
        (?i:{_NUMBER}?[*_\])}}>]{{0,3}}[ \t]*[:：] | {_NUMBER}[ \t]*[.)–—-] )
    )
    # A heading needs no colon: "### Instruction", "# User", "=== Question 2 ===", "[User]".
    | (?P<heading>
        (?:(?:^[ \t]*\#{{1,6}}|\#\#\#+|^[ \t]*={{2,}})[ \t]*[*_]{{0,2}}(?i:{_ROLES})\b(?i:{_NUMBER})?
        [*_ \t]{{0,3}}(?:[:：]|={{2,}}|$)) | ^[ \t]*\[(?i:{_ROLES})\]
    )
    # A label alone on a line: "Instruction", "User", "Task 2".
    | (?P<line>
        ^[ \t]*(?i:(?:task|exercise|problem){_NUMBER}|instruction|question|user|human|assistant|prompt)[ \t]*$
    )
    # The labels of one-line formats: "Paris. USER: ...", "Paris. Human: ..."
    | (?P<inline>(?<=\s)(?:USER|HUMAN|ASSISTANT|INSTRUCTION|QUESTION)[ \t]*:)
    | (?P<after_sentence>(?<=[.!?][ ])(?:User|Human|Assistant|Instruction|Question|Q)[ \t]*:)
    # Chat and end tokens as text.
    | (?P<token>
        <\|[^|<>\n]{{1,40}}\|> | </?s> | <(?:bos|eos|pad|unk)> | <(?:start|end)_of_turn> | \[/?INST\]
        | <</?SYS>> | <｜[^｜<>\n]{{1,40}}｜> | </?(?:user|human|assistant|system|bot|instruction)>
        | \{{\s*"role"\s*:
    )
    """,
    re.VERBOSE | re.MULTILINE,
)
_OWN_LABEL: Final = re.compile(
    r"\s*(?:[#*_\s]*(?:response|assistant)[*_]*\s*[:：][*_]*|#+\s*response\s*$)", re.IGNORECASE | re.MULTILINE
)
"""The label of the answer itself, which some models repeat."""
_SEPARATORS: Final = re.compile(
    rf"(?:\n[ \t]*(?:[-*_=\#~—–]{{3,}}|(?i:example|sample){_NUMBER}?[ \t]*[:.]?)?[ \t]*)+\Z"
)
"""Rules, blank lines and "Example 2:" before a new turn."""
_BLANK_LINE: Final = re.compile(r"\n[^\S\n]*\n")
_QUOTES: Final = "\"'`“”‘’«»*"


def starts_new_turn(instruction: str, output: str) -> bool:
    """Return whether the output contains another turn after its answer."""
    text = _drop_own_label(output)
    return _find_new_turn(instruction, text) < len(text)


def take_first_turn(instruction: str, output: str) -> str:
    """Return the output up to its first new turn, without a label of the answer itself.

    Lines that only separate the turn from the answer, such as "---", belong to the turn. A label that the
    instruction shows, as in "Use the headings 'Question:' and 'Answer:'", belongs to the answer.
    """
    text = _drop_own_label(output)
    end = _find_new_turn(instruction, text)
    return text if end == len(text) else _SEPARATORS.sub("\n", text[:end])


def take_first_paragraph(text: str) -> str:
    """Return the text up to its first blank line, ignoring blank lines at the start."""
    return _BLANK_LINE.split(text.lstrip(), maxsplit=1)[0]


def _drop_own_label(output: str) -> str:
    match = _OWN_LABEL.match(output)
    return output[match.end() :] if match else output


def _find_new_turn(instruction: str, text: str) -> int:
    """Return where the text starts a new turn, or its length.

    A first line such as "Human" is an answer, not a label.
    """
    for match in _NEW_TURN.finditer(text):
        is_answer = match["line"] is not None and not text[: match.start()].strip()
        is_requested = match["token"] is None and _shows_label(instruction, match[0].strip())
        if not (is_answer or is_requested):
            return match.start()
    return len(text)


def _shows_label(instruction: str, label: str) -> bool:
    """Return whether an instruction shows a label: capitalized with its colon, or in quotation marks.

    "Turn this into a question: ..." shows none.
    """
    name = re.escape(re.sub(r"[^\w\s]|\d", "", label).strip())
    capitalized = rf"(?!\b[a-z])\b(?i:{name})s?\s*\d*\s*[:：]"
    quoted = rf"[{_QUOTES}](?i:{name})\s*\d*\s*[:：]?[{_QUOTES}]"
    return bool(name) and bool(re.search(f"{capitalized}|{quoted}", instruction))
