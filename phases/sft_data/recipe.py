"""SFT data: instructions by self-instruct, responses by few-shot completion, both from the base model itself.

No chat model has a part in it: the base model continues lists of tasks, and then records of instruction and
response. What it writes is filtered, checked against what the instruction asks for, kept apart from the
evaluation suite, and de-duplicated over all batches. Where the likeliest response fails a check, a few more
are sampled, and the first that passes is taken; where it is short and no check applies, it must be the same
after other records. A killed run goes on where it stopped.
"""

import itertools
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Any, Final

from phases.contract.protocol import Value
from phases.contract.reporter import Reporter
from phases.datagen.seeds import Seed
from phases.models import prompt_format
from phases.sft_data.spec import METRICS, Parameters

if TYPE_CHECKING:
    from phases.datagen.run import DataRun
    from phases.datagen.self_instruct import Instruction, SelfInstruct
    from phases.generation.completion import Completion, PromptGroup, Sampling
    from phases.scoring.overlap import SuiteOverlap
    from phases.verifiers.registry import Check

    CompleteGroups = Callable[[Sequence[PromptGroup]], list[list[Completion]]]

RECIPE: Final = "sft-data-4"
"""Changes whenever the same generations would give other rows."""
KIN: Final = {"refusal": "harmless"}
"""Categories whose records are mixed with those of another, to show when to decline and when not.

Not the other way round: a small model that is shown any refusal refuses a harmless request, too.
"""
OTHER: Final = {"yes": "no", "no": "yes"}
LEAN: Final = 5
"""Yes may be the answer so much oftener than no, or no than yes: small models lean to one of them."""
AHEAD: Final = 1.5
"""A category may have so many times its equal share of the rows."""
AHEAD_FREE: Final = 10
"""How many rows it may have whatever their share."""
RETRIES: Final = 3
RETRY_TEMPERATURE: Final = 0.8
"""Responses sampled where the likeliest fails what its instruction asks for."""
AGREE: Final = frozenset({"commands", "questions"})
AGREE_UP_TO: Final = 5
"""Categories whose responses of so few words must be the same after other records, or else are guesses."""
SAME_RESPONSE_SHARE: Final = 0.05
SAME_RESPONSE_FREE: Final = 10
"""One response may make up this share of the rows, and occur this often whatever its share."""
SAMPLES: Final = 24
"""Rows in the quality report."""


def run(parameters: Parameters, reporter: Reporter, clock: Callable[[], float] = time.time) -> None:
    """Make the rows of one batch.

    Raises:
        PhaseFailedError: too few rows were accepted.
    """
    reporter.progress(0, parameters.count, "rows")
    from phases.datagen.run import DataRun
    from phases.datagen.self_instruct import SelfInstruct

    with DataRun(parameters, reporter, prefix="sft_training_data", recipe=RECIPE, clock=clock) as data:
        known = [row["instruction"] for row in data.earlier]
        instructions = SelfInstruct(data.seeds, data.overlap, known, parameters)
        responses = Responses(data.seeds, data.overlap, parameters, data.tokenizer.eos)
        rounds = (instructions.round(number, responses.groups, data.complete) for number in itertools.count())
        reached = data.fill(
            rounds,
            lambda some: responses.rows_for(some, data.complete_groups),
            lambda row, number: _show(row, number, reporter),
            chunk=data.rows_at_once(),
        )
        _finish(data, instructions, responses)
        if not reached:
            data.give_up("change list_temperature, demonstrations or the seeds")


def records_prompt(demonstrations: Sequence[Seed], instruction: str) -> str:
    """Return a document of records, instruction and response, that breaks off where a response is due."""
    shown = "".join(f"{prompt_format.format_prompt(d.instruction)} {d.response}\n\n" for d in demonstrations)
    return shown + prompt_format.format_prompt(instruction)


@dataclass(frozen=True)
class Attempt:
    """One response asked for: by number (0 is the likeliest), its prompt, its seed, and how it is drawn."""

    number: int
    prompt: str
    seed: int
    sampling: "Sampling"


Answer = tuple[Attempt, "Completion"]


class Responses:
    """Gets responses for each instruction and makes rows of those that pass all filters.

    Attributes:
        rows: how many rows each category has so far.
        groups: how many rows each group of seeds has so far.
        generated: instructions that the model answered.
        mended: rows whose likeliest response failed a check, and a sampled one passed.
        removed: how many of the instructions each filter removed, by their likeliest response.
    """

    def __init__(
        self, seeds: Sequence[Seed], overlap: "SuiteOverlap", parameters: Parameters, eos: str
    ) -> None:
        self._seeds = seeds
        self._overlap = overlap
        self._categories = len({seed.category for seed in seeds})
        self._parameters = parameters
        self._eos = eos
        self._responses: Counter[str] = Counter()
        self.rows: Counter[str] = Counter()
        self.groups: Counter[str] = Counter()
        self.generated = 0
        self.mended = 0
        self.removed: Counter[str] = Counter()

    def rows_for(
        self, instructions: "Sequence[Instruction]", complete: "CompleteGroups"
    ) -> list[dict[str, object]]:
        """Return the rows that some instructions of one round give."""
        shown: dict[tuple[str, int], list[Seed]] = {}
        first = [self._attempt(one, 0, shown) for one in instructions]
        likeliest = _answers(first, complete)
        problems = [self._problem(*pair) for pair in zip(instructions, likeliest, strict=True)]
        further = [
            [self._attempt(one, number, shown) for number in _further(one, said, problem)]
            for one, said, problem in zip(instructions, likeliest, problems, strict=True)
        ]
        others = iter(_answers(list(itertools.chain.from_iterable(further)), complete))
        rows = []
        for one, attempt, said, problem, more in zip(
            instructions, first, likeliest, problems, further, strict=True
        ):
            self.generated += 1
            again = [(another, next(others)) for another in more]
            settled = self._settled(one, (attempt, said), problem, again)
            if isinstance(settled, str):
                self.removed[settled] += 1
                continue
            rows.append(self._row(one, settled[0], settled[1].text.strip()))
        return rows

    def _settled(
        self, instruction: "Instruction", likeliest: "Answer", problem: str | None, again: "Sequence[Answer]"
    ) -> "Answer | str":
        """Return the answer that makes a row, or the name of the filter that removes the instruction."""
        good = likeliest
        if problem:
            passed = (answer for answer in again if not self._problem(instruction, answer[1]))
            found = next(passed, None)
            if not found:
                return problem
            good = found
        elif not all(_agree(likeliest[1].text, other.text) for _, other in again):
            return "another answer after other records"
        return self._too_many(instruction, good[1].text) or good

    def _attempt(
        self, instruction: "Instruction", number: int, shown: dict[tuple[str, int], list[Seed]]
    ) -> Attempt:
        """Return one attempt at an instruction.

        Args:
            instruction: what is asked.
            number: 0 is the likeliest response; -1 is that after other records; from 1 they are sampled.
            shown: the records of each document of this round, which are drawn once: all prompts of a group
                begin alike, which engines can cache.
        """
        from phases.generation.completion import Sampling
        from phases.generation.completion_cache import derive_seed

        p = self._parameters
        place = (instruction.group, min(number, 0))
        if place not in shown:
            shown[place] = self._demonstrations(instruction, place[1])
        # A record ends at a blank line, unless the demonstrations have blank lines within their responses.
        inner = any("\n\n" in seed.response for seed in shown[place])
        end = "\n\n" + prompt_format.format_prompt("").split(" ", maxsplit=1)[0] if inner else "\n\n"
        sampled = number > 0
        return Attempt(
            number,
            records_prompt(shown[place], instruction.text),
            derive_seed(p.seed, p.batch, instruction.text, *((number,) if sampled else ())),
            Sampling(p.max_new_tokens, RETRY_TEMPERATURE if sampled else p.temperature, stop=(end,)),
        )

    def _demonstrations(self, instruction: "Instruction", number: int) -> list[Seed]:
        p, category = self._parameters, instruction.category
        rng = Random(f"{p.seed} {p.batch} {instruction.round} {instruction.group} {number}")
        own = [seed for seed in self._seeds if seed.group == instruction.group]
        kin = [seed for seed in self._seeds if seed.category == KIN.get(category)]
        each = -(-p.demonstrations // (2 if kin else 1))
        shown = [seed for seeds in (own, kin) for seed in rng.sample(seeds, min(each, len(seeds)))]
        return rng.sample(shown, len(shown))

    def _problem(self, instruction: "Instruction", completion: "Completion") -> str | None:
        """Return the name of the filter that removes a response, or None."""
        from phases.datagen.filters import response_problem
        from phases.verifiers.content import is_refusal
        from phases.verifiers.registry import find_failures

        text, response = instruction.text, completion.text.strip()
        longest = self._parameters.longest_response
        if problem := response_problem(text, response, finished=completion.finished, longest=longest):
            return problem
        if is_refusal(response) != (instruction.category == "refusal"):
            return "refusal of a harmless instruction" if is_refusal(response) else "no refusal"
        if failed := find_failures(text, _checks(instruction), response):
            return f"failed check: {failed[0]}"
        return (
            "holds a prompt of the evaluation suite" if self._overlap.find_contamination(response) else None
        )

    def _too_many(self, instruction: "Instruction", response: str) -> str | None:
        """Return why a good row is one too many of its sort, or None."""
        from phases.scoring.ngrams import reduce_to_words

        category, total, said = instruction.category, self.rows.total(), reduce_to_words(response)
        most = max(SAME_RESPONSE_FREE, SAME_RESPONSE_SHARE * self._responses.total())
        if said in OTHER:
            most = min(most, self._responses[OTHER[said]] + LEAN)
        if category != "refusal" and self._responses[said] >= most:
            return "too common a response"
        if self.rows[category] >= max(AHEAD_FREE, AHEAD * total / self._categories):
            return "category ahead of the others"
        if category in KIN and self.rows[category] >= self.rows[KIN[category]]:
            return "more refusals than harmless answers"
        return None

    def _row(self, instruction: "Instruction", attempt: Attempt, response: str) -> dict[str, object]:
        from phases.generation.completion_cache import cache_key
        from phases.scoring.ngrams import reduce_to_words

        self.mended += attempt.number > 0
        self.rows[instruction.category] += 1
        self.groups[instruction.group] += 1
        self._responses[reduce_to_words(response)] += 1
        ending = prompt_format.format_completion(response, self._eos)
        return {
            "instruction": instruction.text,
            "response": response,
            "formatted_text": prompt_format.format_prompt(instruction.text) + ending,
            "completion": ending,
            "key": cache_key(instruction.text),
            "category": instruction.category,
            "group": instruction.group,
            "origin": instruction.origin,
            "seed": attempt.seed,
            "attempt": attempt.number,
            "checks": [check.kind for check in _checks(instruction)],
            "prompt_format": prompt_format.FORMAT_ID,
        }


def _checks(instruction: "Instruction") -> "tuple[Check, ...]":
    """Return what can be checked in a response; who declines keeps no form that was asked for."""
    from phases.verifiers.infer import infer_checks

    return () if instruction.category == "refusal" else infer_checks(instruction.text)


def _further(instruction: "Instruction", completion: "Completion", problem: str | None) -> Sequence[int]:
    """Return the attempts that are made after the likeliest response.

    A response that breaks what can be checked is sampled again. A good one that nothing checks and that is
    short enough to be a fact is asked for after other records (self-consistency, arXiv 2203.11171, without
    sampling): what a model knows it says after any examples.
    """
    checks = _checks(instruction)
    if problem:
        return range(1, 1 + RETRIES) if checks else ()
    short = len(completion.text.split()) <= AGREE_UP_TO
    return (-1,) if short and not checks and instruction.category in AGREE else ()


def _agree(one: str, other: str) -> bool:
    """Say whether the words of one answer stand in the other, in their order."""
    from phases.scoring.ngrams import reduce_to_words

    short, long = sorted((reduce_to_words(one), reduce_to_words(other)), key=len)
    return f" {short} " in f" {long} "


def _answers(attempts: Sequence[Attempt], complete: "CompleteGroups") -> "list[Completion]":
    """Return the completion of each attempt.

    Those that end alike share batches: on a GPU a batch takes as long however few rows it has.
    """
    from phases.generation.completion import PromptGroup

    alike: dict[Sampling, list[int]] = {}
    for i, attempt in enumerate(attempts):
        alike.setdefault(attempt.sampling, []).append(i)
    groups = [
        PromptGroup([attempts[i].prompt for i in some], [attempts[i].seed for i in some], sampling)
        for sampling, some in alike.items()
    ]
    found = itertools.chain.from_iterable(complete(groups)) if groups else ()
    places = itertools.chain.from_iterable(alike.values())
    answered = dict(zip(places, found, strict=True))
    return [answered[i] for i in range(len(attempts))]


def _show(row: Mapping[str, Any], number: int, reporter: Reporter) -> None:
    texts = {"instruction": row["instruction"], "response": row["response"]}
    reporter.sample(f"{row['category']}: row {number}", texts, True if row["checks"] else None)


def _finish(data: "DataRun", instructions: "SelfInstruct", responses: Responses) -> None:
    from phases.datagen import quality

    rows = data.rows.rows
    asked, answered = [row["instruction"] for row in rows], [row["response"] for row in rows]
    near = quality.nearest_report(asked, data.overlap)
    duplicates = instructions.removed["duplicate instruction"]
    contaminated = instructions.removed["in the evaluation suite"]
    mix = {category: responses.rows[category] for category in dict.fromkeys(s.category for s in data.seeds)}
    made = max(1, len(rows))
    diversity = quality.diversity(asked)
    metrics: dict[str, Value] = {
        "rows": len(rows),
        "total_rows": len(rows) + len(data.earlier),
        "acceptance_rate": len(rows) / max(1, instructions.generated),
        "instructions_generated": instructions.generated,
        "instructions_rejected": instructions.removed.total() - duplicates - contaminated,
        "duplicates_removed": duplicates,
        "contaminated_removed": contaminated,
        "responses_generated": responses.generated,
        "responses_mended": responses.mended,
        "responses_rejected": responses.removed.total(),
        "responses_unfinished": responses.removed["unfinished response"],
        "checks_failed": sum(n for name, n in responses.removed.items() if name.startswith("failed check")),
        "checked_share": sum(bool(row["checks"]) for row in rows) / made,
        "categories": sum(count > 0 for count in mix.values()),
        "smallest_category_share": min(mix.values()) / max(1, sum(mix.values())),
        "mean_instruction_words": sum(len(text.split()) for text in asked) / made,
        "mean_response_words": sum(len(text.split()) for text in answered) / made,
        "distinct_3gram_share": diversity["distinct_3gram_share"],
        "nearest_suite_similarity": near[0]["similarity"] if near else 0.0,
        "tokens_generated": data.tokens,
        "tokens_per_second": data.tokens_per_second,
    }
    report = {
        "rows": len(rows),
        "instructions": quality.funnel(
            instructions.generated,
            instructions.removed,
            instructions.generated - instructions.removed.total(),
        ),
        "responses": quality.funnel(
            responses.generated, responses.removed, responses.generated - responses.removed.total()
        ),
        "categories": mix,
        "groups": dict(responses.groups),
        "rows by checks": dict(Counter(kind for row in rows for kind in row["checks"])),
        "words of instructions": quality.lengths(asked),
        "words of responses": quality.lengths(answered),
        "diversity of instructions": diversity,
        "diversity of responses": quality.diversity(answered),
        "nearest suite prompts": near,
        "samples": [
            {"instruction": row["instruction"], "response": row["response"]}
            for row in rows[:: max(1, len(rows) // SAMPLES)]
        ],
    }
    data.finish(metrics, METRICS, report, quality.as_text(report))
