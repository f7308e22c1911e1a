"""The registry of verifiers: checks by kind, their version, and what fails a response."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, Final

import msgspec

from phases.verifiers import (
    advice,
    content,
    counts,
    form,
    items,
    lists,
    mentions,
    number_answer,
    refusals,
    short_answer,
    structured,
    text,
    verbs,
)
from phases.verifiers.defects import is_echo, is_ramble
from phases.verifiers.loose import make_loose_variants

VERIFIERS_VERSION: Final = 14
"""Version of the verdicts, including those of `ifeval`. Increment it when any verdict changes.

Every evaluation records it. Evaluations with different versions are neither compared nor continued.
`tests/phases/verifiers/golden_verdicts.jsonl` holds verdicts recorded with this version.
"""

# Earlier evaluations recorded a hash of the source code of the verifiers instead of a version.
_VERSION_OF_HASH: Final[dict[int | str | None, int | str | None]] = {
    "fafdc7821b635087a12aae6b96b7ecc595039fd6cfdf2e37d480af358c1744a0": 1
}

_SPLITTERS: Final[dict[str, Callable[[str], list[str]]]] = {
    "line": text.split_lines,
    "sentence": text.split_sentences,
    "paragraph": text.split_paragraphs,
    "item": text.split_items,
}


def has_valid_part(
    response: str, unit: str, number: int, checks: Sequence[Mapping[str, Any]], instruction: str = ""
) -> bool:
    """Return whether a part of the response passes all checks: its `number`-th line, sentence or paragraph.

    Numbers begin with 1; -1 is the last one.
    """
    parts = _SPLITTERS[unit](response)
    position = number - 1 if number > 0 else number
    if not -len(parts) <= position < len(parts):
        return False
    return all(passes(make_check(check), parts[position], instruction) for check in checks)


def has_valid_parts(
    response: str, unit: str, checks: Sequence[Mapping[str, Any]], instruction: str = ""
) -> bool:
    """Return whether each line, sentence, paragraph or list item of the response passes all checks."""
    parts = _SPLITTERS[unit](response)
    return bool(parts) and all(
        passes(make_check(check), part, instruction) for part in parts for check in checks
    )


def passes_any(response: str, options: Sequence[Sequence[Mapping[str, Any]]], instruction: str = "") -> bool:
    """Return whether the response passes all checks of at least one of the options."""
    return any(
        all(passes(make_check(check), response, instruction) for check in checks) for checks in options
    )


VERIFIERS: Final[dict[str, Callable[..., bool]]] = {
    "words": counts.has_word_count,
    "sentences": counts.has_sentence_count,
    "paragraphs": counts.has_paragraph_count,
    "lines": counts.has_line_count,
    "bullets": counts.is_bullet_list,
    "numbered_list": counts.is_numbered_list,
    "comma_list": items.is_comma_list,
    "items": items.is_item_list,
    "alphabetical": counts.is_alphabetical,
    "sections": counts.has_sections,
    "placeholders": counts.has_placeholders,
    "one_of": content.is_one_of,
    "short_answer": short_answer.is_short_answer,
    "number": number_answer.is_number_answer,
    "keywords": content.has_keywords,
    "any_keyword": content.has_any_keyword,
    "keyword_count": content.has_keyword_count,
    "starts_with": content.starts_with,
    "ends_with": content.ends_with,
    "yes_no": content.is_yes_or_no,
    "quoted": content.is_quoted,
    "equals": content.equals_text,
    "upper_case": form.is_upper_case,
    "lower_case": form.is_lower_case,
    "title_case": form.is_title_case,
    "json_object": form.is_json_object,
    "json_array": form.is_json_array,
    "language": content.is_in_language,
    "refusal": refusals.is_refusal,
    "mentions": mentions.has_mentions,
    "advice": advice.is_advice,
    "defines": mentions.defines_term,
    "list_of": lists.is_list_of,
    "sentences_at_most": counts.has_sentences_at_most,
    "refers_to_first_line": counts.refers_to_first_line,
    "no_repetition": counts.has_no_repetition,
    "verbs": verbs.has_verbs,
    "statement": counts.is_statement,
    "sentence_marks": counts.has_sentence_marks,
    "json_fields": structured.has_json_fields,
    "json_list_of": structured.is_json_list_of,
    "json_equals": structured.equals_json,
    "part": has_valid_part,
    "each": has_valid_parts,
    "any_of": passes_any,
}
"""Every verifier by the kind of check. Suites contain these kinds and the verifiers' argument names."""


class Check(msgspec.Struct, frozen=True):
    """A verifier's kind with its arguments."""

    kind: str
    arguments: dict[str, Any] = {}


_FORMS_OF_REPLY: Final = frozenset(("words", "quoted", "upper_case", "lower_case", "title_case"))
"""Checks of the form of the complete response, which its sentence has to satisfy as well as its predicate."""
_READS_INSTRUCTION: Final = frozenset(
    kind for kind, verify in VERIFIERS.items() if "instruction" in inspect.signature(verify).parameters
)


def make_check(nested: Mapping[str, Any]) -> Check:
    """Return the check that is nested in the arguments of another one."""
    return msgspec.convert(nested, Check)


def _list_nested(check: Check) -> list[Check]:
    options = check.arguments.get("options", []) if check.kind == "any_of" else []
    checks = check.arguments.get("checks", []) if check.kind in {"part", "each"} else []
    return [make_check(nested) for nested in (*checks, *(item for option in options for item in option))]


def validate_check(check: Check) -> None:
    """Raise ValueError if a check has an unknown kind or unsuitable arguments."""
    if check.kind not in VERIFIERS:
        raise ValueError(f"unknown check {check.kind!r}; expected one of {', '.join(sorted(VERIFIERS))}")
    try:
        _get_signature(check.kind).bind("", **check.arguments)
    except TypeError as error:
        raise ValueError(f"check {check.kind!r}: {error}") from None
    for nested in _list_nested(check):
        validate_check(nested)


@cache
def _get_signature(kind: str) -> inspect.Signature:
    return inspect.signature(VERIFIERS[kind])


def passes(check: Check, response: str, instruction: str = "") -> bool:
    """Return whether a response, stripped of surrounding whitespace, satisfies a check of an instruction."""
    context = {"instruction": instruction} if check.kind in _READS_INSTRUCTION else {}
    return VERIFIERS[check.kind](response.strip(), **context, **check.arguments)


def find_failures(
    instruction: str, checks: Sequence[Check], response: str, *, loose: bool = False
) -> tuple[str, ...]:
    """Return why a response does not follow its instruction; an empty tuple if it does.

    The names are the kinds of the failed checks and three defects that fail every response: `empty`, `echo`
    (it repeats the instruction) and `ramble` (see `defects.is_ramble`).

    Args:
        instruction: the instruction.
        checks: the checks of the instruction.
        response: the complete response; emoji in it are ignored.
        loose: judge the variants of the response without lead-in, closing remark and emphasis as well (see
            `loose`). The response follows if one variant passes all checks; otherwise the failures are those
            of the unchanged response.
    """
    answer = text.strip_latex(text.strip_pictures(response)).strip()
    if loose:
        has_predicate = _FORMS_OF_REPLY.isdisjoint(check.kind for check in checks)
        variants = make_loose_variants(answer, has_predicate=has_predicate)
        if any(follows(instruction, checks, variant) for variant in variants):
            return ()
    if not answer:
        return ("empty",)
    failures = []
    if is_echo(instruction, answer):
        failures.append("echo")
    if is_ramble(answer):
        failures.append("ramble")
    failures += [check.kind for check in checks if not passes(check, answer, instruction)]
    return tuple(failures)


def follows(instruction: str, checks: Sequence[Check], response: str, *, loose: bool = False) -> bool:
    """Return whether a response follows its instruction; see `find_failures`."""
    return not find_failures(instruction, checks, response, loose=loose)


def resolve_version(recorded: int | str | None) -> int | str | None:
    """Return the version of the verifiers that a record means; an unknown hash is returned unchanged."""
    return _VERSION_OF_HASH.get(recorded, recorded)
