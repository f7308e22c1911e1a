"""New instructions from a base model that continues lists of tasks (Self-Instruct, arXiv 2212.10560).

Each list shows instructions of one group: seeds and some that were accepted before. The model's continuation
is parsed, filtered, and checked against the evaluation suite and all instructions accepted before. Categories
that lag behind get more lists, and so do groups within a category.

Requests to decline, and harmless ones that look like them, come from vetted sets and not from the model.
"""

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Final

from phases.datagen.dedupe import NearDuplicates
from phases.datagen.filter_processes import FilterProcesses
from phases.datagen.harm_judge import HarmJudge
from phases.datagen.instruction_filters import (
    collect_opening_words,
    find_common_checks,
    find_problem_in_group,
    has_input,
)
from phases.datagen.parameters import DataParameters
from phases.datagen.seeds import Seed
from phases.datagen.vetted import (
    SET_OF_CATEGORY,
    VettedSource,
    compute_vetted_share,
    list_test_instructions,
)
from phases.generation.completion import Completion, Sampling
from phases.generation.completion_cache import derive_seed
from phases.scoring.ngrams import list_words
from phases.scoring.overlap import SuiteOverlap

IN_SUITE: Final = "in the evaluation suite"
DUPLICATE: Final = "duplicate instruction"
UNCLEAR: Final = "not clearly harmless"
_LABEL: Final = "Task"
_TOP_P: Final = 0.95
_ACCEPTED_EXAMPLES: Final = 2
"""Limit of a list's examples that the model has written itself."""
_OPENING_SHARE: Final = 0.1
"""Share of the instructions that may begin with the same three words."""
_OPENING_FREE: Final = 20
"""Number of instructions that may do so in any case."""
_OPENING_LENGTH: Final = 3
_PRIOR_RATE: Final = 0.3
"""Share of the instructions that is assumed to give rows, before any did."""
_PRIOR_COUNT: Final = 50
"""Number of instructions that this assumption weighs as much as."""
_MOST_CAUGHT_UP: Final = 2
"""A round has at most this multiple of a vetted category's share of its instructions."""

Complete = Callable[[Sequence[str], Sequence[int], Sampling], list[Completion]]
"""Returns the completions of prompts with their seeds."""


@dataclass(frozen=True)
class Instruction:
    """An instruction to be answered.

    Attributes:
        text: the instruction.
        category: its category.
        round: the round that generated it.
        origin: the batch, round, list and item that it comes from, `vetted`, or `given`.
        group: the group of seeds that led to it.
    """

    text: str
    category: str
    round: int
    origin: str
    group: str = ""


@dataclass(frozen=True)
class InstructionRound:
    """The new instructions of a round, and the number of instructions that were considered."""

    considered: int
    instructions: list[Instruction]


def format_list_prompt(examples: Sequence[str]) -> str:
    """Return a numbered list of tasks that ends where the next one begins."""
    lines = "".join(f"{_LABEL} {n}: {text}\n" for n, text in enumerate(examples, 1))
    return f"{lines}{_LABEL} {len(examples) + 1}:"


def parse_list(text: str, *, finished: bool) -> list[str]:
    """Return the tasks with which a model continued a list; an unfinished last one is dropped."""
    items = re.split(rf"\n+{_LABEL} \d+[:.]", text)
    complete_items = items if finished else items[:-1]
    return [item.strip() for item in complete_items if item.strip()]


class SelfInstruct:
    """Generates rounds of new instructions; a round depends only on the rounds before and on the model.

    Attributes:
        generated: number of instructions that the model wrote.
        removed: number of instructions removed by each filter.
    """

    def __init__(
        self,
        seeds: Sequence[Seed],
        filters: FilterProcesses,
        existing: Iterable[str],
        parameters: DataParameters,
        harm_judge: HarmJudge | None = None,
    ) -> None:
        """Prepare the first round.

        Args:
            seeds: hand-written examples, which are not accepted as new instructions.
            filters: run the filters, and know the evaluation suite.
            existing: instructions of earlier batches, which are not accepted either.
            parameters: sizes of rounds, sampling, the seed and the batch.
            harm_judge: tells which instructions are harmless; by default, one that knows words alone.
        """
        self._parameters = parameters
        self._filters = filters
        self._harm_judge = harm_judge or HarmJudge(parameters.seed, None)
        self._pool: dict[str, list[str]] = {}
        imitated = [seed for seed in seeds if seed.category not in SET_OF_CATEGORY]
        self._category = {seed.group: seed.category for seed in imitated}
        for seed in imitated:
            self._pool.setdefault(seed.group, []).append(seed.instruction)
        self._accepted: dict[str, list[str]] = {group: [] for group in self._pool}
        self._common_checks = {group: find_common_checks(texts) for group, texts in self._pool.items()}
        # "Sum up the report" cannot be answered without the report.
        self._needs_input = {group for group, texts in self._pool.items() if all(map(has_input, texts))}
        groups_in = Counter(self._category.values())
        self._share = {group: 1 / groups_in[category] for group, category in self._category.items()}
        self._opening_words = collect_opening_words([seed.instruction for seed in seeds])
        self._openings: Counter[str] = Counter()
        self._known = NearDuplicates()
        known = [*(seed.instruction for seed in seeds), *existing]
        for text in (*known, *list_test_instructions()):
            self._known.add(text)
        self._vetted = VettedSource(
            (seed.category for seed in seeds), known, f"{parameters.seed} {parameters.batch} vetted"
        )
        self._lists: Counter[str] = Counter()
        self._offered = 0
        self.generated = 0
        self.removed: Counter[str] = Counter()

    def generate_round(self, number: int, rows: Mapping[str, int], complete: Complete) -> InstructionRound:
        """Return the new instructions of one round.

        Args:
            number: the round, from 0.
            rows: number of rows so far, by group or by category.
            complete: generates text.
        """
        p = self._parameters
        lists = [
            (group, self._choose_examples(group, Random(f"{p.seed} {p.batch} {number} {n}")))
            for n, group in enumerate(self._choose_groups(rows))
        ]
        prompts = [format_list_prompt(examples) for _, examples in lists for _ in range(p.samples_per_list)]
        seeds = [derive_seed(p.seed, p.batch, number, n) for n in range(len(prompts))]
        sampling = Sampling(p.list_tokens, p.list_temperature, _TOP_P, ("\n\n",))
        written = [
            (text, lists[n // p.samples_per_list][0], f"{p.batch}.{number}.{n}.{item}")
            for n, completion in enumerate(complete(prompts, seeds, sampling))
            for item, text in enumerate(parse_list(completion.text, finished=completion.finished))
        ]
        self.generated += len(written)
        problems = self._find_problems([(text, group) for text, group, _ in written])
        instructions = []
        for (text, group, origin), filter_problem in zip(written, problems, strict=True):
            if problem := filter_problem or self._find_known_problem(text):
                self.removed[problem] += 1
                continue
            self._openings[_get_opening(text)] += 1
            self._accepted[group].append(text)
            instructions.append(Instruction(text, self._category[group], number, origin, group))
        counts = self._count_vetted(len(instructions), rows)
        vetted = [
            Instruction(text, category, number, "vetted", category)
            for text, category in self._vetted.draw(counts)
        ]
        self._offered += len(instructions) + len(vetted)
        return InstructionRound(len(written) + len(vetted), list(_interleave([*instructions, *vetted])))

    def _count_vetted(self, new: int, rows: Mapping[str, int]) -> dict[str, int]:
        """Return how many vetted instructions of each category give it its share of the rows.

        Args:
            new: number of other instructions in this round.
            rows: number of rows so far, by group or by category.
        """
        vetted = self._vetted.categories
        imitated = len(set(self._category.values()))
        if not imitated:
            return dict.fromkeys(vetted, 1)
        share = compute_vetted_share(imitated + len(vetted))
        total = sum(rows.values())
        # Rows of other origin, such as given prompts, may outnumber the instructions of this generator.
        rate = min(1.0, (total + _PRIOR_RATE * _PRIOR_COUNT) / (self._offered + _PRIOR_COUNT))
        whole_round = new / (1 - share * len(vetted))
        expected = total + rate * whole_round
        limit = math.ceil(_MOST_CAUGHT_UP * share * whole_round)
        counts = {}
        for category in vetted:
            drawn, count = self._vetted.drawn[category], rows.get(category, 0)
            category_rate = (count + _PRIOR_COUNT) / (drawn + _PRIOR_COUNT)
            missing = math.ceil((share * expected - count) / category_rate)
            counts[category] = min(limit, max(0, missing))
        return counts

    def _find_problems(self, texts: Sequence[tuple[str, str]]) -> list[str | None]:
        """Return for each text with its group the filter that removes it whatever this round wrote before."""
        # After a few rounds most are exact duplicates.
        problems: list[str | None] = [DUPLICATE if text in self._known else None for text, _ in texts]
        remaining = [n for n, problem in enumerate(problems) if problem is None]
        filter_problems = self._filters.map(
            partial(find_problem_in_group, opening_words=self._opening_words),
            [texts[n][0] for n in remaining],
            [texts[n][1] in self._needs_input for n in remaining],
            [self._common_checks[texts[n][1]] for n in remaining],
        )
        for n, problem in zip(remaining, filter_problems, strict=True):
            problems[n] = problem
        remaining = [n for n in remaining if problems[n] is None]
        is_harmless = self._harm_judge.list_harmless([texts[n][0] for n in remaining])
        for n, is_clear in zip(remaining, is_harmless, strict=True):
            problems[n] = None if is_clear else UNCLEAR
        clear = list(dict.fromkeys(texts[n][0] for n in remaining if problems[n] is None))
        matches = dict(
            zip(clear, self._filters.map_with_overlap(SuiteOverlap.find_contamination, clear), strict=True)
        )
        for n in remaining:
            if matches.get(texts[n][0]):
                problems[n] = IN_SUITE
        return problems

    def _find_known_problem(self, text: str) -> str | None:
        """Return the filter that removes a text as known or too common, or remember it and return None."""
        if text in self._known:
            return DUPLICATE
        limit = max(_OPENING_FREE, _OPENING_SHARE * self._openings.total())
        if self._openings[_get_opening(text)] >= limit:
            return "too common an opening"
        return None if self._known.add(text) else DUPLICATE

    def _choose_examples(self, group: str, rng: Random) -> list[str]:
        accepted = self._accepted[group]
        new = rng.sample(accepted, min(_ACCEPTED_EXAMPLES, len(accepted)))
        pool = self._pool[group]
        old = rng.sample(pool, min(self._parameters.list_examples - len(new), len(pool)))
        return rng.sample([*old, *new], len(old) + len(new))

    def _choose_groups(self, rows: Mapping[str, int]) -> list[str]:
        """Choose the group of each list: each group once, then those with the fewest expected rows.

        Categories have equal weight, and so have the groups of a category. No group gets more than twice its
        share of the lists, so that a group that the model cannot imitate costs little.
        """
        total = self._parameters.lists_per_round if self._pool else 0
        categories = len(set(self._category.values()))
        limits = {g: max(1, math.ceil(2 * total * share / categories)) for g, share in self._share.items()}
        current = {g: rows.get(g, rows.get(self._category[g], 0) * share) for g, share in self._share.items()}
        planned: Counter[str] = Counter()
        chosen = []
        for _ in range(total):
            eligible = [g for g in self._pool if planned[g] < limits[g]]
            expected = {
                g: (current[g] + planned[g] * max(1.0, current[g] / max(1, self._lists[g]))) / self._share[g]
                for g in eligible
            }
            group = min(eligible, key=lambda g: (planned[g] > 0, expected[g]))
            planned[group] += 1
            chosen.append(group)
        self._lists.update(planned)
        return chosen


def _interleave(instructions: Iterable[Instruction]) -> Iterator[Instruction]:
    """Yield the instructions so that any prefix has as large a share of each category as the whole."""
    by_category: dict[str, list[Instruction]] = {}
    for instruction in instructions:
        by_category.setdefault(instruction.category, []).append(instruction)
    places = [
        ((n + 0.5) / len(members), order, member)
        for order, members in enumerate(by_category.values())
        for n, member in enumerate(members)
    ]
    yield from (member for _, _, member in sorted(places, key=lambda place: place[:2]))


def _get_opening(text: str) -> str:
    return " ".join(list_words(text)[:_OPENING_LENGTH])
