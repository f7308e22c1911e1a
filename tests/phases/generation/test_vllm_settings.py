"""vLLM's engine arguments: memory, weights, parallelism, CUDA graphs, adapters and overrides."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from phases.generation.gpus import GpuInfo
from phases.generation.vllm_settings import (
    MAX_MODEL_LEN,
    ModelShape,
    build_engine_arguments,
    compute_cache_bytes,
    read_adapter_rank,
    read_overrides,
)
from phases.models.source import ModelError

GIB = 2**30
H100 = GpuInfo("NVIDIA H100 80GB HBM3", 81_559 * 2**20, 81_000 * 2**20, 9)
H200 = GpuInfo("NVIDIA H200", 143_771 * 2**20, 143_000 * 2**20, 9)
QWEN_32B = 32_763_876_352
CACHE_BYTES_32B = 2 * 2 * 64 * 8 * 128


def settled(
    *gpus: GpuInfo, parameters: int = QWEN_32B, rank: int | None = None, heads: int = 40
) -> dict[str, Any]:
    shape = ModelShape(parameters, 131_072, heads, CACHE_BYTES_32B, rank)
    return build_engine_arguments("folder", shape, gpus)


def test_a_model_that_fits_is_served_in_whole_weights_within_the_free_memory() -> None:
    found = settled(H100)
    assert found["dtype"] == "bfloat16"
    assert "quantization" not in found
    assert found["gpu_memory_utilization"] == 0.92
    assert found["max_model_len"] == MAX_MODEL_LEN
    assert found["max_num_seqs"] == 256
    assert not found["trust_remote_code"]
    assert found["load_format"] == "safetensors"
    busy = settled(GpuInfo("a card", 80 * GIB, 75 * GIB, 8), parameters=7 * 10**9)
    assert busy["gpu_memory_utilization"] == 0.92
    busy = settled(GpuInfo("a card", 80 * GIB, 41 * GIB, 8), parameters=7 * 10**9)
    assert busy["gpu_memory_utilization"] == 0.5


def test_without_a_card_there_is_no_memory_to_share() -> None:
    found = settled()
    assert found["dtype"] == "float32"
    assert "gpu_memory_utilization" not in found


def test_more_rows_are_served_at_once_where_the_cache_has_room_for_them() -> None:
    assert settled(H100)["max_num_seqs"] == 256
    assert settled(H200)["max_num_seqs"] == 512
    assert settled(H100, parameters=7 * 10**9)["max_num_seqs"] == 512
    small = GpuInfo("a card", 48 * GIB, 47 * GIB, 8)
    assert settled(small)["max_num_seqs"] == 256
    assert settled(small, small)["max_num_seqs"] == 256
    assert settled(*[GpuInfo("a card", 64 * GIB, 63 * GIB, 8)] * 2)["max_num_seqs"] == 512


def test_the_cache_of_a_token_is_counted_from_the_shape() -> None:
    grouped = SimpleNamespace(
        num_hidden_layers=64, num_attention_heads=40, num_key_value_heads=8, hidden_size=5120
    )
    assert compute_cache_bytes(grouped) == CACHE_BYTES_32B
    own = SimpleNamespace(num_hidden_layers=18, num_attention_heads=4, num_key_value_heads=1, head_dim=256)
    assert compute_cache_bytes(own) == 2 * 2 * 18 * 256


@pytest.mark.parametrize("generation", [8, 9, 10])
@pytest.mark.parametrize("gib", [80, 141])
def test_graphs_are_captured_for_batches_up_to_a_whole_one_and_prompts_beside_it(
    generation: int, gib: int
) -> None:
    found = settled(GpuInfo("a card", gib * GIB, gib * GIB, generation))
    sizes, rows = found["compilation_config"]["cudagraph_capture_sizes"], found["max_num_seqs"]
    assert sizes == sorted(set(sizes))
    assert {1, rows, 2 * rows} <= set(sizes)
    assert len(sizes) <= 24


def test_whole_steps_are_recorded_where_attention_can_be() -> None:
    def of(*generations: int) -> dict[str, Any]:
        cards = [GpuInfo("a card", 80 * GIB, 80 * GIB, generation) for generation in generations]
        made: dict[str, Any] = settled(*cards)["compilation_config"]
        return made

    assert (of(9)["mode"], of(9)["cudagraph_mode"]) == (0, "FULL")
    assert list(of(8)) == list(of(9, 8)) == ["cudagraph_capture_sizes"]


def test_weights_that_do_not_fit_are_made_smaller_or_refused() -> None:
    assert settled(GpuInfo("a card", 48 * GIB, 47 * GIB, 8))["quantization"] == "fp8"
    with pytest.raises(ModelError, match=r"do not fit.*transformers, which loads 4-bit weights"):
        settled(GpuInfo("a card", 24 * GIB, 23 * GIB, 8))


def test_gpus_share_weights_that_do_not_fit_one_of_them_before_these_are_made_smaller() -> None:
    small = GpuInfo("a card", 48 * GIB, 47 * GIB, 8)
    assert "tensor_parallel_size" not in settled(H100, H100)
    shared = settled(small, small, small)
    assert shared["tensor_parallel_size"] == 2
    assert "quantization" not in shared
    assert settled(small, small, heads=7)["quantization"] == "fp8"
    tiny = GpuInfo("a card", 24 * GIB, 23 * GIB, 8)
    assert settled(*[tiny] * 4)["quantization"] == "fp8"
    with pytest.raises(ModelError, match="on each of 2"):
        settled(tiny, tiny)


@pytest.mark.parametrize(("rank", "served"), [(4, 8), (8, 8), (32, 32), (33, 64)])
def test_an_adapter_is_served_at_the_next_rank_that_there_is(rank: int, served: int) -> None:
    found = settled(H100, rank=rank)
    assert found["enable_lora"]
    assert found["max_lora_rank"] == served


def test_an_adapter_of_a_rank_that_vllm_lacks_is_refused() -> None:
    with pytest.raises(ModelError, match="rank 600"):
        settled(H100, rank=600)


def test_the_rank_of_an_adapter_is_its_largest(tmp_path: Path) -> None:
    (tmp_path / "adapter_config.json").write_text(json.dumps({"r": 8, "rank_pattern": {"q_proj": 24}}))
    assert read_adapter_rank(tmp_path) == 24


def test_arguments_from_the_environment() -> None:
    assert read_overrides({}) == {}
    assert read_overrides({"GONOGO_ENGINE_ARGS": '{"enforce_eager": true}'}) == {"enforce_eager": True}
    for wrong in ("enforce_eager", "[1]"):
        with pytest.raises(ModelError, match="expected a JSON object"):
            read_overrides({"GONOGO_ENGINE_ARGS": wrong})
