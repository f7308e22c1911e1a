"""Responses to instructions by few-shot completion, and the rows made of them."""

import itertools
import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Final

from phases.datagen.filter_processes import FilterProcesses
from phases.datagen.seeds import Seed
from phases.datagen.self_instruct import Instruction
from phases.datagen.vetted import SET_OF_CATEGORY, compute_vetted_share
from phases.generation.completion import Completion, PromptGroup, Sampling
from phases.generation.completion_cache import compute_cache_key, derive_seed
from phases.models import prompt_format
from phases.scoring.ngrams import reduce_to_words
from phases.sft_data.row_filters import find_row_problem, infer_row_checks, list_copied_ngrams
from phases.sft_data.spec import Parameters

_CONTRAST_CATEGORY: Final = {"refusal": "harmless"}
"""Prompts of the first category also show records of the second, to contrast when to decline and when not.

Not the other way round: a small model that is shown any refusal refuses harmless requests too.
"""
_OPPOSITE: Final = {"yes": "no", "no": "yes"}
MAX_OPPOSITE_LEAD: Final = 5
"""Largest accepted difference of yes and no answers: small models are biased to one of them."""
_CATEGORY_LEAD: Final = 1.5
"""A category may have up to this multiple of its share of the rows; all but vetted ones have equal shares."""
CATEGORY_FREE: Final = 10
"""Number of rows that a category may have in any case."""
_WORDS_PER_EXAMPLE: Final = 40
_MIN_EXAMPLES: Final = 2
"""Records have this many words on average at most: of kinds with long responses, fewer are shown."""
_RETRIES: Final = 3
_RETRY_TEMPERATURE: Final = 0.8
"""If the greedy response fails a check, this many are sampled at this temperature."""
_CONFIRMED_CATEGORIES: Final = frozenset({"commands", "questions"})
_CONFIRMED_WORDS: Final = 5
"""Responses of up to this many words in these categories are facts or guesses, so they are confirmed."""
_GREEDY: Final = 0
_CONFIRMATION: Final = -1
"""Numbers of the greedy response and of its confirmation; sampled ones are numbered from 1."""
_SAME_RESPONSE_SHARE: Final = 0.05
_SAME_RESPONSE_FREE: Final = 10
"""One response may make up this share of the rows, and occur this many times in any case."""

CompleteGroups = Callable[[Sequence[PromptGroup]], list[list[Completion]]]
"""Returns the completion of each prompt of each group."""


@dataclass(frozen=True)
class ResponseRequest:
    """A request for one response to an instruction.

    Attributes:
        number: 0 for the greedy response, -1 for its confirmation after other examples, else a retry.
        prompt: the few-shot prompt.
        seed: the sampling seed.
        sampling: the sampling parameters.
    """

    number: int
    prompt: str
    seed: int
    sampling: Sampling


@dataclass(frozen=True)
class Answer:
    """A response to an instruction.

    Attributes:
        number: the number of its request.
        seed: the sampling seed.
        text: the response without surrounding space.
        problem: the name of the filter that removes it, or None.
    """

    number: int
    seed: int
    text: str
    problem: str | None


def format_records_prompt(examples: Sequence[Seed], instruction: str) -> str:
    """Return a document of instructions with responses that ends where the last response is due."""
    records = "".join(
        f"{prompt_format.format_prompt(seed.instruction)} {seed.response}\n\n" for seed in examples
    )
    return records + prompt_format.format_prompt(instruction)


class ResponseGenerator:
    """Generates responses and makes rows of those that pass all filters.

    Attributes:
        rows: number of rows so far, by category.
        groups: number of rows so far, by group of seeds.
        generated: number of answered instructions.
        mended: number of rows whose greedy response failed a check and a sampled one passed.
        removed: number of instructions removed by each filter, by their greedy response.
    """

    def __init__(
        self, seeds: Sequence[Seed], filters: FilterProcesses, parameters: Parameters, eos: str
    ) -> None:
        """Prepare the first rows.

        Args:
            seeds: the examples.
            filters: run the filters, and know the evaluation suite.
            parameters: parameters of the phase.
            eos: the end-of-text token.
        """
        self._seeds = seeds
        self._filters = filters
        self._categories = len({seed.category for seed in seeds})
        self._parameters = parameters
        self._eos = eos
        self._example_ngrams = frozenset(
            ngram
            for seed in seeds
            if seed.category != "refusal"
            for ngram in list_copied_ngrams(seed.response)
        )
        self._responses: Counter[str] = Counter()
        self.rows: Counter[str] = Counter()
        self.groups: Counter[str] = Counter()
        self.generated = 0
        self.mended = 0
        self.removed: Counter[str] = Counter()

    def make_rows(
        self, instructions: Sequence[Instruction], complete: CompleteGroups
    ) -> list[dict[str, object]]:
        """Return the rows for some instructions of one round."""
        # Examples are chosen once per group, so that prompts share a prefix that engines can cache.
        examples: dict[tuple[str, int], list[Seed]] = {}
        greedy_requests = [self._make_request(instruction, _GREEDY, examples) for instruction in instructions]
        greedy = self._answer(instructions, greedy_requests, complete)
        further_requests = [
            [self._make_request(instruction, n, examples) for n in _list_further_numbers(instruction, answer)]
            for instruction, answer in zip(instructions, greedy, strict=True)
        ]
        repeated = [
            instruction
            for instruction, requests in zip(instructions, further_requests, strict=True)
            for _ in requests
        ]
        further = iter(
            self._answer(repeated, list(itertools.chain.from_iterable(further_requests)), complete)
        )
        rows = []
        for n, instruction in enumerate(instructions):
            self.generated += 1
            others = list(itertools.islice(further, len(further_requests[n])))
            removal, answer = self._choose_answer(instruction, greedy[n], others)
            if removal:
                self.removed[removal] += 1
            else:
                rows.append(self._make_row(instruction, answer))
        return rows

    def _answer(
        self,
        instructions: Sequence[Instruction],
        requests: Sequence[ResponseRequest],
        complete: CompleteGroups,
    ) -> list[Answer]:
        """Return the answer to each request, which belongs to the instruction at the same place."""
        completions = _complete_requests(requests, complete)
        problems = self._filters.map_with_overlap(
            partial(
                find_row_problem,
                example_ngrams=self._example_ngrams,
                max_words=self._parameters.longest_response,
            ),
            [instruction.text for instruction in instructions],
            [instruction.category for instruction in instructions],
            [completion.text.strip() for completion in completions],
            [completion.finished for completion in completions],
        )
        return [
            Answer(request.number, request.seed, completion.text.strip(), problem)
            for request, completion, problem in zip(requests, completions, problems, strict=True)
        ]

    def _choose_answer(
        self, instruction: Instruction, greedy: Answer, further: Sequence[Answer]
    ) -> tuple[str | None, Answer]:
        """Return why the instruction is removed, or None, and the answer for its row.

        Args:
            instruction: the instruction.
            greedy: the greedy response.
            further: its confirmation or the retries.
        """
        answer = greedy
        if greedy.problem:
            retry = next((answer for answer in further if not answer.problem), None)
            if retry is None:
                return greedy.problem, greedy
            answer = retry
        elif not all(_agree(greedy.text, other.text) for other in further):
            return "another answer after other records", greedy
        return self._find_imbalance(instruction, answer.text), answer

    def _make_request(
        self, instruction: Instruction, number: int, examples: dict[tuple[str, int], list[Seed]]
    ) -> ResponseRequest:
        """Return the request with a number.

        Args:
            instruction: the instruction.
            number: see `ResponseRequest`.
            examples: the examples chosen so far, by group and by whether they are for a confirmation.
        """
        p = self._parameters
        key = (instruction.group, min(number, 0))
        if key not in examples:
            examples[key] = self._choose_examples(instruction, key[1])
        # A record ends at a blank line, unless the examples have blank lines within their responses.
        has_blank_lines = any("\n\n" in seed.response for seed in examples[key])
        stop = "\n\n"
        if has_blank_lines:
            stop += prompt_format.format_prompt("").split(" ", maxsplit=1)[0]
        seed_parts: list[object] = [p.seed, p.batch, instruction.text]
        temperature = p.temperature
        if number > 0:
            seed_parts.append(number)
            temperature = _RETRY_TEMPERATURE
        return ResponseRequest(
            number,
            format_records_prompt(examples[key], instruction.text),
            derive_seed(*seed_parts),
            Sampling(p.max_new_tokens, temperature, stop=(stop,)),
        )

    def _choose_examples(self, instruction: Instruction, number: int) -> list[Seed]:
        p, category = self._parameters, instruction.category
        rng = Random(f"{p.seed} {p.batch} {instruction.round} {instruction.group} {number}")
        # A vetted instruction belongs to no group: any seed of its category is an example.
        own = [s for s in self._seeds if instruction.group in (s.group, s.category)]
        contrast = [seed for seed in self._seeds if seed.category == _CONTRAST_CATEGORY.get(category)]
        count = math.ceil(p.demonstrations / 2) if contrast else p.demonstrations
        examples = [seed for seeds in (own, contrast) for seed in rng.sample(seeds, min(count, len(seeds)))]
        shuffled = rng.sample(examples, len(examples))
        lengths = itertools.accumulate(len(f"{s.instruction} {s.response}".split()) for s in shuffled)
        most_words = p.demonstrations * _WORDS_PER_EXAMPLE
        fitting = sum(length <= most_words for length in lengths)
        return shuffled[: max(_MIN_EXAMPLES, fitting)]

    def _find_imbalance(self, instruction: Instruction, response: str) -> str | None:
        """Return why a good row would unbalance the data, or None."""
        category, answer = instruction.category, reduce_to_words(response)
        limit = max(_SAME_RESPONSE_FREE, _SAME_RESPONSE_SHARE * self._responses.total())
        if answer in _OPPOSITE:
            limit = min(limit, self._responses[_OPPOSITE[answer]] + MAX_OPPOSITE_LEAD)
        if category != "refusal" and self._responses[answer] >= limit:
            return "too common a response"
        share = 1 / self._categories
        if category in SET_OF_CATEGORY:
            share = compute_vetted_share(self._categories)
        if self.rows[category] >= max(CATEGORY_FREE, _CATEGORY_LEAD * share * self.rows.total()):
            return "category ahead of the others"
        contrast = _CONTRAST_CATEGORY.get(category)
        if contrast and self.rows[category] >= self.rows[contrast]:
            return "more refusals than harmless answers"
        return None

    def _make_row(self, instruction: Instruction, answer: Answer) -> dict[str, object]:
        if answer.number > 0:
            self.mended += 1
        self.rows[instruction.category] += 1
        self.groups[instruction.group] += 1
        self._responses[reduce_to_words(answer.text)] += 1
        completion = prompt_format.format_completion(answer.text, self._eos)
        return {
            "instruction": instruction.text,
            "response": answer.text,
            "formatted_text": prompt_format.format_prompt(instruction.text) + completion,
            "completion": completion,
            "key": compute_cache_key(instruction.text),
            "category": instruction.category,
            "group": instruction.group,
            "origin": instruction.origin,
            "seed": answer.seed,
            "attempt": answer.number,
            "checks": [check.kind for check in infer_row_checks(instruction.text, instruction.category)],
            "prompt_format": prompt_format.FORMAT_ID,
        }


def _list_further_numbers(instruction: Instruction, greedy: Answer) -> Sequence[int]:
    """Return the numbers of the requests that follow the greedy response.

    If the greedy response has a problem and the instruction has checks, others are sampled. If it is good,
    not checked, and short enough to be a fact, it is confirmed after other examples: the model repeats what
    it knows after any examples (self-consistency, arXiv 2203.11171, without sampling).
    """
    checks = infer_row_checks(instruction.text, instruction.category)
    if greedy.problem:
        return range(1, 1 + _RETRIES) if checks else ()
    is_short = len(greedy.text.split()) <= _CONFIRMED_WORDS
    if is_short and not checks and instruction.category in _CONFIRMED_CATEGORIES:
        return (_CONFIRMATION,)
    return ()


def _agree(one: str, other: str) -> bool:
    """Return whether one answer contains the words of the other in the same order."""
    shorter, longer = sorted((reduce_to_words(one), reduce_to_words(other)), key=len)
    return f" {shorter} " in f" {longer} "


def _complete_requests(requests: Sequence[ResponseRequest], complete: CompleteGroups) -> list[Completion]:
    """Return the completion of each request; requests with the same sampling parameters share batches."""
    if not requests:
        return []
    by_sampling: dict[Sampling, list[int]] = {}
    for index, request in enumerate(requests):
        by_sampling.setdefault(request.sampling, []).append(index)
    groups = [
        PromptGroup([requests[i].prompt for i in indices], [requests[i].seed for i in indices], sampling)
        for sampling, indices in by_sampling.items()
    ]
    order = itertools.chain.from_iterable(by_sampling.values())
    completions = itertools.chain.from_iterable(complete(groups))
    completion_of = dict(zip(order, completions, strict=True))
    return [completion_of[index] for index in range(len(requests))]
