"""SFT data: instructions by self-instruct, responses by few-shot completion, both from the base model itself.

No chat model has a part in it: the base model continues lists of tasks, and then records of instruction and
response. What it writes is filtered, checked against what the instruction asks for, kept apart from the
evaluation suite, and de-duplicated over all batches. A killed run goes on where it stopped.
"""

import itertools
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import TYPE_CHECKING, Any, Final

from pydantic import Field

from phases.common import prompt_format
from phases.common.data import DataParameters, Seed, command
from phases.common.protocol import Value
from phases.common.report import Reporter

if TYPE_CHECKING:
    from phases.common.data_run import DataRun
    from phases.common.engine import Group
    from phases.common.generate import Completion
    from phases.common.recorded import Sampling
    from phases.common.self_instruct import Instruction, SelfInstruct

    CompleteGroups = Callable[[Sequence[Group]], list[list[Completion]]]

RECIPE: Final = "sft-data-1"
"""Changes whenever the same generations would give other rows."""
KIN: Final = {"refusal": ("refusal", "harmless"), "harmless": ("refusal", "harmless")}
"""Categories whose demonstrations are mixed, so that they show when to decline and when not."""
SAME_RESPONSE_SHARE: Final = 0.05
SAME_RESPONSE_FREE: Final = 10
"""One response may make up this share of the rows, and occur this often whatever its share."""
SAMPLES: Final = 24
"""Rows in the quality report."""


class Parameters(DataParameters):
    """Parameters of SFT data generation."""

    demonstrations: int = Field(8, ge=1, le=64, description="records shown before a response is generated")
    temperature: float = Field(0.0, ge=0, le=2, description="temperature of responses; 0: the likeliest one")


METRICS = {
    "rows": "rows of this batch",
    "total_rows": "rows of this batch and of those before it",
    "acceptance_rate": "rows over instructions_generated",
    "instructions_generated": "instructions that the model wrote",
    "instructions_rejected": "instructions that a filter on their form or opening removed",
    "duplicates_removed": "instructions removed as exact or near duplicates, over all batches",
    "contaminated_removed": "instructions removed because they stand in the evaluation suite",
    "responses_generated": "responses that the model wrote",
    "responses_rejected": "responses that were removed, for whatever reason",
    "responses_unfinished": "of responses_rejected, those that the model did not end",
    "checks_failed": "of responses_rejected, those that break what their instruction asks for",
    "checked_share": "share of the rows whose response passed at least one check of its instruction",
    "categories": "categories that have rows",
    "smallest_category_share": "share of the rows that the rarest category of the seeds has",
    "mean_instruction_words": "mean words of an instruction",
    "mean_response_words": "mean words of a response",
    "distinct_3gram_share": "distinct over all word 3-grams of the instructions",
    "nearest_suite_similarity": "highest Jaccard similarity of an instruction and a suite prompt",
    "tokens_generated": "tokens of all completions, those of earlier attempts included",
    "tokens_per_second": "tokens that this attempt generated over the time it spent on them",
}


def run(parameters: Parameters, reporter: Reporter, clock: Callable[[], float] = time.time) -> bool:
    """Make the rows of one batch.

    Returns:
        Whether there are `count` rows; if not, acceptance was too low, and a notice says so.
    """
    reporter.progress(0, parameters.count, "rows")
    from phases.common.data_run import DataRun
    from phases.common.self_instruct import SelfInstruct

    with DataRun(parameters, reporter, prefix="sft_training_data", recipe=RECIPE, clock=clock) as data:
        known = [row["instruction"] for row in data.earlier]
        instructions = SelfInstruct(data.seeds, data.overlap, known, parameters)
        responses = Responses(data.seeds, parameters, data.tokenizer.eos)
        rounds = (instructions.round(number, responses.rows, data.complete) for number in itertools.count())
        reached = data.fill(
            rounds,
            lambda some: responses.rows_for(some, data.complete_groups),
            lambda row, number: _show(row, number, reporter),
            chunk=data.rows_at_once(),
        )
        _finish(data, instructions, responses)
        if not reached:
            data.give_up("change list_temperature, demonstrations or the seeds")
    return reached


def records_prompt(demonstrations: Sequence[Seed], instruction: str) -> str:
    """Return a document of records, instruction and response, that breaks off where a response is due."""
    shown = "".join(f"{prompt_format.prompt(d.instruction)} {d.response}\n\n" for d in demonstrations)
    return shown + prompt_format.prompt(instruction)


class Responses:
    """Gets a response for each instruction and makes rows of those that pass all filters.

    Attributes:
        rows: how many rows each category has so far.
        generated: responses that the model wrote.
        removed: how many of them each filter removed.
    """

    def __init__(self, seeds: Sequence[Seed], parameters: Parameters, eos: str) -> None:
        self._seeds = seeds
        self._parameters = parameters
        self._eos = eos
        self._responses: Counter[str] = Counter()
        self.rows: Counter[str] = Counter()
        self.generated = 0
        self.removed: Counter[str] = Counter()

    def rows_for(
        self, instructions: "Sequence[Instruction]", complete: "CompleteGroups"
    ) -> list[dict[str, object]]:
        """Return the rows that some instructions of one round give."""
        from phases.common.engine import Group

        p = self._parameters
        # One document for each category of a round: all its prompts begin alike, which engines can cache.
        shown = {
            category: self._demonstrations(category, instructions[0].round)
            for category in dict.fromkeys(instruction.category for instruction in instructions)
        }
        # Categories that end alike share batches: on a GPU a batch takes as long however few rows it has.
        alike: dict[Sampling, list[int]] = {}
        for i, instruction in enumerate(instructions):
            alike.setdefault(_sampling(p, shown[instruction.category]), []).append(i)
        groups = []
        for sampling, indices in alike.items():
            some = [instructions[i] for i in indices]
            prompts = [records_prompt(shown[one.category], one.text) for one in some]
            groups.append(Group(prompts, [_seed(p, one) for one in some], sampling))
        places = itertools.chain.from_iterable(alike.values())
        answered = dict(zip(places, itertools.chain.from_iterable(complete(groups)), strict=True))
        rows = []
        for i, instruction in enumerate(instructions):
            self.generated += 1
            row = self._row(instruction, answered[i])
            if isinstance(row, str):
                self.removed[row] += 1
                continue
            self.rows[instruction.category] += 1
            rows.append(row)
        return rows

    def _demonstrations(self, category: str, number: int) -> list[Seed]:
        rng = Random(f"{self._parameters.seed} {self._parameters.batch} {number} {category}")
        kin = KIN.get(category, (category,))
        own = [[seed for seed in self._seeds if seed.category == name] for name in kin]
        each = -(-self._parameters.demonstrations // len(kin))
        shown = [seed for seeds in own for seed in rng.sample(seeds, min(each, len(seeds)))]
        return rng.sample(shown, len(shown))

    def _row(self, instruction: "Instruction", completion: "Completion") -> dict[str, object] | str:
        """Return a row, or the name of the filter that removes it."""
        from phases.common.dedupe import normalise
        from phases.common.filters import response_problem
        from phases.common.recorded import key_of
        from phases.common.verifiers import failures, infer_checks, refusal

        text, response = instruction.text, completion.text.strip()
        longest = self._parameters.longest_response
        if problem := response_problem(text, response, finished=completion.finished, longest=longest):
            return problem
        if refusal(response) != (instruction.category == "refusal"):
            return "refusal of a harmless instruction" if refusal(response) else "no refusal"
        checks = infer_checks(text)
        if failed := failures(text, checks, response):
            return f"failed check: {failed[0]}"
        same = normalise(response)
        most = max(SAME_RESPONSE_FREE, SAME_RESPONSE_SHARE * self._responses.total())
        if self._responses[same] >= most and instruction.category != "refusal":
            return "too common a response"
        self._responses[same] += 1
        ending = prompt_format.completion(response, self._eos)
        return {
            "instruction": text,
            "response": response,
            "formatted_text": prompt_format.prompt(text) + ending,
            "completion": ending,
            "key": key_of(text),
            "category": instruction.category,
            "origin": instruction.origin,
            "seed": _seed(self._parameters, instruction),
            "checks": [check.kind for check in checks],
            "prompt_format": prompt_format.FORMAT_ID,
        }


def _seed(parameters: Parameters, instruction: "Instruction") -> int:
    from phases.common.recorded import seed_of

    return seed_of(parameters.seed, parameters.batch, instruction.text)


def _sampling(parameters: Parameters, shown: Sequence[Seed]) -> "Sampling":
    from phases.common.recorded import Sampling

    # A record ends at a blank line, unless the demonstrations have blank lines within their responses.
    inner = any("\n\n" in seed.response for seed in shown)
    end = "\n\n" + prompt_format.prompt("").split(" ", maxsplit=1)[0] if inner else "\n\n"
    return Sampling(parameters.max_new_tokens, parameters.temperature, stop=(end,))


def _show(row: Mapping[str, Any], number: int, reporter: Reporter) -> None:
    texts = {"instruction": row["instruction"], "response": row["response"]}
    reporter.sample(f"{row['category']}: row {number}", texts, True if row["checks"] else None)


def _finish(data: "DataRun", instructions: "SelfInstruct", responses: Responses) -> None:
    from phases.common import quality

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
    data.finish(metrics, {name: METRICS[name] for name in metrics}, report, quality.as_text(report))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the phase from its command line."""
    return command(run, Parameters, argv, program="phases.sft_data", description=str(__doc__))


if __name__ == "__main__":
    raise SystemExit(main())
