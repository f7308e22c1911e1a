"""SFT data: a base model writes the instructions and the responses, without any chat model.

1. The base model continues lists of tasks (self-instruct).
2. Its instructions are filtered, de-duplicated across all batches and checked against the evaluation suite.
   What to decline, and harmless requests that look like it, come from vetted sets.
3. It completes few-shot documents of instructions and responses, greedily.
4. Responses are filtered and checked against the verifiable constraints of their instruction. If the greedy
   response fails, a few are sampled and the first that passes is used. If it is short and no check applies,
   it must be the same after other examples.

A killed run resumes from its completion cache.
"""

import itertools
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from phases.contract.reporter import Reporter
from phases.datagen.run import DataRun
from phases.datagen.self_instruct import SelfInstruct
from phases.sft_data.report import build_report, compute_metrics
from phases.sft_data.responses import ResponseGenerator
from phases.sft_data.spec import METRICS, Parameters

RECIPE: Final = "sft-data-11"
"""Identity of the algorithm; change it whenever the same completions give other rows."""


def run(parameters: Parameters, reporter: Reporter, clock: Callable[[], float] = time.time) -> None:
    """Make the rows of one batch.

    Raises:
        PhaseFailedError: too few rows were accepted.
    """
    reporter.progress(0, parameters.count, "rows")
    with DataRun(parameters, reporter, prefix="sft_training_data", recipe=RECIPE, clock=clock) as data:
        existing = [row["instruction"] for row in data.earlier]
        instructions = SelfInstruct(data.seeds, data.filters, existing, parameters, data.harm_judge)
        responses = ResponseGenerator(data.seeds, data.filters, parameters, data.tokenizer.eos)
        rounds = (
            instructions.generate_round(number, responses.groups, data.complete)
            for number in itertools.count()
        )
        is_complete = data.fill(
            rounds,
            lambda chunk: responses.make_rows(chunk, data.complete_groups),
            lambda row, number: _show_row(row, number, reporter),
            chunk=data.rows_per_call,
        )
        metrics = compute_metrics(data, instructions, responses)
        data.finish(metrics, METRICS, build_report(data, instructions, responses))
        if not is_complete:
            data.give_up("change list_temperature, demonstrations or the seeds")


def _show_row(row: Mapping[str, Any], number: int, reporter: Reporter) -> None:
    texts = {"instruction": row["instruction"], "response": row["response"]}
    reporter.sample(f"{row['category']}: row {number}", texts, True if row["checks"] else None)
