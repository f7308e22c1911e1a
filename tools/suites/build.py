"""Build the evaluation suites: `python -m tools.suites.build` writes both files of `phases/suites`.

Changing any prompt changes the version of the suite, and evaluations of different versions are not compared.
"""

import sys
from collections import Counter
from collections.abc import Iterable

import msgspec

from phases.contract import files
from phases.scoring.suite import EMBEDDED, STAGE1, SUITES, Prompt, load_suite
from phases.verifiers.registry import find_failures
from tools.suites import embedded, stage1

SEED = 20251003


def write_suite(name: str, prompts: Iterable[Prompt]) -> None:
    """Write a suite after checking that every reference answer passes its checks.

    Raises:
        ValueError: a reference fails; the message names the prompt.
    """
    rows = list(prompts)
    for row in rows:
        if failures := find_failures(row.instruction, row.checks, row.reference):
            raise ValueError(f"{row.key} {row.instruction!r}: {row.reference!r} fails {failures}")
    files.write_atomically(
        SUITES / f"{name}.jsonl", b"".join(msgspec.json.encode(row) + b"\n" for row in rows)
    )
    suite = load_suite(name)
    counts = Counter(prompt.category for prompt in suite.prompts)
    sys.stdout.write(f"{name}: {len(rows)} prompts, version {suite.version[:12]}, {dict(counts)}\n")


def main() -> int:
    """Build both suites."""
    write_suite(EMBEDDED, embedded.draw_prompts(SEED))
    write_suite(STAGE1, stage1.make_prompts())
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
