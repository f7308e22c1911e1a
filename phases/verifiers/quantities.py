"""Amounts of text that an instruction asks for: words, sentences, paragraphs and lines, with their bounds.

An amount counts only if it limits the complete answer or each of its parts. One that limits a single part
("a title of two words"), that describes something else ("the two sentences below"), or that contradicts
another one yields nothing: a missing check is better than a wrong one.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

from phases.verifiers import quantity_patterns as patterns
from phases.verifiers.number_words import parse_spoken_number

_FIXED_NUMBERS: Final = {"half a dozen": 6, "a dozen": 12, "a couple": 2, "a couple of": 2, "a pair of": 2}
_TOLERANCE: Final = 0.25
"""Share by which "about N" may be missed, at least one."""


@dataclass(frozen=True)
class Amount:
    """An amount of a unit, from `low` to `high`, at a place in the instruction.

    `item` names the unit of which each one has this amount; it is empty for the complete answer.
    """

    unit: str
    low: int | None
    high: int | None
    start: int
    end: int
    item: str = ""

    @property
    def bounds(self) -> dict[str, int]:
        """The bounds as arguments of a check."""
        named = {"at_least": self.low, "at_most": self.high}
        return {name: value for name, value in named.items() if value is not None}


def parse_number(text: str) -> int:
    """Return the value of a number in digits or words, or of an article."""
    folded = text.casefold().strip()
    if folded in _FIXED_NUMBERS:
        return _FIXED_NUMBERS[folded]
    digits = folded.replace(",", "")
    if digits.isdecimal():
        return int(digits)
    return parse_spoken_number(folded) or (0 if folded == "zero" else 1)


def mask_input(instruction: str) -> str:
    """Return the instruction with its input text and quotations blanked, at the same positions."""
    masked = patterns.QUOTED.sub(lambda match: " " * len(match[0]), instruction)
    if match := patterns.INPUT.match(masked):
        # An input may be followed by nothing, but a demand may come first: "Rewrite this in five words: ...".
        masked = masked[: match.start(1)] + " " * (len(masked) - match.start(1))
    return masked


def find_amounts(instruction: str) -> list[Amount]:
    """Return the amounts that limit the complete answer, or each of its parts; one for each unit."""
    text = mask_input(instruction)
    # "Name a fruit, then write a sentence" limits only a part of the answer.
    if not any(unit in text.casefold() for unit in patterns.UNITS) or patterns.THEN.search(text):
        return []
    compounds = [
        amount for match in patterns.COMPOUND.finditer(text) for amount in _read_compound(match, text)
    ]
    outer = [amount.unit for amount in compounds if not amount.item and amount.unit != "word"]
    if len(outer) > len(set(outer)):
        return []  # "a six-word sentence and a three-word sentence"
    # Blanked, so that "three five-word sentences" is not read again as "five-word".
    text = patterns.COMPOUND.sub(lambda match: " " * len(match[0]), text)
    amounts = [amount for match in patterns.AMOUNT.finditer(text) for amount in _read_amount(match, text)]
    amounts = _drop_alternatives(_add_shares(amounts, text), text)
    amounts = [*compounds, *_assign_parts(amounts, text)]
    return [amount for unit in patterns.UNITS for amount in _merge(amounts, unit)]


def blank_amounts(instruction: str) -> str:
    """Return the instruction with the amounts of text that it names blanked, requested or not."""
    text = mask_input(instruction)
    for pattern in (patterns.COMPOUND, patterns.AMOUNT):
        text = pattern.sub(lambda match: " " * len(match[0]), text)
    return text


def _read_compound(match: re.Match[str], text: str) -> Iterator[Amount]:
    """Yield the amounts of "three five-word sentences": of sentences, and of words in each."""
    before = text[: match.start()]
    if (
        not patterns.CUE.search(before)
        or patterns.CONDITION.search(before)
        or patterns.ENDS_WITH.search(before)
    ):
        return
    count, size = parse_number(match["count"]), parse_number(match["size"])
    outer = match["outer"].casefold()
    yield Amount(match["inner"].casefold(), size, size, *match.span(), item=outer if count > 1 else "")
    yield Amount(outer, count, count, *match.span())


def _read_amount(match: re.Match[str], text: str) -> Iterator[Amount]:
    before, after = text[: match.start()], text[match.end() :]
    bound = (match["bound"] or "").casefold()
    if (
        patterns.TEXT_NOUN.search(before.rstrip())
        and bound == "about"
        and not patterns.LENGTH_AFTER.match(after)
    ):
        return  # "a story about two sentences"
    is_article = match["first"].casefold() in {"a", "an"}
    if is_article and (match["gap"] == "-" or match["plural"]):
        return
    low, high = _read_bounds(match, bound)
    if bound and not match["limit"] and patterns.NEGATION.search(before):
        low, high = _negate(bound, parse_number(match["first"]), (low, high))
    is_cued = bool(bound or match["plus"] or match["after"] or match["join"]) or bool(
        patterns.CUE.search(before)
    )
    is_cued = is_cued or bool(patterns.LENGTH_AFTER.match(after)) or bool(patterns.EACH_AFTER.match(after))
    if not is_cued or patterns.NOT_REQUESTED.search(before.rstrip()) or patterns.CONDITION.search(before):
        return
    if _limits_part(before, after) or patterns.MENTIONED.search(before):
        return
    if is_article and re.search(r"\b(?:what|which|who|is)\b[^.?!;:]*$", before, re.IGNORECASE):
        return  # "What is a sentence?"
    yield Amount(match["unit"].casefold(), low, high, match.start(), match.end())


def _limits_part(before: str, after: str) -> bool:
    """Return whether an amount between two texts limits only a part of the answer."""
    if any(
        pattern.search(before) for pattern in (patterns.PART_BEFORE, patterns.ENDS_WITH, patterns.ORDINAL)
    ):
        return True
    if patterns.OF_EACH.match(after) or patterns.OTHER_TEXT.match(after):
        return True
    if patterns.PART_WITH.search(before) and patterns.PART_TOPIC.match(after):
        return True
    if patterns.IN_FORM.match(after) and re.search(r"\b(?:with|and) $", before, re.IGNORECASE):
        return True
    is_joined = re.search(r"\b(?:with|and|plus|under|after)\b[^.?!;:]{0,25}$", before)
    return bool(is_joined and patterns.PART_AFTER.match(after))


def _read_bounds(match: re.Match[str], bound: str) -> tuple[int | None, int | None]:
    first = parse_number(match["first"])
    if match["limit"]:
        one = _apply_bound(bound, first)
        other = _apply_bound(match["bound2"].casefold(), parse_number(match["limit"]))
        return one[0] if one[0] is not None else other[0], one[1] if one[1] is not None else other[1]
    if match["second"] and (match["join"].strip() != "and" or bound == "between"):
        return _order(_apply_range(bound, first, parse_number(match["second"])))
    return _read_tail(match, bound, first)


def _read_tail(match: re.Match[str], bound: str, first: int) -> tuple[int | None, int | None]:
    """Return the bounds given by what follows a number or its unit, as in "two words or more"."""
    tail = f"{match['plus'] or ''}{match['after'] or ''}".casefold().strip()
    limit = r"(?: (?:at most|max(?:imum)?|tops))?"
    second = rf"(?:,|or|to|at most|up to|maximum| )+({patterns.NUMBER}){limit}"
    if match_second := re.fullmatch(second, tail, re.IGNORECASE):
        return _order((first, parse_number(match_second[1])))
    if tail in {"+", "or more", "at least", "at the least", "minimum", "min"}:
        return first, None
    if tail in {"or fewer", "or less", "or under", "at most", "at the most", "maximum", "max", "tops"}:
        return None, first
    if tail == "or so":
        return _apply_bound("about", first)
    return _apply_bound(bound, first)


def _negate(bound: str, number: int, bounds: tuple[int | None, int | None]) -> tuple[int | None, int | None]:
    """Return the bounds of "do not use more than three", given those of "more than three"."""
    if re.fullmatch(patterns.ABOVE, bound):
        return None, number
    if re.fullmatch(patterns.BELOW, bound):
        return number, None
    return bounds


def _apply_range(bound: str, first: int, second: int) -> tuple[int | None, int | None]:
    """Return the bounds of "at most two or three": a bound limits its side of the range alone."""
    if re.fullmatch(patterns.AT_MOST, bound):
        return None, max(first, second)
    if re.fullmatch(patterns.AT_LEAST, bound):
        return min(first, second), None
    return first, second


def _order(bounds: tuple[int | None, int | None]) -> tuple[int | None, int | None]:
    low, high = bounds
    return (high, low) if low is not None and high is not None and low > high else bounds


def _apply_bound(bound: str, number: int) -> tuple[int | None, int | None]:
    if re.fullmatch(patterns.AT_MOST, bound):
        return None, number
    if re.fullmatch(patterns.BELOW, bound):
        return None, number - 1
    if re.fullmatch(patterns.AT_LEAST, bound):
        return number, None
    if re.fullmatch(patterns.ABOVE, bound):
        return number + 1, None
    if re.fullmatch(patterns.ABOUT, bound):
        distance = max(1, math.ceil(_TOLERANCE * number))
        return max(1, number - distance), number + distance
    return number, number


def _add_shares(amounts: list[Amount], text: str) -> list[Amount]:
    """Return the amounts with those that are shared out added up: "three about cats and one about dogs"."""
    merged: list[Amount] = []
    for amount in amounts:
        if merged and amount.start < merged[-1].end:
            continue  # it was added to the one before
        total, end = amount, amount.end
        is_exact = amount.low is not None and amount.low == amount.high
        if is_exact and patterns.SHARED.match(text[end:]):
            while (share := patterns.SHARED_NEXT.match(text[end:])) and share["unit"] in {None, amount.unit}:
                if re.search(rf"\b{patterns.NUMBER}\b", share["between"], re.IGNORECASE):
                    total = replace(total, low=None, high=None)  # "two books, one about": whose is the one?
                    break
                number = 1 if share["number"].casefold() == "another" else parse_number(share["number"])
                end += share.end()
                total = replace(
                    total, low=(total.low or 0) + number, high=(total.high or 0) + number, end=end
                )
        merged.append(total)
    return merged


def _drop_alternatives(amounts: list[Amount], text: str) -> list[Amount]:
    """Return the amounts without those that are alternatives or follow one another.

    Examples are "a sentence or a paragraph" and "a sentence about cats and a paragraph about dogs".
    """
    dropped = {
        amount
        for one, other in pairwise(amounts)
        if _are_side_by_side(one, other, text[one.end : other.start])
        for amount in amounts
        if not re.search(r"[.?!;:]", text[min(amount.end, one.end) : max(amount.start, other.start)])
    }
    return [amount for amount in amounts if amount not in dropped]


def _are_side_by_side(one: Amount, other: Amount, between: str) -> bool:
    # "Write a sentence of ten words or a paragraph of fifty words": which of them limits the answer?
    if re.search(r"^[^.?!;:]*\bor\b[^.?!;:]*$", between, re.IGNORECASE):
        return True
    if one.unit == other.unit:
        return False
    # "In two sentences and fewer than 30 words" limits one text; "one paragraph and one sentence" are two.
    is_exact = other.low is not None and other.low == other.high
    if is_exact and re.fullmatch(r",? and(?: in| with| just)?(?: an?)? ?", between, re.IGNORECASE):
        return True
    is_addition = re.search(r"(?:,| and| plus)(?: an?| with)? ?$", between, re.IGNORECASE)
    is_other_topic = re.match(r" (?:\w+ )?(?:about|on|describing)\b", between, re.IGNORECASE)
    return "word" not in {one.unit, other.unit} and bool(is_addition and is_other_topic)


def _assign_parts(amounts: list[Amount], text: str) -> list[Amount]:
    """Return the amounts with the parts that they limit, except where the part is ambiguous."""
    assigned: list[Amount] = []
    for number, amount in enumerate(amounts):
        before, after = text[: amount.start], text[amount.end :]
        containers = [
            a for a in amounts[:number] if a.unit != amount.unit and patterns.UNITS.index(a.unit) > 0
        ]
        each = patterns.EACH_AFTER.match(after) or patterns.EACH_BEFORE.search(before)
        if each:
            item = _name_item(each["item"], containers, text)
            if item and item != amount.unit:
                assigned.append(replace(amount, item=item))
        elif not (containers and _is_ambiguous(containers[-1], amount, text)):
            assigned.append(amount)
    return assigned


def _name_item(named: str | None, containers: list[Amount], text: str) -> str:
    """Return the unit that "each" refers to, or an empty string if it is ambiguous."""
    if named and named.casefold() in {"sentence", "line", "paragraph"}:
        return named.casefold()
    if named:
        return "item" if named.casefold() != "word" else ""
    if re.search(r"\b(?:bullets?|bullet points?|numbered list|list items?)\b", text, re.IGNORECASE):
        return "item"
    return containers[-1].unit if containers else ""


def _is_ambiguous(container: Amount, amount: Amount, text: str) -> bool:
    """Return whether an amount may be that of each of several sentences: "two sentences of five words"."""
    if container.high == 1 or patterns.LENGTH_AFTER.match(text[amount.end :]):
        return False
    between = text[container.end : amount.start]
    joint = r",? ?(?:that are|that have|which have|of|with|containing|having|consisting of|made of|using)? ?"
    return re.fullmatch(joint, between, re.IGNORECASE) is not None


def _merge(amounts: list[Amount], unit: str) -> Iterator[Amount]:
    """Yield one amount of a unit for the complete answer and each kind of part, if they do not contradict."""
    for item in dict.fromkeys(amount.item for amount in amounts):
        own = [amount for amount in amounts if amount.unit == unit and amount.item == item]
        lows = [amount.low for amount in own if amount.low is not None]
        highs = [amount.high for amount in own if amount.high is not None]
        low, high = max(lows, default=None), min(highs, default=None)
        is_contradiction = low is not None and high is not None and low > high
        is_unclear = any(amount.low is None and amount.high is None for amount in own)
        if own and not is_contradiction and not is_unclear:
            yield replace(own[0], low=low, high=high)
