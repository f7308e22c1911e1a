"""Build the evaluation suites: `python -m tools.suites.build` writes the files of `phases/suites`.

Changing any prompt changes the version of the suite, and evaluations of different versions are not compared.
"""

import sys
from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec

from phases.contract import files
from phases.datagen.seeds import load_seeds
from phases.scoring.overlap import SuiteOverlap
from phases.scoring.suite import EMBEDDED, STAGE1, SUITES, TEST_HALF, Prompt, load_suite
from phases.verifiers.registry import find_failures
from tools.suites import embedded, stage1

SEED = 20251003
TEST_SEED = 20260917


def write_suite(name: str, prompts: Sequence[Prompt]) -> None:
    """Write a suite after checking that every correct answer passes and every wrong one fails.

    Raises:
        ValueError: an answer is misjudged; the message lists all of them.
    """
    if misjudged := [line for prompt in prompts for line in find_misjudged(prompt)]:
        raise ValueError("\n".join([f"{name}: {len(misjudged)} answers are misjudged", *misjudged]))
    files.write_atomically(
        SUITES / f"{name}.jsonl", b"".join(msgspec.json.encode(prompt) + b"\n" for prompt in prompts)
    )
    suite = load_suite(name)
    counts = Counter(prompt.category for prompt in suite.prompts)
    sys.stdout.write(f"{name}: {len(prompts)} prompts, version {suite.version[:12]}, {dict(counts)}\n")


def draw_embedded_test(development: Iterable[Prompt]) -> list[Prompt]:
    """Return the test half of the embedded suite: other instructions, none of which resembles a seed."""
    used = {prompt.instruction for prompt in development}
    while True:
        prompts = {prompt.key: prompt for prompt in embedded.draw_prompts(TEST_SEED, used)}
        overlap = SuiteOverlap({key: prompt.instruction for key, prompt in prompts.items()})
        matches = [overlap.find_contamination(seed.instruction) for seed in load_seeds(EMBEDDED)]
        resembling = {prompts[match.key].instruction for match in matches if match}
        if not resembling:
            return list(prompts.values())
        used |= resembling


def find_misjudged(prompt: Prompt) -> list[str]:
    """Return the prompt's correct answers that fail and the wrong ones that pass, even if only loosely."""
    misjudged = []
    for answer in prompt.correct:
        if failures := find_failures(prompt.instruction, prompt.checks, answer):
            misjudged.append(f"{prompt.key} {prompt.instruction!r}: correct {answer!r} fails {failures}")
    for answer in prompt.wrong:
        if not find_failures(prompt.instruction, prompt.checks, answer, loose=True):
            misjudged.append(f"{prompt.key} {prompt.instruction!r}: wrong {answer!r} passes")
    return misjudged


def build_suites() -> dict[str, list[Prompt]]:
    """Return the prompts of each suite by its name."""
    development = list(embedded.draw_prompts(SEED))
    return {
        EMBEDDED: development,
        EMBEDDED + TEST_HALF: draw_embedded_test(development),
        STAGE1: list(stage1.make_prompts()),
        STAGE1 + TEST_HALF: list(stage1.make_test_prompts()),
    }


def main() -> int:
    """Build all suites."""
    for name, prompts in build_suites().items():
        write_suite(name, prompts)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
