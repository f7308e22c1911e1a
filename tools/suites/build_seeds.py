"""Build the seed instructions of the embedded model: `python -m tools.suites.build_seeds`."""

import sys
from collections import Counter
from typing import Final

import msgspec

from phases.contract import files
from phases.datagen.dedupe import NearDuplicates
from phases.datagen.seeds import SEEDS_FOLDER, Seed
from phases.scoring.overlap import SuiteOverlap
from phases.scoring.suite import EMBEDDED, index_instructions, load_halves
from tools.suites import embedded

FIRST_SEED: Final = 7
"""First random seed; the suite is drawn with another one."""
SEEDS_PER_CATEGORY: Final = 16


def draw_seeds() -> list[Seed]:
    """Return tasks of the embedded model's world, equally many per category and none resembling the suite."""
    overlap = SuiteOverlap(index_instructions(load_halves(EMBEDDED)))
    seen, counts, seeds = NearDuplicates(), Counter[str](), []
    for number in range(FIRST_SEED, FIRST_SEED + 4):
        for prompt in embedded.draw_prompts(number):
            if counts[prompt.category] == SEEDS_PER_CATEGORY or overlap.find_contamination(
                prompt.instruction
            ):
                continue
            if seen.add(prompt.instruction):
                counts[prompt.category] += 1
                seeds.append(Seed(prompt.category, prompt.instruction, prompt.reference))
    return sorted(seeds, key=lambda seed: seed.category)


def main() -> int:
    """Write the file."""
    seeds = draw_seeds()
    rows = b"".join(msgspec.json.encode(seed) + b"\n" for seed in seeds)
    files.write_atomically(SEEDS_FOLDER / f"{EMBEDDED}.jsonl", rows)
    sys.stdout.write(f"{len(seeds)} seeds: {dict(Counter(seed.category for seed in seeds))}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
