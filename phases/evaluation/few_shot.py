"""Solved examples before a prompt, which show a model that was never tuned how to answer and stop."""

import itertools
from collections import defaultdict
from collections.abc import Sequence
from random import Random

from phases.datagen.seeds import Seed, load_seeds
from phases.models.prompt_format import format_prompt
from phases.scoring.overlap import SuiteOverlap
from phases.scoring.suite import Suite, default_suite, index_instructions, load_halves


def choose_examples(suite: Suite, base_model: str, count: int, seed: int) -> tuple[Seed, ...]:
    """Return seeds as solved examples, evenly from all categories and none resembling a suite prompt.

    Args:
        suite: the suite that the examples must not reveal.
        base_model: name of the base model, which decides the set of seeds.
        count: number of examples; fewer if there are not enough seeds.
        seed: seed of the choice and of the order.
    """
    if not count:
        return ()
    others = [half for half in load_halves(default_suite(base_model)) if half.name != suite.name]
    overlap = SuiteOverlap(index_instructions([suite, *others]))
    by_category: dict[str, list[Seed]] = defaultdict(list)
    rng = Random(seed)
    seeds = load_seeds(default_suite(base_model))
    for example in rng.sample(seeds, len(seeds)):
        if not overlap.find_contamination(example.instruction):
            by_category[example.category].append(example)
    rounds = itertools.zip_longest(*by_category.values())
    alternating = [example for examples in rounds for example in examples if example]
    chosen = alternating[:count]
    return tuple(rng.sample(chosen, len(chosen)))


def format_examples(examples: Sequence[Seed]) -> str:
    """Return the text before a prompt: each example in the prompt format, followed by a blank line."""
    return "".join(f"{format_prompt(e.instruction)} {e.response}\n\n" for e in examples)
