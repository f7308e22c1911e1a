"""Preference pairs: the best of k candidates from the SFT model against the worst.

1. Prompts are instructions of the SFT data and new ones from the base model, with and without verifiable
   constraints added. None of them is in the evaluation suite. Only vetted requests should be declined.
2. The SFT model samples k candidates for each prompt.
3. Verifiers choose the best and the worst candidate. If they cannot, agreement among the candidates decides,
   and then the base model as a judge, guided by the constitution. The judge reads each pair in both orders
   and is used only if it can tell the seeds' own responses from near misses.
4. Prompts that none of them can decide are ties and give no pair.
5. A pair whose rejected answer alone declines is dropped while such pairs outnumber those whose chosen answer
   alone declines: DPO would teach the model to decline nothing.

A killed run resumes from its completion cache.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from phases.contract.reporter import Reporter
from phases.datagen.constitution import load_constitution
from phases.datagen.run import DataRun
from phases.generation.completion_cache import compute_cache_key
from phases.preference_pairs.pair_judge import PairJudge
from phases.preference_pairs.pairs import PairMaker
from phases.preference_pairs.prompts import FIRST_ROUND, PromptSource, read_instructions
from phases.preference_pairs.report import build_report, compute_metrics, find_warnings
from phases.preference_pairs.spec import METRICS, Parameters

RECIPE: Final = "preference-pairs-16"
"""Identity of the algorithm; change it whenever the same completions give other rows."""


def run(parameters: Parameters, reporter: Reporter, clock: Callable[[], float] = time.time) -> None:
    """Make the pairs of one batch.

    Raises:
        PhaseFailedError: too few prompts gave a pair.
    """
    reporter.progress(0, parameters.count, "pairs")
    given_instructions = read_instructions(parameters.prompts_from, reporter)
    constitution = load_constitution(parameters.constitution)
    with DataRun(
        parameters,
        reporter,
        prefix="preference_pairs",
        recipe=RECIPE,
        unit="pairs",
        inputs={"constitution": constitution, "prompts": compute_cache_key(given_instructions)},
        clock=clock,
    ) as data:
        if not data.source.base:
            reporter.notice(
                f"{parameters.model} is not an adapter: it samples candidates and judges them", "warning"
            )
        source = PromptSource(parameters, data, given_instructions)
        judge = PairJudge(parameters, constitution, data)
        judge.warn_if_untrusted(reporter)
        pairs = PairMaker(parameters, data, judge)
        prompts_per_call = max(1, data.rows_per_call // parameters.candidates_per_prompt)
        is_complete = data.fill(
            source.generate_rounds(pairs, size=max(FIRST_ROUND, prompts_per_call)),
            pairs.make_rows,
            lambda row, number: _show_pair(row, number, reporter),
            chunk=prompts_per_call,
        )
        metrics = compute_metrics(data, source, pairs, judge)
        for warning in find_warnings(metrics, len(judge.audits)):
            reporter.notice(warning, "warning")
        data.finish(metrics, METRICS, build_report(data, source, pairs, judge, metrics))
        if not is_complete:
            data.give_up("raise temperature or candidates_per_prompt, or provide other prompts")


def _show_pair(row: Mapping[str, Any], number: int, reporter: Reporter) -> None:
    texts = {
        "instruction": row["instruction"],
        "chosen": row["chosen"].strip(),
        "rejected": row["rejected"].strip(),
        "why": f"{row['rejection_type']}, by {row['decided_by']}, margin {row['margin']:.2f}",
    }
    reporter.sample(f"pair {number}", texts)
