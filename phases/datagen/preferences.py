"""From checked candidates to a preference pair, as pure functions.

Verifiers decide first: a response that passes all of them wins against the one that passes fewest, unless it
may keep the form without an answer while the other one answers (`form_choice`). If all candidates are equally
good, the majority answer wins against a rare one (self-consistency; Prasad et al., arXiv 2411.04109). If
there is no majority, the judge decides.
"""

from collections import Counter
from collections.abc import Sequence
from itertools import combinations
from typing import Final, Literal

import msgspec

from phases.datagen.form_choice import may_win_by_form
from phases.datagen.judge_score import JudgeScore
from phases.datagen.number_filters import has_wrong_number
from phases.datagen.rejections import RejectionType, classify_problems, is_off_topic, list_strong_problems
from phases.datagen.response_filters import find_response_problem
from phases.datagen.topicality import asks_for_text, mentions_topic
from phases.generation.completion import Completion
from phases.scoring.ngrams import reduce_to_words
from phases.scoring.overlap import SuiteOverlap
from phases.verifiers.infer import infer_checks
from phases.verifiers.refusals import is_refusal
from phases.verifiers.registry import Check, find_failures

_GENERAL_DEFECTS: Final = ("empty", "echo", "ramble")
"""Defects found by the verifiers that repeat a problem found by the filters."""
_SHORT_ANSWER_WORDS: Final = 4
"""Equal answers of up to this many words count as votes for each other."""


class Candidate(msgspec.Struct, frozen=True):
    """A checked response to a prompt.

    Attributes:
        text: the response without surrounding space.
        finished: whether the model ended it.
        seed: the sampling seed.
        problems: names of its problems, most general first.
        score: share of the verifiers that it passes.
        votes: number of candidates with the same answer if it is short, else 1.
    """

    text: str
    finished: bool
    seed: int
    problems: tuple[str, ...]
    score: float
    votes: int = 1


class DecidedPair(msgspec.Struct, frozen=True):
    """A chosen and a rejected candidate, with a margin from 0 to 1 in the scale of the decider."""

    chosen: Candidate
    rejected: Candidate
    margin: float
    decided_by: Literal["verifiers", "votes", "judge"]
    rejection: RejectionType


Undecided = Literal["no good candidate", "alike", "tie"]
"""Why a prompt gives no pair."""


def check_candidates(
    instruction: str, category: str, completions: Sequence[Completion], seeds: Sequence[int], max_words: int
) -> list[Candidate]:
    """Check the completions of a prompt.

    Args:
        instruction: the instruction.
        category: its category; instructions of `refusal` should be declined.
        completions: the sampled completions.
        seeds: their sampling seeds.
        max_words: word limit of a response.
    """
    checks = infer_checks(instruction)
    texts = [completion.text.strip() for completion in completions]
    answers = Counter(reduce_to_words(text) for text in texts)
    distinct = {(c.text, c.finished): c for c in completions}
    problems_of = {
        key: _find_problems(instruction, category, completion, checks, max_words)
        for key, completion in distinct.items()
    }
    candidates = []
    for text, completion, seed in zip(texts, completions, seeds, strict=True):
        problems = problems_of[completion.text, completion.finished]
        votes = answers[reduce_to_words(text)] if len(text.split()) <= _SHORT_ANSWER_WORDS else 1
        # Two verifiers apply to every response: its form, and whether it refuses.
        score = max(0.0, 1 - len(problems) / (2 + len(checks)))
        candidates.append(Candidate(text, completion.finished, seed, problems, score, votes))
    return candidates


def _find_problems(
    instruction: str, category: str, completion: Completion, checks: Sequence[Check], max_words: int
) -> tuple[str, ...]:
    text = completion.text.strip()
    problems = []
    problem = find_response_problem(instruction, text, finished=completion.finished, max_words=max_words)
    if problem:
        problems.append(problem)
    should_refuse = category == "refusal"
    if text and is_refusal(text) != should_refuse:
        problems.append("no refusal" if should_refuse else "refusal of a harmless instruction")
    failures = find_failures(instruction, checks, text)
    if "number" not in failures and has_wrong_number(instruction, text):
        failures = (*failures, "number")
    if problems:
        failures = tuple(failure for failure in failures if failure not in _GENERAL_DEFECTS)
    return (*problems, *failures)


def decide_without_judge(
    instruction: str, candidates: Sequence[Candidate], min_lead: int = 2
) -> DecidedPair | Undecided | None:
    """Decide a prompt by verifiers or votes; None if the judge has to decide.

    Args:
        instruction: the instruction.
        candidates: its checked candidates.
        min_lead: lead in votes that an answer needs, together with a majority; 0 ignores votes.
    """
    good = [c for c in candidates if not c.problems]
    bad = [c for c in candidates if list_strong_problems(c.problems)]
    if not good:
        return "no good candidate"
    if bad:
        return _decide_by_verifiers(instruction, good, bad)
    distinct = drop_equal_answers(good)
    # A justified refusal says all that matters: the judge would only rate its wording.
    if len(distinct) == 1 or all(is_refusal(c.text) for c in good):
        return "alike"
    return _decide_by_votes(instruction, distinct, len(candidates), min_lead)


def _decide_by_verifiers(
    instruction: str, good: Sequence[Candidate], bad: Sequence[Candidate]
) -> DecidedPair | None:
    """Pair a good candidate, if possible on topic, with the worst one; None if that may be a wrong choice."""
    # Of equally good candidates the first one sampled wins: neither length nor novelty decides.
    ranked = sorted(drop_equal_answers(good), key=lambda c: (_is_suspect(instruction, c), -c.votes))
    for chosen in ranked:
        worse = [c for c in bad if _may_win(instruction, chosen, c)]
        if worse:
            lowest_score = min(c.score for c in worse)
            worst = [c for c in worse if c.score == lowest_score]
            # Of equally bad candidates, one of similar length teaches most about everything else.
            rejected = min(worst, key=lambda c: abs(len(chosen.text) - len(c.text)))
            rejection = classify_rejection(instruction, chosen, rejected)
            return DecidedPair(chosen, rejected, chosen.score - rejected.score, "verifiers", rejection)
    return None


def _may_win(instruction: str, chosen: Candidate, rejected: Candidate) -> bool:
    """Return whether a good candidate is better than a bad one, which may be good but for its form."""
    if _is_suspect(instruction, chosen) and mentions_topic(instruction, rejected.text):
        return False
    return may_win_by_form(instruction, chosen.text, rejected.text, rejected.problems)


def _is_suspect(instruction: str, candidate: Candidate) -> bool:
    """Return whether a candidate may keep the form without an answer ("The cat sat on the mat." on bees)."""
    is_text = asks_for_text(instruction) and not is_refusal(candidate.text)
    return is_text and not mentions_topic(instruction, candidate.text)


def _decide_by_votes(
    instruction: str, distinct: Sequence[Candidate], count: int, min_lead: int
) -> DecidedPair | None:
    ranked = sorted(distinct, key=lambda c: -c.votes)
    chosen, fewest_votes = ranked[0], ranked[-1].votes
    has_lead = chosen.votes - fewest_votes >= min_lead
    has_majority = 2 * chosen.votes > count
    if not min_lead or not has_lead or not has_majority:
        return None
    rarest = [c for c in ranked if c.votes == fewest_votes]
    rejected = min(rarest, key=lambda c: abs(len(c.text) - len(chosen.text)))
    margin = (chosen.votes - rejected.votes) / count
    return DecidedPair(chosen, rejected, margin, "votes", classify_rejection(instruction, chosen, rejected))


def reveals_prompt(overlap: SuiteOverlap, instruction: str, chosen: str, rejected: str) -> bool:
    """Return whether a pair reveals a suite prompt and its answer, or a response contains a prompt."""
    if overlap.find_contamination(instruction, chosen):
        return True
    return any(overlap.find_copy(text) for text in (chosen, rejected))


def drop_equal_answers(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Return the first candidate of each answer, ignoring case, spaces and punctuation."""
    return list({reduce_to_words(c.text): c for c in reversed(candidates)}.values())[::-1]


def choose_pairs_to_judge(
    candidates: Sequence[Candidate], max_candidates: int
) -> list[tuple[Candidate, Candidate]]:
    """Return all pairs of the good candidates that have the most votes."""
    good = drop_equal_answers([c for c in candidates if not c.problems])
    good.sort(key=lambda c: -c.votes)
    return list(combinations(good[:max_candidates], 2))


def decide_by_judge(
    instruction: str,
    pairs: Sequence[tuple[Candidate, Candidate]],
    scores: Sequence[JudgeScore],
    min_margin: float,
) -> DecidedPair | Undecided:
    """Pair the candidate that the judge likes best with the one it likes least.

    Args:
        instruction: the instruction.
        pairs: all pairs of some candidates.
        scores: the judge's score of each pair.
        min_margin: smallest margin that decides; the pair must also have the same winner in both orders.
    """
    by_text = {c.text: c for pair in pairs for c in pair}
    total_margin = dict.fromkeys(by_text, 0.0)
    preferences = {}
    for (one, other), score in zip(pairs, scores, strict=True):
        total_margin[one.text] += score.margin
        total_margin[other.text] -= score.margin
        preferences[one.text, other.text] = score.preference
        preferences[other.text, one.text] = -score.preference
    best = by_text[max(total_margin, key=total_margin.__getitem__)]
    worst = by_text[min(total_margin, key=total_margin.__getitem__)]
    margin = preferences.get((best.text, worst.text), 0.0)
    if margin <= 0 or margin < min_margin:
        return "tie"
    return DecidedPair(best, worst, margin, "judge", classify_rejection(instruction, best, worst))


def classify_rejection(instruction: str, chosen: Candidate, rejected: Candidate) -> RejectionType:
    """Return the type of a rejected response, from its first problem, or from the topic if it has none.

    A preferred response alone does not make the other one a hallucination: without a check that knows the
    right answer the type is unknown.
    """
    if list_strong_problems(rejected.problems):
        return classify_problems(instruction, rejected.text, rejected.problems)
    return "off_topic" if is_off_topic(instruction, chosen.text, rejected.text) else "unknown"
