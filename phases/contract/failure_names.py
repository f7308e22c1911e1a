"""The findings of failed checks in words, for screens and reports, by the kind of the check."""

from collections.abc import Iterable
from typing import Final

FAILURE_NAMES: Final = {
    # The end of an output.
    "unfinished": "cut off",
    "went_on": "continues with another prompt",
    # Defects that fail every answer.
    "empty": "no answer",
    "echo": "repeats the instruction",
    "ramble": "repeats itself or adds another prompt",
    # Length and layout.
    "words": "wrong number of words",
    "sentences": "wrong number of sentences",
    "sentences_at_most": "too many sentences",
    "sentence_marks": "wrong marks at the end of sentences",
    "paragraphs": "wrong number of paragraphs",
    "lines": "wrong number of lines",
    "bullets": "not the bullets asked for",
    "numbered_list": "not the numbered list asked for",
    "comma_list": "not the list with commas asked for",
    "items": "not the items asked for",
    "list_of": "not the list asked for",
    "alphabetical": "not in alphabetical order",
    "sections": "not the sections asked for",
    "placeholders": "wrong number of placeholders",
    "no_repetition": "repeats a line",
    "refers_to_first_line": "second line not about the first",
    "quoted": "not in double quotes",
    "upper_case": "not in capital letters",
    "lower_case": "not in lower case",
    "title_case": "not in title case",
    "starts_with": "wrong beginning",
    "ends_with": "wrong end",
    # Content.
    "one_of": "wrong answer",
    "short_answer": "wrong answer",
    "number": "wrong number",
    "equals": "not the text asked for",
    "yes_no": "not the yes or no asked for",
    "keywords": "words missing or forbidden",
    "any_keyword": "none of the words asked for",
    "keyword_count": "word used too often or too rarely",
    "mentions": "off topic",
    "advice": "no advice",
    "defines": "defines another term",
    "statement": "a question instead of a statement",
    "verbs": "sentence without a verb",
    "language": "wrong language",
    "refusal": "wrongly refused or answered",
    # JSON.
    "json_object": "not the JSON object asked for",
    "json_array": "not the JSON array asked for",
    "json_fields": "wrong JSON fields",
    "json_list_of": "not the JSON list asked for",
    "json_equals": "wrong JSON value",
    # Checks of parts.
    "part": "a part fails its checks",
    "each": "not every part passes",
    "any_of": "no permitted form",
}
"""The finding of each failed check, by its kind."""
FOLLOWED_WITHOUT_STOPPING: Final = "followed, but the output did not end after the answer"


def name_failure(check: str) -> str:
    """Return the finding of a failed check; an unknown check is named after itself."""
    return FAILURE_NAMES.get(check, check.replace("_", " ").replace(":", ": "))


def name_failures(checks: Iterable[str]) -> str:
    """Return the findings of failed checks, each once, separated by commas."""
    return ", ".join(dict.fromkeys(map(name_failure, checks)))
