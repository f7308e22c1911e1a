"""New instructions from a base model that continues lists of tasks (Self-Instruct, arXiv 2212.10560).

Each list shows instructions of one kind, hand-made ones and some that were accepted before; what the
model adds is parsed, filtered, kept apart from the evaluation suite and from everything accepted before.
Categories that lag behind get more lists, and so do kinds within them.
"""

import itertools
import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

from phases.datagen import filters
from phases.datagen.dedupe import NearDuplicates
from phases.datagen.parameters import DataParameters
from phases.datagen.seeds import Seed
from phases.generation.completion import Completion, Sampling
from phases.generation.completion_cache import derive_seed
from phases.scoring.ngrams import list_words
from phases.scoring.overlap import SuiteOverlap
from phases.verifiers.infer import infer_checks

LABEL: Final = "Task"
TOP_P: Final = 0.95
ACCEPTED_SHOWN: Final = 2
"""Of the examples in a list, how many may be the model's own."""
OPENING_SHARE: Final = 0.1
"""Share of the instructions that may open with the same three words."""
OPENING_FREE: Final = 20
"""How many instructions may do so whatever their share."""

Complete = Callable[[Sequence[str], Sequence[int], Sampling], list[Completion]]


@dataclass(frozen=True)
class Instruction:
    """An instruction, its category, its round, where it is from, and the group of seeds that led to it."""

    text: str
    category: str
    round: int
    origin: str
    group: str = ""


@dataclass(frozen=True)
class Round:
    """Instructions that are new, of so many that were looked at."""

    looked_at: int
    instructions: list[Instruction]


def list_prompt(examples: Sequence[str]) -> str:
    """Return a numbered list of tasks that breaks off where the next one begins."""
    shown = "".join(f"{LABEL} {n}: {text}\n" for n, text in enumerate(examples, 1))
    return f"{shown}{LABEL} {len(examples) + 1}:"


def parse_list(text: str, *, finished: bool) -> list[str]:
    """Return the tasks with which a model continued `list_prompt`; one that was cut off is left out."""
    items = re.split(rf"\n+{LABEL} \d+[:.]", text)
    whole = items if finished else items[:-1]
    return [item.strip() for item in whole if item.strip()]


class SelfInstruct:
    """Rounds of new instructions; what each round gives depends on the rounds before and on the model alone.

    Attributes:
        generated: instructions that the model wrote.
        removed: how many of them each filter removed.
    """

    def __init__(
        self,
        seeds: Sequence[Seed],
        overlap: SuiteOverlap,
        known: Iterable[str],
        parameters: DataParameters,
    ) -> None:
        """Begin.

        Args:
            seeds: hand-made examples; they are never accepted again.
            overlap: knows the evaluation suite.
            known: instructions of earlier batches; they are not accepted either.
            parameters: sizes of rounds, sampling, the seed and the batch.
        """
        self._parameters = parameters
        self._overlap = overlap
        self._pool: dict[str, list[str]] = {}
        self._category = {seed.group: seed.category for seed in seeds}
        for seed in seeds:
            self._pool.setdefault(seed.group, []).append(seed.instruction)
        self._accepted: dict[str, list[str]] = {group: [] for group in self._pool}
        self._demands = {group: _demands(examples) for group, examples in self._pool.items()}
        kinds = Counter(self._category.values())
        self._share = {group: 1 / kinds[category] for group, category in self._category.items()}
        self._opens = filters.openings([seed.instruction for seed in seeds])
        self._openings: Counter[str] = Counter()
        self._seen = NearDuplicates()
        for text in (*(seed.instruction for seed in seeds), *known):
            self._seen.add(text)
        self._lists: Counter[str] = Counter()
        self.generated = 0
        self.removed: Counter[str] = Counter()

    def round(self, number: int, rows: Mapping[str, int], complete: Complete) -> Round:
        """Return what one round adds.

        Args:
            number: the round, from 0.
            rows: how many rows each group has so far, or each category.
            complete: generates text.
        """
        p = self._parameters
        lists = [
            (group, self._examples(group, Random(f"{p.seed} {p.batch} {number} {n}")))
            for n, group in enumerate(self._groups(rows))
        ]
        prompts = [list_prompt(examples) for _, examples in lists for _ in range(p.samples_per_list)]
        seeds = [derive_seed(p.seed, p.batch, number, n) for n in range(len(prompts))]
        sampling = Sampling(p.list_tokens, p.list_temperature, TOP_P, ("\n\n",))
        found, before = [], self.generated
        for n, completion in enumerate(complete(prompts, seeds, sampling)):
            group = lists[n // p.samples_per_list][0]
            for item, text in enumerate(parse_list(completion.text, finished=completion.finished)):
                self.generated += 1
                if problem := self._problem(text, group):
                    self.removed[problem] += 1
                    continue
                self._openings[_opening(text)] += 1
                self._accepted[group].append(text)
                origin = f"{p.batch}.{number}.{n}.{item}"
                found.append(Instruction(text, self._category[group], number, origin, group))
        return Round(self.generated - before, list(_in_turn(found)))

    def _problem(self, text: str, group: str) -> str | None:
        problem = filters.instruction_problem(text, self._opens)
        if problem := problem or filters.harm_problem(self._category[group], text):
            return problem
        if not _keeps(text, self._demands[group]):
            return "another kind of instruction"
        if text in self._seen:  # the cheap test first: of many rounds most are exact duplicates
            return "duplicate instruction"
        if self._overlap.find_contamination(text):
            return "in the evaluation suite"
        most = max(OPENING_FREE, OPENING_SHARE * self._openings.total())
        if self._openings[_opening(text)] >= most:
            return "too common an opening"
        return None if self._seen.add(text) else "duplicate instruction"

    def _examples(self, group: str, rng: Random) -> list[str]:
        own = self._accepted[group]
        new = rng.sample(own, min(ACCEPTED_SHOWN, len(own)))
        hand_made = self._pool[group]
        old = rng.sample(hand_made, min(self._parameters.list_examples - len(new), len(hand_made)))
        return rng.sample([*old, *new], len(old) + len(new))

    def _groups(self, rows: Mapping[str, int]) -> list[str]:
        """Choose the group of each list of a round: each once, then those with the fewest rows to come.

        Categories count alike, and so do the groups of one. None gets more than twice its share of the
        lists, so that one which the model cannot do costs little.
        """
        total, categories = self._parameters.lists_per_round, len(set(self._category.values()))
        most = {g: max(1, math.ceil(2 * total * share / categories)) for g, share in self._share.items()}
        so_far = {g: rows.get(g, rows.get(self._category[g], 0) * share) for g, share in self._share.items()}
        planned: Counter[str] = Counter()
        chosen = []
        for _ in range(total):
            open_ones = [g for g in self._pool if planned[g] < most[g]]
            expected = {
                g: (so_far[g] + planned[g] * max(1.0, so_far[g] / max(1, self._lists[g]))) / self._share[g]
                for g in open_ones
            }
            group = min(open_ones, key=lambda g: (planned[g] > 0, expected[g]))
            planned[group] += 1
            chosen.append(group)
        self._lists.update(planned)
        return chosen


def _demands(examples: Sequence[str]) -> frozenset[str] | None:
    """Return the kinds of checks that all examples share; None where some example has none."""
    kinds = [frozenset(check.kind for check in infer_checks(text)) for text in examples]
    return frozenset.intersection(*kinds) if all(kinds) else None


def _keeps(text: str, demands: frozenset[str] | None) -> bool:
    """Say whether an instruction can be checked as all examples can, where they can."""
    if demands is None:
        return True
    kinds = {check.kind for check in infer_checks(text)}
    return bool(kinds) and demands <= kinds


def _in_turn(instructions: Iterable[Instruction]) -> Iterator[Instruction]:
    """Yield instructions of the categories in turn, so that whoever stops in between has some of each."""
    by_category: dict[str, list[Instruction]] = {}
    for one in instructions:
        by_category.setdefault(one.category, []).append(one)
    for some in itertools.zip_longest(*by_category.values()):
        yield from (one for one in some if one)


def _opening(text: str) -> str:
    return " ".join(list_words(text)[:3])
