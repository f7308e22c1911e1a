"""The formulas against measured peaks."""

from typing import Literal

import pytest

from app.memory.formulas import (
    GIB,
    Need,
    estimate_generation,
    estimate_training,
)
from app.memory.shape import Shape
from phases.contract.micro_batch import MicroBatchSetting
from phases.contract.workload import (
    Generation,
)
from tests.memory.shapes import GEMMA, LARGE, QWEN


def gib(need: Need) -> float:
    return need.total / GIB


@pytest.mark.parametrize(("rows", "measured"), [(8, 28.6), (4, 23.8)])
def test_qlora_needs_what_was_measured(rows: int, measured: float) -> None:
    """One H200: rank 32 on all linear modules, checkpointing, paged 8-bit AdamW, whole logits."""
    setting = MicroBatchSetting(rows * 512, QWEN.num_hidden_layers)
    need = estimate_training(QWEN, setting=setting, rank=32, fused=False, whole_logits=True)
    assert gib(need) == pytest.approx(measured, rel=0.1)


@pytest.mark.parametrize(
    ("tokens", "recomputed", "fused", "reference", "measured"),
    [
        # One H100 80GB on 2026-11-24, the adapters of PEFT.
        (4 * 1024, 32, False, False, 51.6),
        (4 * 496, 0, False, True, 50.4),
        # One H200 on 2026-11-29, fused adapters: packed rows, then packed pairs.
        (3 * 1024, 0, True, False, 55.37),
        (4 * 1024, 0, True, False, 67.38),
        (4 * 1024, 8, True, False, 61.79),
        (4 * 1024, 16, True, False, 56.14),
        (8 * 1024, 40, True, False, 59.12),
        (4 * 1024, 16, True, False, 55.93),
    ],
)
def test_layers_that_do_not_recompute_need_what_was_measured(
    tokens: int, recomputed: int, fused: bool, reference: bool, measured: float
) -> None:
    """Fused layers, chunked loss."""
    setting = MicroBatchSetting(tokens, recomputed)
    need = estimate_training(QWEN, setting=setting, rank=32, fused=fused, reference=reference)
    assert (need.total - need.parts["CUDA"]) / GIB == pytest.approx(measured, rel=0.1)


@pytest.mark.parametrize(("rows", "new", "measured"), [(16, 129, 21.57), (64, 119, 32.31), (64, 93, 32.31)])
def test_generating_needs_what_was_measured(rows: int, new: int, measured: float) -> None:
    """One H200, one H100 80GB, 2026-11-24, prompts of 512 tokens: what reading them needs is the peak.

    It was transformers' own `generate`, whose cache has no place for new tokens yet: ours needs that more.
    """
    without, ours = (estimate_generation(QWEN, Generation(rows, 512, more)) for more in (0, new))
    assert (without.total - without.parts["CUDA"]) / GIB == pytest.approx(measured, rel=0.02)
    assert (ours.total - ours.parts["CUDA"]) / GIB == pytest.approx(measured, rel=0.1)


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
    setting = MicroBatchSetting(rows * longest, 0)
    need = estimate_training(Shape(**GEMMA), setting=setting, rank=32, fused=False, reference=reference)
    assert (need.total - need.parts["CUDA"]) / GIB == pytest.approx(measured, rel=0.1)


def test_long_texts_need_their_cache() -> None:
    short, long = (estimate_generation(QWEN, Generation(64, 16, new)) for new in (1024, 2048))
    assert long.total - short.total == pytest.approx(64 * 1024 * (64 * 2 * 2 * 1024 + 2 * 2 * 5120))


def test_recomputed_layers_and_chunked_logits_need_less() -> None:
    def need(recomputed: int, **options: bool) -> float:
        return gib(estimate_training(QWEN, setting=MicroBatchSetting(4096, recomputed), rank=32, **options))

    assert need(64) < need(63) < need(32) < need(0)
    assert need(64) < need(64, whole_logits=True)
    assert need(0) < need(0, fused=False)
    small = MicroBatchSetting(64, 64)
    one, two = (
        gib(estimate_training(QWEN, setting=small, rank=32, processes=processes, reference=processes > 1))
        for processes in (1, 2)
    )
    # A second copy of the gradients for the exchange, and of the adapter for the reference.
    assert two - one == pytest.approx(2 * 4 * QWEN.count_adapter_parameters(32) / GIB)


def test_gpus_that_share_weights_hold_their_part_of_the_layers_and_three_complete_ones() -> None:
    packed = LARGE.layer_parameters / 2
    setting = MicroBatchSetting(4096, LARGE.num_hidden_layers)
    one, four = (
        estimate_training(LARGE, setting=setting, rank=32, processes=count, sharded_over=count).parts
        for count in (1, 4)
    )
    assert one["weights"] - four["weights"] == pytest.approx(packed * (3 / 4 - 3 / LARGE.num_hidden_layers))
    # Scales and embeddings are whole, and gradients are exchanged in place.
    assert {name: one[name] for name in one if name != "weights"} == {
        name: four[name] for name in four if name != "weights"
    }
