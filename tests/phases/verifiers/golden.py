"""Record verdicts of the verifiers, so that a change of any of them is noticed.

`python -m tests.phases.verifiers.golden [FILE...]` writes `golden_verdicts.jsonl` again. It keeps the cases
that are there and adds those of the examples in the tests and of the files named: evaluations
(`eval_*.json`), whose answers become cases. Where there is no file yet, cases come from the suites and from
`docs/results`, too. It refuses where a verdict changed and `VERIFIERS_VERSION` was not raised.

The first row of the file holds the version; each other row is a case with its verdict.
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
LARGEST: Final = 1_450_000
"""Bytes of the file."""
LONGEST: Final = 1_000
"""Characters of an answer that becomes a case."""
SHARES: Final = {"suites": 1200, "results": 500, "evaluations": 700}
"""Cases taken of each source; of the examples in the tests, all."""
ENOUGH: Final = 6
"""Cases that pass and that fail, each, which every kind of check is to have."""


class Case(msgspec.Struct, frozen=True, omit_defaults=True):
    """An answer to an instruction with checks, and its verdict: what it fails, by IFEval also loosely."""

    checks: tuple[Check, ...]
    instruction: str
    response: str
    failures: tuple[str, ...] = ()
    loose_failures: tuple[str, ...] = ()

    @property
    def key(self) -> bytes:
        """What the verdict is about."""
        return msgspec.json.encode((self.checks, self.instruction, self.response), order="sorted")


class Made(msgspec.Struct, frozen=True):
    """The first row: the version of the verifiers that gave the verdicts."""

    verifiers_version: int


def judged(checks: Sequence[Check], instruction: str, response: str) -> Case:
    """Return a case with its verdict by the verifiers as they are."""
    if ifeval.has_ifeval_checks(checks):
        strict, loose = (
            ifeval.find_strict_failures(checks, response),
            ifeval.find_loose_failures(checks, response),
        )
        return Case(tuple(checks), instruction, response, strict, loose)
    return Case(tuple(checks), instruction, response, find_failures(instruction, checks, response))


def again(case: Case) -> Case:
    """Return a case with its verdict by the verifiers as they are."""
    return judged(case.checks, case.instruction, case.response)


def read_cases() -> tuple[int, list[Case]]:
    """Return the version that the recorded verdicts are of, and the cases."""
    first, *rest = FILE.read_bytes().splitlines()
    version = msgspec.json.decode(first, type=Made).verifiers_version
    return version, [msgspec.json.decode(line, type=Case) for line in rest]


def changed(cases: Sequence[Case]) -> list[tuple[Case, Case]]:
    """Return the cases whose verdict is another one today, each with today's."""
    pairs = [(case, again(case)) for case in cases]
    return [(old, new) for old, new in pairs if old != new]


def uncovered(cases: Sequence[Case], least: int = ENOUGH) -> list[str]:
    """Return the kinds of check without so many cases that pass and that fail."""
    missing = []
    for kind in (*VERIFIERS, *ifeval.INSTRUCTIONS):
        own = [case for case in cases if any(check.kind == kind for check in case.checks)]
        failing = sum(kind in case.failures for case in own)
        if failing < least or len(own) - failing < least:
            missing.append(f"{kind}: {len(own) - failing} pass, {failing} fail")
    return missing


def _variants(text: str) -> list[str]:
    """Return changes of an answer, some of which alter a verdict and some of which must not."""
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


def _of_suites(rng: random.Random) -> Iterator[Case]:
    prompts = [prompt for name in (STAGE1, EMBEDDED) for prompt in load_suite(name).prompts]
    for prompt in prompts:
        own = prompt.reference
        kinds = {check.kind for check in prompt.checks}
        near = [p.reference for p in prompts if kinds & {c.kind for c in p.checks} and p.reference != own]
        for response in (own, rng.choice(near or [own]), *rng.sample(_variants(own), 2)):
            yield judged(prompt.checks, prompt.instruction, response)


def _of_tests() -> Iterator[Case]:
    for kind, arguments, good, bad in (*test_registry.EXAMPLES, *test_ifeval.EXAMPLES):
        for response in (*good, *bad):
            yield judged([Check(kind, arguments)], "", response)
    for kind, arguments, good, _ in (*test_registry.EXAMPLES, *test_ifeval.EXAMPLES):
        for response in _variants(good[0])[:20]:
            yield judged([Check(kind, arguments)], "", response)
    instructions = [Check(kind, arguments) for kind, arguments, *_ in test_ifeval.EXAMPLES]
    answers = [good[0] for *_, good, _ in test_ifeval.EXAMPLES]
    for n, check in enumerate(instructions):
        # Several instructions at once, with answers that loosely or only in part follow them.
        both = [check, instructions[(n + 7) % len(instructions)]]
        for response in (
            f"Sure:\n{answers[n]}\nDone.",
            f"*{answers[n]}*",
            f"{answers[n]}, or so",
            answers[(n + 7) % len(answers)],
        ):
            yield judged(both, "", response)
        for response in (*answers[n % 3 :: 3], ", ".join(answers[n % 5 :: 5]), ""):
            yield judged([check], "", response)
        for word in (
            w for value in check.arguments.values() for w in (value if isinstance(value, list) else [value])
        ):
            for response in (
                f"It is {word}, they say.",
                f"[{word}] {word} {word}.",
                f"{word}s and {word}-{word}",
            ):
                yield judged([check], "", response)


_SHOWN: Final = re.compile(r"(\w+): ('(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")(?: \||$)")


def _of_results() -> Iterator[Case]:
    """Yield answers of models in recorded results, with the checks that their instructions ask for."""
    for path in sorted(RESULTS.glob("*/*.quality.txt")):
        for line in path.read_text().splitlines():
            shown = {name: literal_eval(text) for name, text in _SHOWN.findall(line)}
            instruction = shown.get("instruction", "")
            for name in ("response", "chosen", "rejected"):
                if name in shown and (checks := infer_checks(instruction)):
                    yield judged(checks, instruction, shown[name])
    suite = {prompt.instruction: prompt for prompt in load_suite(STAGE1).prompts}
    answer = re.compile(r"^ +(?:base|SFT|DPO): ('.*'|\".*\")$")
    for path in sorted(RESULTS.glob("*/*.txt")):
        asked = None
        for line in path.read_text().splitlines():
            if given := answer.match(line):
                if asked:
                    yield judged(asked.checks, asked.instruction, literal_eval(given[1]))
            else:
                quoted = [
                    literal_eval(q) for q in re.findall(r"('(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")$", line)
                ]
                asked = suite.get(quoted[0]) if quoted else asked


def _of_evaluations(paths: Sequence[Path]) -> Iterator[Case]:
    prompts = {(p.key, p.instruction): p for name in (STAGE1, EMBEDDED) for p in load_suite(name).prompts}
    for path in paths:
        evaluation = read_evaluation(path)
        for result in (*evaluation.results, *evaluation.results_few_shot):
            if prompt := prompts.get((result.key, result.instruction)):
                yield judged(prompt.checks, prompt.instruction, result.response)


def gather(paths: Sequence[Path], earlier: Sequence[Case] = ()) -> list[Case]:
    """Return cases of all sources, each once: those that were there, then new ones until the file is full."""
    rng = random.Random(1)
    found: dict[bytes, Case] = {}
    size = 0

    def take(cases: Sequence[Case], most: int) -> None:
        nonlocal size
        for case in cases:
            length = len(msgspec.json.encode(case)) + 1
            fits = len(case.response) <= LONGEST and size + length <= LARGEST
            if most and fits and case.key not in found:
                found[case.key] = case
                size += length
                most -= 1

    def mixed(cases: Iterator[Case]) -> list[Case]:
        some = list(cases)
        return rng.sample(some, len(some))

    take([again(case) for case in earlier], len(earlier))
    if not earlier:
        sources: tuple[tuple[list[Case], int], ...] = (
            (list(_of_tests()), sys.maxsize),
            (mixed(_of_results()), SHARES["results"]),
            (mixed(_of_evaluations(paths)), SHARES["evaluations"]),
            (mixed(_of_suites(rng)), SHARES["suites"]),
        )
        for cases, most in sources:
            take(cases, most)
    else:
        take([*_of_tests(), *_of_evaluations(paths)], sys.maxsize)
    return list(found.values())


def main(argv: Sequence[str] | None = None, say: Callable[[str], object] = print) -> int:
    """Write the recorded verdicts again; return 1 where that is refused."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.phases.verifiers.golden", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("evaluations", nargs="*", type=Path, help="eval_*.json whose answers become cases")
    paths = parser.parse_args(argv).evaluations
    version, earlier = read_cases() if FILE.exists() else (0, [])
    different = changed(earlier)
    if different and version >= VERIFIERS_VERSION:
        say(f"{len(different)} verdicts changed: raise VERIFIERS_VERSION above {version} first")
        return 1
    cases = gather(paths, earlier)
    rows: list[Made | Case] = [Made(VERIFIERS_VERSION), *cases]
    FILE.write_bytes(b"".join(msgspec.json.encode(row) + b"\n" for row in rows))
    say(f"{len(cases)} cases under version {VERIFIERS_VERSION}; {len(different)} verdicts changed")
    for line in uncovered(cases):
        say(f"too few cases: {line}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
