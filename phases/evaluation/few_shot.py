"""Solved examples before a prompt, which show a model that was never tuned how to answer and stop."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from random import Random

from phases.datagen.seeds import Seed, load_seeds
from phases.models.prompt_format import format_prompt
from phases.scoring.overlap import SuiteOverlap
from phases.scoring.suite import Suite, choose_default_suite, index_instructions, load_halves

Examples = Mapping[str, tuple[Seed, ...]]
"""The solved examples before the prompts of each category."""


def choose_examples(suites: Sequence[Suite], base_model: str, count: int, seed: int) -> Examples:
    """Return seeds as solved examples for each category of prompts; none resembles a suite prompt.

    The examples are of the prompt's category, as varied in kind as the seeds allow. A category without seeds
    gets examples of all categories.

    Args:
        suites: the halves of the suite, which the examples must not reveal.
        base_model: name of the base model, which decides the set of seeds.
        count: number of examples for each prompt; fewer if there are not enough seeds.
        seed: seed of the choice and of the order.
    """
    if not count:
        return {}
    default = choose_default_suite(base_model)
    shipped = [half for half in load_halves(default) if half.name not in {suite.name for suite in suites}]
    overlap = SuiteOverlap(index_instructions([*suites, *shipped]))
    seeds = load_seeds(default)
    usable = [example for example in seeds if not overlap.find_contamination(example.instruction)]
    by_category: dict[str, list[Seed]] = defaultdict(list)
    for example in usable:
        by_category[example.category].append(example)
    categories = dict.fromkeys(prompt.category for suite in suites for prompt in suite.prompts)
    return {
        category: _choose_varied(by_category.get(category, usable), count, Random(f"{seed} {category}"))
        for category in categories
    }


def format_examples(examples: Sequence[Seed]) -> str:
    """Return the text before a prompt: each example in the prompt format, followed by a blank line."""
    return "".join(f"{format_prompt(e.instruction)} {e.response}\n\n" for e in examples)


def _choose_varied(seeds: Sequence[Seed], count: int, rng: Random) -> tuple[Seed, ...]:
    """Return random seeds in random order, with as many groups among them as possible."""
    by_group: dict[str, list[Seed]] = defaultdict(list)
    for example in rng.sample(seeds, len(seeds)):
        by_group[example.group].append(example)
    depth = max(map(len, by_group.values()), default=0)
    in_rounds = [group[level] for level in range(depth) for group in by_group.values() if level < len(group)]
    return tuple(rng.sample(in_rounds[:count], min(count, len(in_rounds))))
