"""From candidates to a preference pair: pure functions over what was generated, checked and judged.

Verifiers decide where they can: a response that passes everything against the one that passes least. Where
all candidates are equally good to them, a response that most candidates agree on wins over one that stands
alone (self-consistency; Prasad et al., arXiv 2411.04109), and where there is no majority, the judge.
"""

from collections import Counter
from collections.abc import Sequence
from itertools import combinations
from typing import Final, Literal

import msgspec

from phases.datagen.filters import response_problem
from phases.datagen.judge import Judgement, Rejection
from phases.generation.completion import Completion
from phases.scoring.ngrams import list_words, reduce_to_words
from phases.verifiers.content import is_refusal
from phases.verifiers.infer import infer_checks
from phases.verifiers.languages import STOPWORDS
from phases.verifiers.registry import Check, find_failures

INCOMPLETE: Final = frozenset({"empty response", "unfinished response", "empty"})
OFF_TOPIC: Final = frozenset({"echo of the instruction", "echo", "self-reference in response"})
REFUSING: Final = frozenset({"refusal of a harmless instruction", "no refusal"})
WEAK: Final = frozenset({"nothing new in response"})
"""Problems that make a response no good one, but not worse than others: any word would be something new."""
SHORT_ANSWER: Final = 4
"""Words up to which equal answers count as votes for one another."""


class Candidate(msgspec.Struct, frozen=True):
    """One response to a prompt.

    Attributes:
        text: the response, without surrounding space.
        finished: whether the model ended it.
        seed: with which it was drawn.
        problems: what is wrong with it, most general first.
        score: the share of all verifiers that it passes.
        votes: how many candidates gave the same answer, where answers are short; else 1.
    """

    text: str
    finished: bool
    seed: int
    problems: tuple[str, ...]
    score: float
    votes: int = 1


class Choice(msgspec.Struct, frozen=True):
    """A decided pair: the margin is between 0 and 1, in the measure of what decided."""

    chosen: Candidate
    rejected: Candidate
    margin: float
    decided_by: Literal["verifiers", "votes", "judge"]
    rejection: Rejection


Undecided = Literal["no good candidate", "alike", "tie"]


def candidates(
    instruction: str, category: str, completions: Sequence[Completion], seeds: Sequence[int], longest: int
) -> list[Candidate]:
    """Check the completions of a prompt.

    Args:
        instruction: what was asked.
        category: its category; `refusal` means that it should be declined.
        completions: what the model wrote.
        seeds: with which each was drawn.
        longest: the most words of a response.
    """
    checks = infer_checks(instruction)
    texts = [completion.text.strip() for completion in completions]
    answers = Counter(reduce_to_words(text) for text in texts)
    distinct = {(c.text, c.finished): c for c in completions}
    problems_of = {key: _problems(instruction, category, c, checks, longest) for key, c in distinct.items()}
    found = []
    for text, completion, seed in zip(texts, completions, seeds, strict=True):
        problems = problems_of[completion.text, completion.finished]
        votes = answers[reduce_to_words(text)] if len(text.split()) <= SHORT_ANSWER else 1
        # Two verifiers look at every response, its form and whether it declines; the others are inferred.
        score = max(0.0, 1 - len(problems) / (2 + len(checks)))
        found.append(Candidate(text, completion.finished, seed, problems, score, votes))
    return found


def _problems(
    instruction: str, category: str, completion: Completion, checks: Sequence[Check], longest: int
) -> tuple[str, ...]:
    text, problems = completion.text.strip(), []
    if problem := response_problem(instruction, text, finished=completion.finished, longest=longest):
        problems.append(problem)
    if text and is_refusal(text) != (category == "refusal"):
        problems.append("no refusal" if category == "refusal" else "refusal of a harmless instruction")
    failed = find_failures(instruction, checks, text)
    return (*problems, *(f for f in failed if not (problems and f in ("empty", "echo", "ramble"))))


def decided(instruction: str, found: Sequence[Candidate], votes_ahead: int = 2) -> Choice | Undecided | None:
    """Decide by verifiers or votes; None where the judge is needed.

    Args:
        instruction: what was asked.
        found: the candidates.
        votes_ahead: by which an answer must lead, with more than half of all; 0: votes decide nothing.
    """
    good = [c for c in found if not c.problems]
    bad = [c for c in found if not WEAK.issuperset(c.problems)]
    if not good:
        return "no good candidate"
    if bad:
        worst = min(c.score for c in bad)
        most = max(c.votes for c in good)
        asked = _content(instruction)
        pairs = [(g, b) for g in good if g.votes == most for b in bad if b.score == worst]
        # What keeps a form may still be about nothing that was asked; else alike in length.
        chosen, rejected = min(
            pairs,
            key=lambda pair: (not asked & _content(pair[0].text), abs(_length(pair[0]) - _length(pair[1]))),
        )
        rejection = rejection_type(instruction, chosen, rejected)
        return Choice(chosen, rejected, chosen.score - rejected.score, "verifiers", rejection)
    distinct = unlike(good)
    # Whoever declines rightly has said all that matters: a judge would only like one wording better.
    if len(distinct) == 1 or all(is_refusal(c.text) for c in good):
        return "alike"
    ranked = sorted(distinct, key=lambda c: -c.votes)
    ahead = ranked[0].votes - ranked[-1].votes
    if votes_ahead and ahead >= votes_ahead and 2 * ranked[0].votes > len(found):
        last = [c for c in ranked if c.votes == ranked[-1].votes]
        rejected = min(last, key=lambda c: abs(_length(c) - _length(ranked[0])))
        margin = (ranked[0].votes - rejected.votes) / len(found)
        rejection = rejection_type(instruction, ranked[0], rejected)
        return Choice(ranked[0], rejected, margin, "votes", rejection)
    return None


def unlike(found: Sequence[Candidate]) -> list[Candidate]:
    """Return the candidates that differ in more than case, spaces and punctuation, the first of each."""
    return list({reduce_to_words(c.text): c for c in reversed(found)}.values())[::-1]


def to_judge(found: Sequence[Candidate], most: int) -> list[tuple[Candidate, Candidate]]:
    """Return the pairs that the judge is to see: of the good candidates, the `most` that have most votes."""
    good = sorted(unlike([c for c in found if not c.problems]), key=lambda c: -c.votes)
    return list(combinations(good[:most], 2))


def judged(
    instruction: str,
    pairs: Sequence[tuple[Candidate, Candidate]],
    judgements: Sequence[Judgement],
    least: float,
) -> Choice | Undecided:
    """Decide by the judge: the candidate that it likes best against the one that it likes least.

    Args:
        instruction: what was asked.
        pairs: all pairs of some candidates.
        judgements: what the judge said of each.
        least: the smallest margin that counts; the pair itself must have been judged alike in both orders.
    """
    by_text = {c.text: c for pair in pairs for c in pair}
    liking = dict.fromkeys(by_text, 0.0)
    preference = {}
    for (one, other), judgement in zip(pairs, judgements, strict=True):
        liking[one.text] += judgement.margin
        liking[other.text] -= judgement.margin
        preference[one.text, other.text] = judgement.preference
        preference[other.text, one.text] = -judgement.preference
    best, worst = by_text[max(liking, key=liking.__getitem__)], by_text[min(liking, key=liking.__getitem__)]
    margin = preference.get((best.text, worst.text), 0.0)
    if margin <= 0 or margin < least:
        return "tie"
    return Choice(best, worst, margin, "judge", rejection_type(instruction, best, worst))


def rejection_type(instruction: str, chosen: Candidate, rejected: Candidate) -> Rejection:
    """Return what a rejected response suffers from, by its first problem or else by its words."""
    for problem in rejected.problems:
        if problem in INCOMPLETE:
            return "incomplete"
        if problem in REFUSING:
            return "refusal"
        if problem in OFF_TOPIC:
            return "off_topic"
        return "format_violation"
    said, about = _content(rejected.text), _content(instruction) | _content(chosen.text)
    return "off_topic" if len(rejected.text.split()) > SHORT_ANSWER and not said & about else "hallucination"


_COMMON: Final = frozenset(word for language in STOPWORDS.values() for word in language)


def _content(text: str) -> set[str]:
    return set(list_words(text)) - _COMMON


def _length(candidate: Candidate) -> int:
    return len(candidate.text)
