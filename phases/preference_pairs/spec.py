"""Parameters and metrics of preference pair generation."""

from pathlib import Path
from typing import Final, Literal

from pydantic import Field

from phases.contract.phase_spec import Metric, PhaseSpec
from phases.contract.workload import (
    INSTRUCTION_TOKENS,
    SOLVED_EXAMPLE_TOKENS,
    Generation,
    ModelContext,
    Scoring,
    Work,
    Workload,
)
from phases.datagen.parameters import HARM_METRICS, DataParameters, build_instructions_workload

CONSTITUTION: Final = Path(__file__).with_name("constitution.yaml")
JUDGE_EXAMPLES: Final = 8
"""Solved examples in front of a response whose likelihood the judge compares."""


class Parameters(DataParameters):
    """Parameters of preference pair generation."""

    model: str = Field("artifacts/models/sft_model", description="SFT model: its adapter folder")
    count: int = Field(10000, ge=1, le=1_000_000, description="number of pairs in this batch")
    candidates_per_prompt: int = Field(4, ge=2, le=64, description="responses sampled for each prompt")
    most_candidates: int = Field(
        8,
        ge=0,
        le=256,
        description="responses sampled in total if the first ones all fail; no effect unless above "
        "candidates_per_prompt",
    )
    prompts_from: list[str] = Field(
        [], description="JSONL files or patterns with instructions to use before generating new ones"
    )
    demands: int = Field(
        1,
        ge=0,
        le=8,
        description="variants of each instruction with a verifiable constraint added",
    )
    temperature: float = Field(0.9, gt=0, le=2, description="sampling temperature of candidates")
    top_p: float = Field(0.95, gt=0, le=1, description="top-p of candidates")
    votes_ahead: int = Field(
        2,
        ge=0,
        le=64,
        description="lead in votes with which a majority answer wins; 0 ignores votes",
    )
    constitution: Path = Field(
        CONSTITUTION, description="YAML file with the judge's principles (default: those of this package)"
    )
    judged_candidates: int = Field(
        3, ge=0, le=16, description="good candidates that the judge compares; 0 disables the judge"
    )
    judge: Literal["choice", "likelihood", "auto"] = Field(
        "choice",
        description="how the base model judges: by choice between two responses, by their likelihood after "
        "solved examples (engine transformers only), or auto: the first of the two that passes calibration",
    )
    judge_margin: float = Field(0.1, ge=0, le=1, description="smallest judge margin that decides a pair")
    calibration_pairs: int = Field(
        60,
        ge=0,
        le=10_000,
        description="near misses to calibrate the judge on: right answers of seeds, and the same ones with "
        "a wrong number, item, fact or language; with 0 the judge is not used",
    )
    audited_pairs: int = Field(
        200, ge=0, description="pairs decided by verifiers that the judge rates as well"
    )


METRICS = (
    Metric("pairs", "pairs in this batch"),
    Metric("total_pairs", "pairs in this batch and all earlier ones"),
    Metric("prompts_used", "prompts for which candidates were sampled"),
    Metric("pairs_per_prompt", "pairs divided by prompts_used"),
    Metric("checked_share", "share of the pairs whose instruction has a verifiable constraint"),
    Metric("tie_rate", "share of the prompts that verifiers, votes and judge could not decide"),
    Metric("alike_rate", "share of the prompts whose good candidates all gave the same answer"),
    Metric("no_good_candidate_rate", "share of the prompts without a candidate that passed all verifiers"),
    Metric("decided_by_verifiers_share", "share of the pairs decided by verifiers"),
    Metric("decided_by_votes_share", "share of the pairs decided by agreement among candidates"),
    Metric("decided_by_judge_share", "share of the pairs decided by the judge"),
    Metric("mean_margin", "mean margin of the pairs, from 0 to 1"),
    Metric("longer_chosen_share", "share of the pairs of unequal length whose chosen response is longer"),
    Metric("judge_calibration", "share of near misses on which the judge is right in both orders"),
    Metric("judge_calibration_low", "lower end of the Wilson 95 % interval of judge_calibration"),
    Metric("judge_trusted", "1 if the judge is good enough to decide pairs, else 0"),
    Metric("judge_verifier_agreement", "share of audited pairs where the judge agrees, in both orders"),
    Metric("judge_verifier_agreement_low", "lower end of the Wilson 95 % interval of that share"),
    Metric(
        "judge_unproven_share",
        "share of the pairs decided by a judge that does not agree with the verifiers on more than 75 % of "
        "audited pairs, with an interval above 50 %",
    ),
    Metric("judge_tie_rate", "share of the judge's ratings in which the two orders disagree"),
    Metric("chosen_mean_words", "mean number of words of a chosen response"),
    Metric("rejected_mean_words", "mean number of words of a rejected response"),
    Metric("candidate_pass_rate", "share of the candidates that pass all verifiers"),
    Metric("distinct_3gram_share", "distinct word 3-grams divided by all word 3-grams of the instructions"),
    Metric("contaminated_removed", "instructions and pairs removed because they contain a suite prompt"),
    Metric("chosen_declines", "pairs of all batches whose chosen response alone declines"),
    Metric("rejected_declines", "pairs of all batches whose rejected response alone declines"),
    Metric("unbalanced_removed", "pairs removed because they would outnumber those that teach to decline"),
    Metric("unclear_removed", "instructions removed because they are not clearly harmless"),
    *HARM_METRICS,
    Metric("tokens_generated", "tokens of all completions, including those of earlier attempts"),
    Metric("tokens_per_second", "tokens generated by this attempt divided by its generation time"),
    Metric("rejected_refusal_share", "share of the pairs whose rejected response wrongly refuses or answers"),
    Metric(
        "rejected_hallucination_share",
        "share of the pairs whose rejected response contradicts a check of arithmetic or order",
    ),
    Metric("rejected_format_violation_share", "share of the pairs whose rejected response violates a format"),
    Metric("rejected_incomplete_share", "share of the pairs whose rejected response is incomplete"),
    Metric("rejected_off_topic_share", "share of the pairs whose rejected response is off topic"),
    Metric(
        "rejected_unknown_share", "share of the pairs whose rejected response failed no check with a type"
    ),
)

CONSTITUTION_TOKENS = 600
"""Upper bound of the constitution, which precedes the two responses that the judge reads."""


def list_workloads(parameters: Parameters, context: ModelContext) -> tuple[Workload, ...]:
    """Return the batches of new prompts, of candidates and of what the judge reads."""
    rows, new_tokens = parameters.batch_size, parameters.max_new_tokens
    sampling: Literal["random", "nucleus"] = "nucleus" if parameters.top_p < 1 else "random"
    workloads: list[Workload] = [
        build_instructions_workload(parameters),
        Generation(rows, INSTRUCTION_TOKENS, new_tokens, sampling),
    ]
    if parameters.judged_candidates or parameters.audited_pairs:
        both_responses = CONSTITUTION_TOKENS + INSTRUCTION_TOKENS + 2 * new_tokens
        workloads.append(Generation(rows, both_responses, sampling="random", adapted=False, cached=False))
        if parameters.judge != "choice":
            examples = JUDGE_EXAMPLES * SOLVED_EXAMPLE_TOKENS
            workloads.append(Scoring(rows, examples + INSTRUCTION_TOKENS, new_tokens))
    return tuple(workloads)


SPEC = PhaseSpec(
    Parameters,
    METRICS,
    description="Sample several responses of the SFT model to each prompt and pair the best with the worst.",
    work=Work(
        proportional_to=("count", "candidates_per_prompt"),
        unit_limit="max_new_tokens",
        planned_rows="count",
        delivered_rows="total_pairs",
    ),
    workloads=list_workloads,
)
