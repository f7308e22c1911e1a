"""What phases need of a GPU: against what was measured, and as a plan's parameters change it."""

import json
from pathlib import Path
from typing import Any, Literal

import pytest

import app
from app.memory import formulas
from app.memory.forecast import forecast_memory
from app.memory.formulas import (
    GIB,
    Need,
    estimate_generation,
    estimate_scoring,
    estimate_training,
)
from app.memory.needs import GpuBudget, estimate_settings, list_workloads, parse_gpu_budget
from app.memory.shape import KNOWN_SHAPES, Shape, UnknownShapeError, load_shape, local_config
from app.plan.read import load_plan
from phases.contract.workload import (
    INSTRUCTION_TOKENS,
    SOLVED_EXAMPLE_TOKENS,
    Generation,
    Scoring,
    Workload,
)
from phases.datagen.judge import load_constitution
from phases.datagen.parameters import LIST_EXAMPLE_TOKENS
from phases.datagen.seeds import load_seeds
from phases.datagen.self_instruct import list_prompt
from phases.evaluation.recipe import demonstrations, examples_text
from phases.evaluation.spec import bound_prompt_tokens
from phases.generation import scoring
from phases.models import prompt_format
from phases.models.tokenizer import load_tokenizer
from phases.preference_pairs.spec import CONSTITUTION, CONSTITUTION_TOKENS
from phases.scoring.suite import load_suite
from phases.sft_data.spec import DEMONSTRATION_TOKENS
from phases.verification import spec as verification
from phases.verification.recipe import EXCHANGES

PLAN = Path(app.__file__).parent.parent / "session_plan.toml"
QWEN = KNOWN_SHAPES["Qwen/Qwen2.5-32B"]


def gib(need: Need) -> float:
    return need.total / GIB


def test_the_weights_are_those_that_were_measured() -> None:
    """NF4 weights of Qwen2.5-32B on the GPU: 18.0 GiB."""
    assert QWEN.weight_bytes / GIB == pytest.approx(18.0, rel=0.02)
    assert QWEN.parameters == pytest.approx(32.76e9, rel=0.01)


@pytest.mark.parametrize(("rows", "measured"), [(8, 28.6), (4, 23.8)])
def test_qlora_needs_what_was_measured(rows: int, measured: float) -> None:
    """One H200: rank 32 on all linear modules, checkpointing, paged 8-bit AdamW, whole logits."""
    need = estimate_training(QWEN, tokens=rows * 512, rank=32, checkpointing="on", whole_logits=True)
    assert gib(need) == pytest.approx(measured, rel=0.1)


@pytest.mark.parametrize(
    ("tokens", "checkpointing", "reference", "measured"),
    [(4 * 1024, "half", False, 51.6), (4 * 496, "off", True, 50.4)],
)
def test_layers_that_do_not_recompute_need_what_was_measured(
    tokens: int, checkpointing: str, reference: bool, measured: float
) -> None:
    """One H100 80GB on 2026-11-24, fused layers, chunked loss; see docs/performance.md."""
    need = estimate_training(QWEN, tokens=tokens, rank=32, checkpointing=checkpointing, reference=reference)
    assert (need.total - need.parts["CUDA"]) / GIB == pytest.approx(measured, rel=0.1)


@pytest.mark.parametrize(("rows", "new", "measured"), [(16, 129, 21.57), (64, 119, 32.31), (64, 93, 32.31)])
def test_generating_needs_what_was_measured(rows: int, new: int, measured: float) -> None:
    """One H200, one H100 80GB, 2026-11-24, prompts of 512 tokens: what reading them needs is the peak.

    It was transformers' own `generate`, whose cache has no place for new tokens yet: ours needs that more.
    """
    without, ours = (estimate_generation(QWEN, Generation(rows, 512, more)) for more in (0, new))
    assert (without.total - without.parts["CUDA"]) / GIB == pytest.approx(measured, rel=0.02)
    assert (ours.total - ours.parts["CUDA"]) / GIB == pytest.approx(measured, rel=0.1)


GEMMA = {  # the config.json of gemma-3-270m
    "hidden_size": 640,
    "num_hidden_layers": 18,
    "num_attention_heads": 4,
    "num_key_value_heads": 1,
    "head_dim": 256,
    "intermediate_size": 2048,
    "vocab_size": 262144,
    "tie_word_embeddings": True,
}


@pytest.mark.parametrize(("sampling", "measured"), [("greedy", 2.272), ("nucleus", 3.555)])
def test_our_engine_needs_what_was_measured(sampling: Literal["greedy", "nucleus"], measured: float) -> None:
    """One H200, 2026-11-29, gemma-3-270m, 512 prompts of 60 tokens, 64 new; see docs/performance.jsonl."""
    need = estimate_generation(Shape(**GEMMA), Generation(512, 60, 64, sampling))
    found = (need.total - need.parts["CUDA"]) / GIB
    assert measured <= found <= 1.1 * measured


@pytest.mark.parametrize(
    ("rows", "longest", "reference", "measured"), [(64, 85, False, 3.90), (2 * 32, 124, True, 5.36)]
)
def test_a_training_whose_weights_are_not_packed_needs_what_was_measured(
    rows: int, longest: int, reference: bool, measured: float
) -> None:
    """One H200, 2026-11-29, the trainings of gemma-3-270m; see docs/results/gemma-3-270m."""
    need = estimate_training(
        Shape(**GEMMA), tokens=rows * longest, rank=32, checkpointing="off", reference=reference
    )
    assert (need.total - need.parts["CUDA"]) / GIB == pytest.approx(measured, rel=0.1)


def test_long_texts_need_their_cache() -> None:
    short, long = (estimate_generation(QWEN, Generation(64, 16, new)) for new in (1024, 2048))
    assert long.total - short.total == pytest.approx(64 * 1024 * (64 * 2 * 2 * 1024 + 2 * 2 * 5120))


def test_less_is_needed_where_layers_recompute_and_logits_are_never_whole() -> None:
    def need(checkpointing: str, whole_logits: bool = False) -> float:
        return gib(
            estimate_training(
                QWEN, tokens=4096, rank=32, checkpointing=checkpointing, whole_logits=whole_logits
            )
        )

    assert need("on") < need("half") < need("off")
    assert need("on") < need("on", whole_logits=True)
    one, two = (
        gib(estimate_training(QWEN, tokens=64, rank=32, processes=processes, reference=processes > 1))
        for processes in (1, 2)
    )
    # A second copy of the gradients for the exchange, and of the adapter for the reference.
    assert two - one == pytest.approx(2 * 4 * QWEN.adapter_parameters(32) / GIB)


LARGE = Shape(  # that of Qwen2.5-72B
    hidden_size=8192,
    num_hidden_layers=80,
    num_attention_heads=64,
    num_key_value_heads=8,
    intermediate_size=29568,
    vocab_size=152064,
)


def test_gpus_that_share_weights_hold_their_part_of_the_layers_and_three_whole_ones() -> None:
    packed = LARGE.layer_parameters / 2
    one, four = (
        estimate_training(LARGE, tokens=4096, rank=32, processes=count, sharded_over=count).parts
        for count in (1, 4)
    )
    assert one["weights"] - four["weights"] == pytest.approx(packed * (3 / 4 - 3 / LARGE.num_hidden_layers))
    # Scales and embeddings are whole, and gradients are exchanged in place.
    assert {name: one[name] for name in one if name != "weights"} == {
        name: four[name] for name in four if name != "weights"
    }


def test_several_gpus_are_advised_to_share_a_model_that_fits_none_of_them() -> None:
    plan = load_plan(PLAN)

    def advice(count: int, size: int, launcher: str | None = None, **params: Any) -> str:
        phase = plan.phase("sft_training")
        given = {"params": {**phase.params, "model": "large", **params}, "launcher": launcher, "remedies": {}}
        changed = plan.model_copy(update={"phases": (phase.model_copy(update=given),)})
        shape = {name: getattr(LARGE, name) for name in LARGE.__struct_fields__}
        return forecast_memory(changed, GpuBudget(count, size * GIB), lambda model: shape)[
            "sft_training"
        ].advice

    assert advice(4, 40) == 'with launcher = "accelerate" and shard_weights = true it needs 28 GiB'
    assert advice(4, 40, "accelerate") == "with shard_weights = true it needs 28 GiB"
    assert advice(4, 40, "accelerate", shard_weights=True) == ""
    assert advice(4, 24, "accelerate") == "with shard_weights = true, batch_size = 1 it needs 23 GiB"
    assert advice(1, 24) == "no batch_size is small enough; use a larger GPU or a smaller model"
    # A smaller batch is tried first: shares are slower.
    assert advice(4, 52) == "with batch_size = 2 it needs 48 GiB"


def test_a_model_has_as_many_parameters_as_its_library_counts() -> None:
    from transformers import AutoConfig, AutoModelForCausalLM

    folder = Path(app.__file__).parent.parent / "phases/embedded/model"
    shape = load_shape("embedded", local_config(PLAN.parent))
    model = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(folder))
    assert shape.parameters == pytest.approx(model.num_parameters(), rel=0.01)
    assert not shape.is_four_bit


def test_the_adapter_has_as_many_parameters_as_its_library_makes() -> None:
    from peft import LoraConfig, get_peft_model
    from transformers import Qwen2Config, Qwen2ForCausalLM

    numbers: dict[str, Any] = {
        "vocab_size": 64,
        "hidden_size": 32,
        "intermediate_size": 80,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
    }
    lora = LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM")
    model = get_peft_model(Qwen2ForCausalLM(Qwen2Config(**numbers)), lora)
    trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
    assert Shape(**numbers).adapter_parameters(4) == trained


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("80GB", GpuBudget(1, 80 * GIB)),
        ("2x80GB", GpuBudget(2, 80 * GIB)),
        ("8 x H200 141 GB", GpuBudget(8, 141 * GIB)),
        ("A100 SXM 80GB", GpuBudget(1, 80 * GIB)),
        ("RTX 4090 24GB", GpuBudget(1, 24 * GIB)),
        ("this machine", None),
        ("A100", None),
    ],
)
def test_gpus_are_read_from_text(text: str, expected: GpuBudget | None) -> None:
    assert parse_gpu_budget(text) == expected


def test_every_phase_of_stage_1_fits_into_80_gb_and_adapters_are_followed_to_their_base() -> None:
    plan = load_plan(PLAN)
    found = forecast_memory(plan, GpuBudget(1, 80 * GIB), local_config(plan.folder))
    assert set(found) == {phase.id for phase in plan.phases} - {"comparison"}
    assert all(phase.fits and phase.need for phase in found.values())
    sft, dpo = found["sft_training"].need, found["dpo_training"].need
    assert sft
    assert dpo
    # Four sequences of 1,024 tokens, or two pairs: without recomputing they would not fit.
    assert (sft.checkpointing, dpo.checkpointing) == ("half", "half")
    assert dpo.parts["adapter"] == pytest.approx(10 / 6 * sft.parts["adapter"])
    # vLLM takes whole weights where they fit one GPU or two, else those of 8 bits; elsewhere they have 4.
    for count, size, weights in ((1, 80, 2.0), (2, 80, 2.0), (1, 48, 1.1), (2, 48, 1.0), (3, 48, 1.0)):
        after = forecast_memory(plan, GpuBudget(count, size * GIB), local_config(plan.folder))[
            "sft_evaluation"
        ]
        assert after.fits
        assert after.need
        assert after.need.parts["weights"] == weights * QWEN.parameters
    before = found["verification"].need
    assert before
    assert before.parts["weights"] == QWEN.weight_bytes
    slow = plan.phase("sft_evaluation")
    slow = slow.model_copy(update={"params": {**slow.params, "engine": "transformers"}})
    (alone,) = estimate_settings(plan, slow, QWEN, GpuBudget(1, 80 * GIB))
    assert alone.parts["adapter"] == 4 * QWEN.adapter_parameters(32)


def test_phases_that_generate_need_what_they_have_at_once() -> None:
    """Between what was seen on an H200, less what torch kept in reserve, and half as much again."""
    plan = load_plan(PLAN, "gemma-270m")
    found = forecast_memory(plan, GpuBudget(1, 141 * GIB), lambda model: GEMMA)
    assert all(phase.fits and phase.need for phase in found.values())
    least = {
        "verification": 1.2,
        "baseline_evaluation": 5.7,
        "sft_data": 23.4,
        "sft_evaluation": 3.6,
        "preference_pairs": 25,
    }
    for phase, seen in least.items():
        need = found[phase].need
        assert need
        assert seen <= gib(need) <= 1.5 * seen
    # 542 prompts are fewer than a batch, and five solved examples make them longer.
    baseline, sft = (generations("gemma-270m", f"{name}_evaluation") for name in ("baseline", "sft"))
    assert [batch.rows for batch in (*baseline, *sft)] == [542, 542]
    assert baseline[0].prompt_tokens - sft[0].prompt_tokens == 5 * SOLVED_EXAMPLE_TOKENS


def workloads(profile: str, phase_id: str, **params: Any) -> tuple[Workload, ...]:
    plan = load_plan(PLAN, profile)
    phase = plan.phase(phase_id)
    return list_workloads(plan, phase.model_copy(update={"params": {**phase.params, **params}}))


def generations(profile: str, phase_id: str, **params: Any) -> list[Generation]:
    return [w for w in workloads(profile, phase_id, **params) if isinstance(w, Generation)]


def test_lists_have_as_many_rows_as_a_round_and_a_judge_reads_two_responses() -> None:
    lists, candidates = generations("gemma-270m", "preference_pairs")
    assert (lists.rows, lists.new_tokens, lists.sampling, lists.adapted) == (256 * 4, 160, "nucleus", False)
    assert (candidates.rows, candidates.new_tokens, candidates.sampling) == (4096, 64, "random")
    *_, candidates, judged = generations("gemma-270m", "preference_pairs", top_p=0.9, audited_pairs=4)
    assert candidates.sampling == "nucleus"
    assert judged.prompt_tokens > candidates.prompt_tokens + 2 * candidates.new_tokens
    assert not judged.cached


def test_scored_texts_have_as_many_rows_as_their_logits_have_room_for() -> None:
    scored = workloads("gemma-270m", "preference_pairs", judged_candidates=3, judge="auto")[-1]
    assert isinstance(scored, Scoring)
    assert scored.rows == 4096
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
    [shown] = tokens(examples_text(demonstrations(suite, "embedded", 5, 1)))
    assert shown <= 5 * SOLVED_EXAMPLE_TOKENS
    one = [seed for seed in seeds if seed.group == "format"]
    assert sum(sorted(tokens(*(examples_text([seed]) for seed in one)))[-5:]) <= 5 * DEMONSTRATION_TOKENS
    listed = sorted(tokens(*(list_prompt([seed.instruction]) for seed in seeds)))
    assert sum(listed[-8:]) <= 8 * LIST_EXAMPLE_TOKENS
    [judged] = tokens(load_constitution(CONSTITUTION).prompt("", "", ""))
    assert judged <= CONSTITUTION_TOKENS
    assert len(EXCHANGES) == verification.EXCHANGES
    assert max(tokens(*(answer for _, answer in EXCHANGES))) <= verification.ANSWER_TOKENS


def test_a_model_that_is_not_here_is_unknown_and_said_so(tmp_path: Path) -> None:
    plan = load_plan(PLAN, "gemma-270m")

    def nowhere(model: str) -> dict[str, Any]:
        raise UnknownShapeError(f"{model} is not here")

    found = forecast_memory(plan, GpuBudget(1, 80 * GIB), nowhere)
    assert {phase.unknown for phase in found.values()} == {"google/gemma-3-270m is not here"}
    assert all(phase.need is None for phase in found.values())

    (tmp_path / "model").mkdir()
    config = tmp_path / "model" / "config.json"
    config.write_text("{}")
    with pytest.raises(UnknownShapeError, match="not that of a known kind of decoder"):
        load_shape("model", local_config(tmp_path))
    # Models that see as well keep their decoder's numbers apart.
    numbers = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2}
    text = {**numbers, "intermediate_size": 16, "vocab_size": 10}
    config.write_text(json.dumps({"model_type": "other", "text_config": text}))
    assert load_shape("model", local_config(tmp_path)).query_width == 8
