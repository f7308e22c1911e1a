"""The prompts of preference pairs: given instructions first, then generated ones, with constraints added."""

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from random import Random
from typing import Final

from phases.contract import files
from phases.contract.errors import BadInputError
from phases.contract.reporter import Reporter
from phases.datagen.constraints import CONSTRAINT_KINDS, add_constraints
from phases.datagen.run import DataRun
from phases.datagen.self_instruct import IN_SUITE, UNCLEAR, Instruction, InstructionRound, SelfInstruct
from phases.datagen.vetted import find_vetted_category
from phases.generation.completion_cache import derive_seed
from phases.preference_pairs.pairs import PairMaker
from phases.preference_pairs.spec import Parameters
from phases.scoring.overlap import SuiteOverlap

FIRST_ROUND: Final = 256
"""Given instructions in the first round, which is short because it shows which constraints are too hard."""

GivenInstruction = tuple[str, str]
"""The text and the category of an instruction from a file."""


def read_instructions(patterns: Sequence[str], reporter: Reporter) -> list[GivenInstruction]:
    """Return the distinct instructions of JSONL rows.

    Raises:
        BadInputError: a pattern matches no file, or a row has no instruction.
    """
    try:
        paths = files.expand_patterns(patterns)
    except FileNotFoundError as error:
        raise BadInputError(f"--prompts-from: {error}; run the phase that makes them first") from error
    category_of: dict[str, str] = {}
    for path in paths:
        reporter.input(path)
        for number, row in files.read_numbered_rows(path):
            if not isinstance(row.get("instruction"), str):
                raise BadInputError(f"{path}, line {number}: expected an object with a text 'instruction'")
            category_of.setdefault(row["instruction"], str(row.get("category", "given")))
    return list(category_of.items())


class PromptSource:
    """Yields rounds of prompts.

    Attributes:
        generator: generates new instructions after the given ones.
        removed: number of prompts removed by each filter.
    """

    def __init__(
        self, parameters: Parameters, data: DataRun, given_instructions: Sequence[GivenInstruction]
    ) -> None:
        """Prepare the first round.

        Args:
            parameters: parameters of the phase.
            data: the run.
            given_instructions: instructions to use first.
        """
        self._parameters = parameters
        self._data = data
        self._given = given_instructions
        self._used = {row["instruction"] for row in data.earlier}
        # The SFT model was trained on what the lists of the SFT data's seed lead to, so use other lists.
        seed = derive_seed(parameters.seed, "preference_pairs")
        existing = [*self._used, *(text for text, _ in given_instructions)]
        self.generator = SelfInstruct(
            data.seeds,
            data.filters,
            existing,
            parameters.model_copy(update={"seed": seed}),
            data.harm_judge,
        )
        self.removed: Counter[str] = Counter()

    def generate_rounds(self, pairs: PairMaker, size: int) -> Iterator[InstructionRound]:
        """Yield rounds of prompts without end.

        Args:
            pairs: the pairs so far, which determine what to generate next.
            size: given instructions per round after the first one.
        """
        p = self._parameters
        order = Random(f"{p.seed} {p.batch}").sample(self._given, len(self._given))
        bounds = sorted({0, *range(FIRST_ROUND, len(order), size), len(order)})
        for number, (first, last) in enumerate(itertools.pairwise(bounds)):
            instructions = [
                Instruction(text, category, number, "given")
                for text, category in order[first:last]
                if text not in self._used
            ]
            prompts = self._make_prompts(instructions, pairs.unsatisfied_kinds)
            yield InstructionRound(len(prompts), prompts)
        complete_by_base = partial(self._data.complete, base=True)
        for number in itertools.count():
            generated = self.generator.generate_round(number, pairs.prompts, complete_by_base)
            prompts = self._make_prompts(generated.instructions, pairs.unsatisfied_kinds)
            yield InstructionRound(max(generated.considered, len(prompts)), prompts)

    def _make_prompts(
        self, instructions: Sequence[Instruction], excluded_kinds: set[str]
    ) -> list[Instruction]:
        """Return the instructions and their variants with constraints, in their correct categories.

        Only vetted instructions are declined. Others are removed unless they are clearly harmless.
        """
        p, prompts = self._parameters, []
        vetted = [find_vetted_category(instruction.text) for instruction in instructions]
        is_harmless = self._data.harm_judge.list_harmless([instruction.text for instruction in instructions])
        for n, instruction in enumerate(instructions):
            category = vetted[n] or instruction.category
            if vetted[n] is None and (category == "refusal" or not is_harmless[n]):
                self.removed[UNCLEAR] += 1
                continue
            rng = Random(f"{p.seed} {p.batch} {instruction.text}")
            kinds = _get_constraint_kinds(category) - excluded_kinds
            variants = add_constraints(instruction.text, p.demands, rng, kinds)
            prompts += [
                replace(instruction, text=text, category=category) for text in (instruction.text, *variants)
            ]
        matches = self._data.filters.map_with_overlap(
            SuiteOverlap.find_contamination, [prompt.text for prompt in prompts]
        )
        clean = [prompt for prompt, match in zip(prompts, matches, strict=True) if match is None]
        self.removed[IN_SUITE] += len(prompts) - len(clean)
        return clean


def _get_constraint_kinds(category: str) -> frozenset[str]:
    """Return the kinds of constraints to add to the instructions of a category.

    Harmful requests get only constraints that a refusal can satisfy. Without any, a constraint would be a
    sign that a request is harmless.
    """
    if category == "completion":  # Its text is continued verbatim.
        return frozenset()
    if category == "refusal":
        return frozenset({"sentences"})
    return CONSTRAINT_KINDS
