"""New instructions from a base model that continues lists of tasks (Self-Instruct, arXiv 2212.10560).

Each list shows instructions of one category, hand-made ones and some that were accepted before; what the
model adds is parsed, filtered, kept apart from the evaluation suite and from everything accepted before.
Categories that lag behind get more lists.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

from phases.common import filters
from phases.common.data import DataParameters, Seed
from phases.common.dedupe import NearDuplicates, SuiteOverlap, words
from phases.common.generate import Completion
from phases.common.recorded import Sampling, seed_of

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
    """An instruction, its category, the round that it belongs to, and where it is from."""

    text: str
    category: str
    round: int
    origin: str


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
        for seed in seeds:
            self._pool.setdefault(seed.category, []).append(seed.instruction)
        self._accepted: dict[str, list[str]] = {category: [] for category in self._pool}
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
            rows: how many rows each category has so far.
            complete: generates text.
        """
        p = self._parameters
        lists = [
            (category, self._examples(category, Random(f"{p.seed} {p.batch} {number} {n}")))
            for n, category in enumerate(self._categories(rows))
        ]
        prompts = [list_prompt(examples) for _, examples in lists for _ in range(p.samples_per_list)]
        seeds = [seed_of(p.seed, p.batch, number, n) for n in range(len(prompts))]
        sampling = Sampling(p.list_tokens, p.list_temperature, TOP_P, ("\n\n",))
        found, before = [], self.generated
        for n, completion in enumerate(complete(prompts, seeds, sampling)):
            category = lists[n // p.samples_per_list][0]
            for item, text in enumerate(parse_list(completion.text, finished=completion.finished)):
                self.generated += 1
                if problem := self._problem(text):
                    self.removed[problem] += 1
                    continue
                self._openings[_opening(text)] += 1
                self._accepted[category].append(text)
                found.append(Instruction(text, category, number, f"{p.batch}.{number}.{n}.{item}"))
        return Round(self.generated - before, found)

    def _problem(self, text: str) -> str | None:
        if problem := filters.instruction_problem(text, self._opens):
            return problem
        if self._seen.holds(text):  # the cheap test first: of many rounds most are exact duplicates
            return "duplicate instruction"
        nearest = self._overlap.nearest(text)
        if nearest and nearest.contaminated:
            return "in the evaluation suite"
        most = max(OPENING_FREE, OPENING_SHARE * self._openings.total())
        if self._openings[_opening(text)] >= most:
            return "too common an opening"
        return None if self._seen.add(text) else "duplicate instruction"

    def _examples(self, category: str, rng: Random) -> list[str]:
        own = self._accepted[category]
        new = rng.sample(own, min(ACCEPTED_SHOWN, len(own)))
        hand_made = self._pool[category]
        old = rng.sample(hand_made, min(self._parameters.list_examples - len(new), len(hand_made)))
        return rng.sample([*old, *new], len(old) + len(new))

    def _categories(self, rows: Mapping[str, int]) -> list[str]:
        """Choose the category of each list of a round: each once, then those with the fewest rows to come.

        None gets more than twice its share of the lists, so that one which the model cannot do costs little.
        """
        total = self._parameters.lists_per_round
        most = max(1, -(-2 * total // len(self._pool)))
        planned: Counter[str] = Counter()
        chosen = []
        for _ in range(total):
            open_ones = [c for c in self._pool if planned[c] < most]
            expected = {
                c: rows.get(c, 0) + planned[c] * max(1.0, rows.get(c, 0) / max(1, self._lists[c]))
                for c in open_ones
            }
            category = min(open_ones, key=lambda c: (planned[c] > 0, expected[c]))
            planned[category] += 1
            chosen.append(category)
        self._lists.update(planned)
        return chosen


def _opening(text: str) -> str:
    return " ".join(words(text)[:3])
