"""The workloads that the specs of the phases declare."""

import json
from pathlib import Path
from typing import Any

import pytest

import app
from app.memory import formulas
from app.memory.formulas import (
    GIB,
    estimate_scoring,
)
from app.memory.needs import list_workloads
from app.memory.shape import Shape
from app.plan.read import load_plan
from phases.contract.workload import (
    INSTRUCTION_TOKENS,
    SOLVED_EXAMPLE_TOKENS,
    Generation,
    Scoring,
    Workload,
)
from phases.datagen.constitution import load_constitution
from phases.datagen.parameters import LIST_EXAMPLE_TOKENS
from phases.datagen.seeds import load_seeds
from phases.datagen.self_instruct import format_list_prompt
from phases.evaluation.few_shot import choose_examples, format_examples
from phases.evaluation.spec import bound_prompt_tokens
from phases.generation import scoring
from phases.models import prompt_format
from phases.models.tokenizer import load_tokenizer
from phases.preference_pairs.spec import CONSTITUTION, CONSTITUTION_TOKENS
from phases.scoring.suite import load_suite
from phases.sft_data.spec import DEMONSTRATION_TOKENS
from phases.verification import spec as verification
from phases.verification.stimuli import EXCHANGES
from tests.memory.shapes import GEMMA

PLAN = Path(app.__file__).parent.parent / "session_plan.toml"


def workloads(profile: str, phase_id: str, **params: Any) -> tuple[Workload, ...]:
    plan = load_plan(PLAN, profile)
    phase = plan.find_phase(phase_id)
    return list_workloads(plan, phase.model_copy(update={"params": {**phase.params, **params}}))


def generations(profile: str, phase_id: str, **params: Any) -> list[Generation]:
    return [w for w in workloads(profile, phase_id, **params) if isinstance(w, Generation)]


def test_lists_have_as_many_rows_as_a_round_and_a_judge_reads_two_responses() -> None:
    lists, candidates = generations("gemma-270m", "preference_pairs")
    assert (lists.rows, lists.new_tokens, lists.sampling, lists.adapted) == (256 * 4, 160, "nucleus", False)
    assert (candidates.rows, candidates.new_tokens, candidates.sampling) == (2048, 192, "random")
    *_, candidates, judged = generations("gemma-270m", "preference_pairs", top_p=0.9, audited_pairs=4)
    assert candidates.sampling == "nucleus"
    assert judged.prompt_tokens > candidates.prompt_tokens + 2 * candidates.new_tokens
    assert not judged.cached


def test_scored_texts_have_as_many_rows_as_their_logits_have_room_for() -> None:
    scored = workloads("gemma-270m", "preference_pairs", judged_candidates=3, judge="auto")[-1]
    assert isinstance(scored, Scoring)
    assert scored.rows == 2048
    shape = Shape(**GEMMA)
    need = estimate_scoring(shape, scored)
    length = scored.prompt_tokens + scored.answer_tokens
    rows = need.parts["cache"] / (length * shape.num_hidden_layers * 2 * 2 * shape.key_width)
    assert rows * (2 * (scored.answer_tokens + 1) + 8) * shape.vocab_size == pytest.approx(4 * GIB, rel=0.1)
    assert scoring._MAX_LOGITS_BYTES == formulas.SCORED_LOGITS_LIMIT


def test_a_suite_that_is_not_here_yet_may_fill_a_batch(tmp_path: Path) -> None:
    assert generations("gemma-270m", "baseline_evaluation", suite="nowhere.jsonl")[0].rows == 1024
    row = {"key": "a", "category": "c", "instruction": "Name it. " * 100, "checks": [{"kind": "json_object"}]}
    (tmp_path / "own.jsonl").write_text(json.dumps(row))
    [own] = generations("gemma-270m", "sft_evaluation", suite=str(tmp_path / "own.jsonl"))
    assert (own.rows, own.prompt_tokens) == (1, 458)


def test_prompts_have_no_more_tokens_than_is_thought() -> None:
    tokenizer = load_tokenizer("embedded")
    suite, seeds = load_suite("embedded"), load_seeds("embedded")

    def tokens(*texts: str) -> list[int]:
        return [len(tokenizer.encode_prompt(text)) for text in texts]

    asked = tokens(*(prompt_format.format_prompt(p.instruction) for p in suite.prompts))
    bound = bound_prompt_tokens([prompt.instruction for prompt in suite.prompts])
    assert max(asked) <= bound <= INSTRUCTION_TOKENS
    examples = choose_examples([suite], "embedded", 8, 1)
    shown = tokens(*(format_examples(chosen) for chosen in examples.values()))
    assert max(shown) <= 8 * SOLVED_EXAMPLE_TOKENS
    one = [seed for seed in seeds if seed.group == "format"]
    assert sum(sorted(tokens(*(format_examples([seed]) for seed in one)))[-5:]) <= 5 * DEMONSTRATION_TOKENS
    listed = sorted(tokens(*(format_list_prompt([seed.instruction]) for seed in seeds)))
    assert sum(listed[-8:]) <= 8 * LIST_EXAMPLE_TOKENS
    [judged] = tokens(load_constitution(CONSTITUTION).format_prompt("", "", ""))
    assert judged <= CONSTITUTION_TOKENS
    assert max(tokens(*(answer for _, answer in EXCHANGES))) <= verification.ANSWER_TOKENS
