"""Build the seed instructions of the embedded model: `python -m tools.suites.build_seeds`."""

import sys
from collections import Counter
from typing import Final

import msgspec

from phases.contract import files
from phases.datagen.dedupe import NearDuplicates
from phases.datagen.seeds import SEEDS_FOLDER, Seed
from phases.scoring.overlap import SuiteOverlap
from phases.scoring.suite import EMBEDDED, load_suite
from tools.suites import embedded

DRAW: Final = 7
"""Seed of the drawing; the suite is drawn with another."""
EACH: Final = 16
"""Seed instructions of a category."""


def draw() -> list[Seed]:
    """Return tasks of the embedded model's world, as many of each category, none of them in the suite."""
    overlap = SuiteOverlap({prompt.key: prompt.instruction for prompt in load_suite(EMBEDDED).prompts})
    seen, counts, seeds = NearDuplicates(), Counter[str](), []
    for number in range(DRAW, DRAW + 4):
        for prompt in embedded.prompts(number):
            if counts[prompt.category] == EACH or overlap.find_contamination(prompt.instruction):
                continue
            if seen.add(prompt.instruction):
                counts[prompt.category] += 1
                seeds.append(Seed(prompt.category, prompt.instruction, prompt.reference))
    return sorted(seeds, key=lambda seed: seed.category)


def main() -> int:
    """Write the file."""
    seeds = draw()
    rows = b"".join(msgspec.json.encode(seed) + b"\n" for seed in seeds)
    files.write_atomically(SEEDS_FOLDER / f"{EMBEDDED}.jsonl", rows)
    sys.stdout.write(f"{len(seeds)} seeds: {dict(Counter(seed.category for seed in seeds))}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
