"""Forecasts and advice for the phases of a plan."""

from pathlib import Path
from typing import Any

import pytest

import app
from app.memory.forecast import forecast_memory
from app.memory.formulas import (
    GIB,
    Need,
)
from app.memory.needs import (
    GpuBudget,
    estimate_settings,
    find_base_model,
    list_workloads,
    parse_gpu_budget,
)
from app.memory.shape import UnknownShapeError, make_config_reader
from app.plan.read import load_plan
from phases.contract.micro_batch import MicroBatchSetting
from phases.contract.workload import (
    SOLVED_EXAMPLE_TOKENS,
)
from tests.memory.shapes import GEMMA, LARGE, QWEN

PLAN = Path(app.__file__).parent.parent / "session_plan.toml"


def gib(need: Need) -> float:
    return need.total / GIB


def test_several_gpus_are_advised_to_share_a_model_that_fits_none_of_them() -> None:
    plan = load_plan(PLAN)

    def advice(count: int, size: int, launcher: str | None = None, **params: Any) -> str:
        phase = plan.find_phase("sft_training")
        given = {"params": {**phase.params, "model": "large", **params}, "launcher": launcher, "remedies": {}}
        changed = plan.model_copy(update={"phases": (phase.model_copy(update=given),)})
        shape = {name: getattr(LARGE, name) for name in LARGE.__struct_fields__}
        return forecast_memory(changed, GpuBudget(count, size * GIB), lambda model: shape)[
            "sft_training"
        ].advice

    assert advice(4, 40) == 'with launcher = "accelerate" and shard_weights = true it needs 28 GiB'
    assert advice(4, 40, "accelerate") == "with shard_weights = true it needs 28 GiB"
    assert advice(4, 40, "accelerate", shard_weights=True) == ""
    # Longer steps are split into micro-batches of 4,096 tokens, which need more.
    short_steps = {"gradient_accumulation": 1}
    expected = "with shard_weights = true, max_length = 256 it needs 23 GiB"
    assert advice(4, 24, "accelerate", **short_steps) == expected
    assert advice(1, 24) == "no max_length is small enough; use a larger GPU or a smaller model"
    # Shorter rows are tried first: shares are slower.
    assert advice(4, 52, max_length=8192) == "with max_length = 2048 it needs 47 GiB"


def test_a_training_that_starts_from_its_own_folder_has_the_model_that_it_names() -> None:
    plan = load_plan(PLAN)
    phase = plan.find_phase("dpo_training")
    same = phase.model_copy(update={"params": {**phase.params, "output_dir": phase.params["sft_model"]}})
    changed = plan.model_copy(update={"phases": (same,)})
    assert find_base_model(changed, same) == phase.params["sft_model"]


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
    found = forecast_memory(plan, GpuBudget(1, 80 * GIB), make_config_reader(plan.folder))
    assert set(found) == {phase.id for phase in plan.phases} - {"comparison"}
    assert all(phase.fits and phase.need for phase in found.values())
    sft, dpo = found["sft_training"].need, found["dpo_training"].need
    assert sft
    assert dpo
    # The rows of a step do not fit at once, but no layer recomputes.
    assert sft.setting == dpo.setting == MicroBatchSetting(4608, 0)
    smaller = forecast_memory(plan, GpuBudget(1, 48 * GIB), make_config_reader(plan.folder))[
        "sft_training"
    ].need
    assert smaller
    assert smaller.setting == MicroBatchSetting(4096, 40)
    assert dpo.parts["adapter"] == pytest.approx(10 / 6 * sft.parts["adapter"])
    # vLLM takes whole weights where they fit one GPU or two, else those of 8 bits; elsewhere they have 4.
    for count, size, weights in ((1, 80, 2.0), (2, 80, 2.0), (1, 48, 1.1), (2, 48, 1.0), (3, 48, 1.0)):
        after = forecast_memory(plan, GpuBudget(count, size * GIB), make_config_reader(plan.folder))[
            "sft_evaluation"
        ]
        assert after.fits
        assert after.need
        assert after.need.parts["weights"] == weights * QWEN.parameters
    before = found["verification"].need
    assert before
    assert before.parts["weights"] == QWEN.weight_bytes
    slow = plan.find_phase("sft_evaluation")
    slow = slow.model_copy(update={"params": {**slow.params, "engine": "transformers"}})
    (alone,) = estimate_settings(plan, slow, QWEN, GpuBudget(1, 80 * GIB))
    assert alone.parts["adapter"] == 4 * QWEN.count_adapter_parameters(32)


def test_phases_that_generate_need_what_they_have_at_once() -> None:
    """Between what was seen on an H200, less what torch kept in reserve, and half as much again."""
    plan = load_plan(PLAN, "gemma-270m")
    # The measurements were made with these settings.
    seen_with = {
        "sft_data": {"max_new_tokens": 64},
        "preference_pairs": {"max_new_tokens": 64, "batch_size": 4096},
    }
    phases = [
        phase.model_copy(update={"params": {**phase.params, **seen_with.get(phase.id, {})}})
        for phase in plan.phases
    ]
    plan = plan.model_copy(update={"phases": phases})
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
        # The baseline evaluation was seen with five solved examples; the plan has eight.
        margin = 2 if phase == "baseline_evaluation" else 1.5
        assert seen <= gib(need) <= margin * seen
    # 542 prompts are fewer than a batch, and eight solved examples make them longer.
    baseline, sft = (
        list_workloads(plan, plan.find_phase(f"{name}_evaluation")) for name in ("baseline", "sft")
    )
    assert [batch.rows for batch in (*baseline, *sft)] == [542, 542]
    assert baseline[0].prompt_tokens - sft[0].prompt_tokens == 8 * SOLVED_EXAMPLE_TOKENS


def test_a_model_that_is_not_here_is_reported_as_unknown() -> None:
    plan = load_plan(PLAN, "gemma-270m")

    def nowhere(model: str) -> dict[str, Any]:
        raise UnknownShapeError(f"{model} is not here")

    found = forecast_memory(plan, GpuBudget(1, 80 * GIB), nowhere)
    assert {phase.unknown for phase in found.values()} == {"google/gemma-3-270m is not here"}
    assert all(phase.need is None for phase in found.values())
