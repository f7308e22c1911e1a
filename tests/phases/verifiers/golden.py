"""Record verdicts of the verifiers, so that a change of any verdict is noticed.

`python -m tests.phases.verifiers.golden [FILE...]` updates `golden_verdicts.jsonl`. It keeps the recorded
cases and adds those of the examples in the tests and of evaluations (`eval_*.json`). If there is no file yet,
cases also come from the suites and from `docs/results`. It refuses if a verdict changed and
`VERIFIERS_VERSION` was not incremented.

The first row of the file holds the version, every other row a case with its verdict.
"""

import argparse
import random
import re
import sys
from ast import literal_eval
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec

from phases.scoring.results import read_evaluation
from phases.scoring.suite import EMBEDDED, STAGE1, load_suite
from phases.verifiers import ifeval
from phases.verifiers.infer import infer_checks
from phases.verifiers.registry import VERIFIERS, VERIFIERS_VERSION, Check, find_failures
from tests.phases.verifiers import test_ifeval, test_registry

FILE: Final = Path(__file__).with_name("golden_verdicts.jsonl")
RESULTS: Final = Path(__file__).parents[3] / "docs" / "results"
MAX_FILE_BYTES: Final = 1_450_000
MAX_RESPONSE_CHARACTERS: Final = 1_000
CASES_PER_SOURCE: Final = {"suites": 1200, "results": 500, "evaluations": 700}
"""Cases taken from each source, besides all examples in the tests."""
MIN_CASES: Final = 6
"""Passing and failing cases that every kind of check needs."""


class GoldenCase(msgspec.Struct, frozen=True, omit_defaults=True):
    """A response to an instruction with checks, and its verdict: the failures, for IFEval also loose ones."""

    checks: tuple[Check, ...]
    instruction: str
    response: str
    failures: tuple[str, ...] = ()
    loose_failures: tuple[str, ...] = ()

    @property
    def key(self) -> bytes:
        """Identity of the case, without its verdict."""
        return msgspec.json.encode((self.checks, self.instruction, self.response), order="sorted")


class GoldenHeader(msgspec.Struct, frozen=True):
    """The first row: the version of the recorded verdicts."""

    verifiers_version: int


def check_case(checks: Sequence[Check], instruction: str, response: str) -> GoldenCase:
    """Return a case with its current verdict."""
    if ifeval.has_ifeval_checks(checks):
        strict, loose = (
            ifeval.find_strict_failures(checks, response),
            ifeval.find_loose_failures(checks, response),
        )
        return GoldenCase(tuple(checks), instruction, response, strict, loose)
    return GoldenCase(tuple(checks), instruction, response, find_failures(instruction, checks, response))


def recheck(case: GoldenCase) -> GoldenCase:
    """Return a case with its current verdict."""
    return check_case(case.checks, case.instruction, case.response)


def read_cases() -> tuple[int, list[GoldenCase]]:
    """Return the version of the recorded verdicts and the cases."""
    first, *rest = FILE.read_bytes().splitlines()
    version = msgspec.json.decode(first, type=GoldenHeader).verifiers_version
    return version, [msgspec.json.decode(line, type=GoldenCase) for line in rest]


def find_changed(cases: Sequence[GoldenCase]) -> list[tuple[GoldenCase, GoldenCase]]:
    """Return the cases whose verdict changed, each with its current verdict."""
    pairs = [(case, recheck(case)) for case in cases]
    return [(old, new) for old, new in pairs if old != new]


def find_uncovered(cases: Sequence[GoldenCase], least: int = MIN_CASES) -> list[str]:
    """Return the kinds of check with too few passing or failing cases."""
    missing = []
    for kind in (*VERIFIERS, *ifeval.INSTRUCTIONS):
        own = [case for case in cases if any(check.kind == kind for check in case.checks)]
        failing = sum(kind in case.failures for case in own)
        if failing < least or len(own) - failing < least:
            missing.append(f"{kind}: {len(own) - failing} pass, {failing} fail")
    return missing


def _vary(text: str) -> list[str]:
    """Return variations of an answer, some of which change the verdict."""
    return [
        text.upper(),
        text.lower(),
        f'"{text}"',
        f"Sure! {text}",
        f"{text}\nI hope this helps.",
        f"{text} {text}",
        text.rstrip(".!?"),
        f"{text}.",
        text.replace(",", ""),
        text.replace(",", ";"),
        f"- {text}",
        f"1. {text}",
        f"**{text}**",
        f"```\n{text}\n```",
        text.replace(" ", "\n"),
        text.replace("'", "’"),
        f" \n{text}\n ",
        f"{text}\nInstruction: go on",
        f"not {text}",
        f"{text}?",
        " ".join(text.split()[:-1]),
        " ".join(reversed(text.split())),
        "I'm sorry, but I can't help with that.",
        "",
    ]


def _generate_suite_cases(rng: random.Random) -> Iterator[GoldenCase]:
    prompts = [prompt for name in (STAGE1, EMBEDDED) for prompt in load_suite(name).prompts]
    for prompt in prompts:
        own = prompt.reference
        kinds = {check.kind for check in prompt.checks}
        near = [p.reference for p in prompts if kinds & {c.kind for c in p.checks} and p.reference != own]
        for response in (own, rng.choice(near or [own]), *rng.sample(_vary(own), 2)):
            yield check_case(prompt.checks, prompt.instruction, response)


def _generate_test_cases() -> Iterator[GoldenCase]:
    for kind, arguments, good, bad in (*test_registry.EXAMPLES, *test_ifeval.EXAMPLES):
        for response in (*good, *bad):
            yield check_case([Check(kind, arguments)], "", response)
    for kind, arguments, good, _ in (*test_registry.EXAMPLES, *test_ifeval.EXAMPLES):
        for response in _vary(good[0])[:20]:
            yield check_case([Check(kind, arguments)], "", response)
    instructions = [Check(kind, arguments) for kind, arguments, *_ in test_ifeval.EXAMPLES]
    answers = [good[0] for *_, good, _ in test_ifeval.EXAMPLES]
    for n, check in enumerate(instructions):
        # Several instructions at once, with answers that follow them loosely or in part.
        both = [check, instructions[(n + 7) % len(instructions)]]
        for response in (
            f"Sure:\n{answers[n]}\nDone.",
            f"*{answers[n]}*",
            f"{answers[n]}, or so",
            answers[(n + 7) % len(answers)],
        ):
            yield check_case(both, "", response)
        for response in (*answers[n % 3 :: 3], ", ".join(answers[n % 5 :: 5]), ""):
            yield check_case([check], "", response)
        for word in (
            w for value in check.arguments.values() for w in (value if isinstance(value, list) else [value])
        ):
            for response in (
                f"It is {word}, they say.",
                f"[{word}] {word} {word}.",
                f"{word}s and {word}-{word}",
            ):
                yield check_case([check], "", response)


_SHOWN: Final = re.compile(r"(\w+): ('(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")(?: \||$)")


def _generate_result_cases() -> Iterator[GoldenCase]:
    """Yield the answers of models in `docs/results`, with the checks inferred from their instructions."""
    for path in sorted(RESULTS.glob("*/*.quality.txt")):
        for line in path.read_text().splitlines():
            shown = {name: literal_eval(text) for name, text in _SHOWN.findall(line)}
            instruction = shown.get("instruction", "")
            for name in ("response", "chosen", "rejected"):
                if name in shown and (checks := infer_checks(instruction)):
                    yield check_case(checks, instruction, shown[name])
    suite = {prompt.instruction: prompt for prompt in load_suite(STAGE1).prompts}
    answer = re.compile(r"^ +(?:base|SFT|DPO): ('.*'|\".*\")$")
    for path in sorted(RESULTS.glob("*/*.txt")):
        asked = None
        for line in path.read_text().splitlines():
            if given := answer.match(line):
                if asked:
                    yield check_case(asked.checks, asked.instruction, literal_eval(given[1]))
            else:
                quoted = [
                    literal_eval(q) for q in re.findall(r"('(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")$", line)
                ]
                asked = suite.get(quoted[0]) if quoted else asked


def _generate_evaluation_cases(paths: Sequence[Path]) -> Iterator[GoldenCase]:
    prompts = {(p.key, p.instruction): p for name in (STAGE1, EMBEDDED) for p in load_suite(name).prompts}
    for path in paths:
        evaluation = read_evaluation(path)
        for result in (*evaluation.results, *evaluation.results_few_shot):
            if prompt := prompts.get((result.key, result.instruction)):
                yield check_case(prompt.checks, prompt.instruction, result.response)


def collect_cases(paths: Sequence[Path], earlier: Sequence[GoldenCase] = ()) -> list[GoldenCase]:
    """Return the cases of all sources without duplicates: recorded ones first, until the file is full."""
    rng = random.Random(1)
    collected: dict[bytes, GoldenCase] = {}
    size = 0

    def take(cases: Sequence[GoldenCase], most: int) -> None:
        nonlocal size
        for case in cases:
            length = len(msgspec.json.encode(case)) + 1
            fits = len(case.response) <= MAX_RESPONSE_CHARACTERS and size + length <= MAX_FILE_BYTES
            if most and fits and case.key not in collected:
                collected[case.key] = case
                size += length
                most -= 1

    def mixed(cases: Iterator[GoldenCase]) -> list[GoldenCase]:
        some = list(cases)
        return rng.sample(some, len(some))

    take([recheck(case) for case in earlier], len(earlier))
    if not earlier:
        sources: tuple[tuple[list[GoldenCase], int], ...] = (
            (list(_generate_test_cases()), sys.maxsize),
            (mixed(_generate_result_cases()), CASES_PER_SOURCE["results"]),
            (mixed(_generate_evaluation_cases(paths)), CASES_PER_SOURCE["evaluations"]),
            (mixed(_generate_suite_cases(rng)), CASES_PER_SOURCE["suites"]),
        )
        for cases, most in sources:
            take(cases, most)
    else:
        take([*_generate_test_cases(), *_generate_evaluation_cases(paths)], sys.maxsize)
    return list(collected.values())


def main(argv: Sequence[str] | None = None, log: Callable[[str], object] = print) -> int:
    """Update the recorded verdicts; return 1 if a verdict changed without a new version."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.phases.verifiers.golden", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("evaluations", nargs="*", type=Path, help="eval_*.json whose answers become cases")
    paths = parser.parse_args(argv).evaluations
    version, earlier = read_cases() if FILE.exists() else (0, [])
    changes = find_changed(earlier)
    if changes and version >= VERIFIERS_VERSION:
        log(f"{len(changes)} verdicts changed: increment VERIFIERS_VERSION above {version} first")
        return 1
    cases = collect_cases(paths, earlier)
    rows: list[GoldenHeader | GoldenCase] = [GoldenHeader(VERIFIERS_VERSION), *cases]
    FILE.write_bytes(b"".join(msgspec.json.encode(row) + b"\n" for row in rows))
    log(f"{len(cases)} cases under version {VERIFIERS_VERSION}; {len(changes)} verdicts changed")
    for line in find_uncovered(cases):
        log(f"too few cases: {line}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
