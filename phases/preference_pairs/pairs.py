"""Candidates sampled for prompts, and the rows made of the pairs that can be decided."""

import itertools
from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import Final

from phases.datagen.preferences import (
    Candidate,
    DecidedPair,
    Undecided,
    check_candidates,
    choose_pairs_to_judge,
    decide_by_judge,
    decide_without_judge,
    reveals_prompt,
)
from phases.datagen.run import DataRun
from phases.datagen.self_instruct import IN_SUITE, Instruction
from phases.generation.completion import Completion, Sampling
from phases.generation.completion_cache import compute_cache_key, derive_seed
from phases.models import prompt_format
from phases.preference_pairs.declining_balance import UNBALANCED, DecliningBalance
from phases.preference_pairs.pair_judge import PairJudge
from phases.preference_pairs.spec import Parameters
from phases.verifiers.infer import infer_checks

_MIN_PROMPTS: Final = 10
_MIN_SATISFIED: Final = 0.1
"""A kind of constraint is dropped if a smaller share of at least this many prompts had a good candidate."""


class PairMaker:
    """Samples candidates and makes rows of decided pairs.

    Attributes:
        prompts: number of prompts used, by category.
        constrained: number of prompts with a kind of constraint.
        satisfied: number of these prompts with a candidate that passed all verifiers.
        outcomes: number of prompts, by what decided them or why they were not decided.
        candidates: number of good and of bad candidates.
    """

    def __init__(self, parameters: Parameters, data: DataRun, judge: PairJudge) -> None:
        self._parameters = parameters
        self._data = data
        self._judge = judge
        self.prompts: Counter[str] = Counter()
        self.constrained: Counter[str] = Counter()
        self.satisfied: Counter[str] = Counter()
        self.outcomes: Counter[str] = Counter()
        self.candidates: Counter[str] = Counter()
        self._balance = DecliningBalance(data.earlier)

    @property
    def unsatisfied_kinds(self) -> set[str]:
        """Kinds of constraints that the model hardly ever satisfies, so that its candidates teach nothing."""
        return {
            kind
            for kind, count in self.constrained.items()
            if count >= _MIN_PROMPTS and self.satisfied[kind] < _MIN_SATISFIED * count
        }

    def make_rows(self, instructions: Sequence[Instruction]) -> list[dict[str, object]]:
        """Return the rows for some instructions."""
        candidates = self._sample_candidates(instructions)
        decisions = self._data.filters.map(
            partial(decide_without_judge, min_lead=self._parameters.votes_ahead),
            [instruction.text for instruction in instructions],
            candidates,
        )
        self._audit_judge(instructions, decisions)
        pairs = self._decide_by_judge(instructions, candidates, decisions)
        contaminated = self._list_contaminated(instructions, pairs)
        rows = []
        for n, (instruction, responses, pair) in enumerate(zip(instructions, candidates, pairs, strict=True)):
            self._count_prompt(instruction, responses)
            if not isinstance(pair, DecidedPair):
                self.outcomes[pair] += 1
            elif n in contaminated:
                self.outcomes[IN_SUITE] += 1
            elif not self._balance.keep(instruction.category, pair.chosen.text, pair.rejected.text):
                self.outcomes[UNBALANCED] += 1
            else:
                self.outcomes[pair.decided_by] += 1
                rows.append(_make_row(instruction, responses, pair))
        return rows

    def _count_prompt(self, instruction: Instruction, candidates: Sequence[Candidate]) -> None:
        self.prompts[instruction.category] += 1
        kinds = {check.kind for check in infer_checks(instruction.text)}
        self.constrained.update(kinds)
        if any(not candidate.problems for candidate in candidates):
            self.satisfied.update(kinds)
        self.candidates.update("bad" if candidate.problems else "good" for candidate in candidates)

    def _list_contaminated(
        self, instructions: Sequence[Instruction], pairs: Sequence[DecidedPair | Undecided]
    ) -> set[int]:
        """Return the indices of the pairs that reveal a prompt of the suite."""
        decided = {n: pair for n, pair in enumerate(pairs) if isinstance(pair, DecidedPair)}
        is_contaminated = self._data.filters.map_with_overlap(
            reveals_prompt,
            [instructions[n].text for n in decided],
            [pair.chosen.text for pair in decided.values()],
            [pair.rejected.text for pair in decided.values()],
        )
        return set(itertools.compress(decided, is_contaminated))

    def _sample_candidates(self, instructions: Sequence[Instruction]) -> list[list[Candidate]]:
        """Sample and check candidates, with more of them for prompts whose first candidates are all bad.

        These are the prompts from which the model can learn most, but only with one good candidate.
        """
        first, last = self._parameters.candidates_per_prompt, self._parameters.most_candidates
        completions = self._sample(instructions, range(first))
        candidates = self._check(instructions, completions)
        hard = [n for n, responses in enumerate(candidates) if all(c.problems for c in responses)]
        more = self._sample([instructions[n] for n in hard], range(first, last))
        checked = self._check(
            [instructions[n] for n in hard],
            [[*completions[n], *further] for n, further in zip(hard, more, strict=True)],
        )
        for n, responses in zip(hard, checked, strict=True):
            candidates[n] = responses
        return candidates

    def _sample(self, instructions: Sequence[Instruction], numbers: range) -> list[list[Completion]]:
        """Return the completions of each instruction with these numbers."""
        p = self._parameters
        requests = [(instruction.text, number) for instruction in instructions for number in numbers]
        completions = iter(
            self._data.complete(
                [prompt_format.format_prompt(text) for text, _ in requests],
                [self._derive_seed(text, number) for text, number in requests],
                Sampling(p.max_new_tokens, p.temperature, p.top_p),
            )
        )
        return [list(itertools.islice(completions, len(numbers))) for _ in instructions]

    def _check(
        self, instructions: Sequence[Instruction], completions: Sequence[Sequence[Completion]]
    ) -> list[list[Candidate]]:
        return self._data.filters.map(
            partial(check_candidates, max_words=self._parameters.longest_response),
            [instruction.text for instruction in instructions],
            [instruction.category for instruction in instructions],
            completions,
            [
                [self._derive_seed(instruction.text, number) for number in range(len(responses))]
                for instruction, responses in zip(instructions, completions, strict=True)
            ],
        )

    def _derive_seed(self, text: str, number: int) -> int:
        return derive_seed(self._parameters.seed, self._parameters.batch, text, number)

    def _audit_judge(
        self, instructions: Sequence[Instruction], decisions: Sequence[DecidedPair | Undecided | None]
    ) -> None:
        """Let the judge score pairs that verifiers decided, to measure how far it agrees with them."""
        self._judge.audit(
            [
                (instruction.text, decision.chosen.text, decision.rejected.text)
                for instruction, decision in zip(instructions, decisions, strict=True)
                if isinstance(decision, DecidedPair)
                and decision.decided_by == "verifiers"
                and decision.rejected.text
            ]
        )

    def _decide_by_judge(
        self,
        instructions: Sequence[Instruction],
        candidates: Sequence[Sequence[Candidate]],
        decisions: Sequence[DecidedPair | Undecided | None],
    ) -> list[DecidedPair | Undecided]:
        """Let the judge decide the remaining prompts; without a trusted judge they are ties."""
        max_candidates = self._parameters.judged_candidates if self._judge.is_trusted else 0
        pairs = {
            n: choose_pairs_to_judge(candidates[n], max_candidates)
            for n, decision in enumerate(decisions)
            if decision is None
        }
        texts = [
            (instructions[n].text, one.text, other.text)
            for n, prompt_pairs in pairs.items()
            for one, other in prompt_pairs
        ]
        scores = iter(self._judge.score_undecided(texts))
        results: list[DecidedPair | Undecided] = [decision or "tie" for decision in decisions]
        for n, prompt_pairs in pairs.items():
            if prompt_pairs:
                prompt_scores = list(itertools.islice(scores, len(prompt_pairs)))
                results[n] = decide_by_judge(
                    instructions[n].text, prompt_pairs, prompt_scores, self._parameters.judge_margin
                )
        return results


def _make_row(
    instruction: Instruction, candidates: Sequence[Candidate], pair: DecidedPair
) -> dict[str, object]:
    return {
        "prompt": prompt_format.format_prompt(instruction.text),
        "chosen": prompt_format.format_completion(pair.chosen.text, eos=""),
        "rejected": prompt_format.format_completion(pair.rejected.text, eos=""),
        "chosen_finished": pair.chosen.finished,
        "rejected_finished": pair.rejected.finished,
        "margin": pair.margin,
        "rejection_type": pair.rejection,
        "decided_by": pair.decided_by,
        "instruction": instruction.text,
        "key": compute_cache_key(instruction.text),
        "category": instruction.category,
        "origin": instruction.origin,
        "checks": [check.kind for check in infer_checks(instruction.text)],
        "candidates": candidates,
        "prompt_format": prompt_format.FORMAT_ID,
    }
