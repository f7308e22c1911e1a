"""vLLM's engine arguments: memory, weights, parallelism, CUDA graphs, adapters and overrides."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from peft import LoraConfig

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


def build(
    *gpus: GpuInfo, parameters: int = QWEN_32B, rank: int | None = None, heads: int = 40
) -> dict[str, Any]:
    shape = ModelShape(parameters, 131_072, heads, CACHE_BYTES_32B, rank)
    return build_engine_arguments("folder", shape, gpus)


def test_a_model_that_fits_is_served_in_bfloat16_within_the_free_memory() -> None:
    arguments = build(H100)
    assert arguments["dtype"] == "bfloat16"
    assert "quantization" not in arguments
    assert arguments["gpu_memory_utilization"] == 0.92
    assert arguments["max_model_len"] == MAX_MODEL_LEN
    assert arguments["max_num_seqs"] == 256
    assert not arguments["trust_remote_code"]
    assert arguments["load_format"] == "safetensors"
    busy = build(GpuInfo("a GPU", 80 * GIB, 75 * GIB, 8), parameters=7 * 10**9)
    assert busy["gpu_memory_utilization"] == 0.92
    busy = build(GpuInfo("a GPU", 80 * GIB, 41 * GIB, 8), parameters=7 * 10**9)
    assert busy["gpu_memory_utilization"] == 0.5


def test_without_a_gpu_no_gpu_memory_is_configured() -> None:
    arguments = build()
    assert arguments["dtype"] == "float32"
    assert "gpu_memory_utilization" not in arguments


def test_batches_are_larger_if_the_cache_has_room() -> None:
    assert build(H100)["max_num_seqs"] == 256
    assert build(H200)["max_num_seqs"] == 512
    assert build(H100, parameters=7 * 10**9)["max_num_seqs"] == 512
    small = GpuInfo("a GPU", 48 * GIB, 47 * GIB, 8)
    assert build(small)["max_num_seqs"] == 256
    assert build(small, small)["max_num_seqs"] == 256
    assert build(*[GpuInfo("a GPU", 64 * GIB, 63 * GIB, 8)] * 2)["max_num_seqs"] == 512


def test_cache_bytes_follow_from_the_configuration() -> None:
    grouped = SimpleNamespace(
        num_hidden_layers=64, num_attention_heads=40, num_key_value_heads=8, hidden_size=5120
    )
    assert compute_cache_bytes(grouped) == CACHE_BYTES_32B
    single_head = SimpleNamespace(
        num_hidden_layers=18, num_attention_heads=4, num_key_value_heads=1, head_dim=256
    )
    assert compute_cache_bytes(single_head) == 2 * 2 * 18 * 256


@pytest.mark.parametrize("generation", [8, 9, 10])
@pytest.mark.parametrize("gib", [80, 141])
def test_cuda_graphs_cover_full_batches_with_prompts(generation: int, gib: int) -> None:
    arguments = build(GpuInfo("a GPU", gib * GIB, gib * GIB, generation))
    sizes, rows = arguments["compilation_config"]["cudagraph_capture_sizes"], arguments["max_num_seqs"]
    assert sizes == sorted(set(sizes))
    assert {1, rows, 2 * rows} <= set(sizes)
    assert len(sizes) <= 24


def test_complete_steps_are_captured_on_hopper() -> None:
    def compile_config(*generations: int) -> dict[str, Any]:
        gpus = [GpuInfo("a GPU", 80 * GIB, 80 * GIB, generation) for generation in generations]
        config: dict[str, Any] = build(*gpus)["compilation_config"]
        return config

    assert (compile_config(9)["mode"], compile_config(9)["cudagraph_mode"]) == (0, "FULL")
    assert list(compile_config(8)) == list(compile_config(9, 8)) == ["cudagraph_capture_sizes"]


def test_weights_that_do_not_fit_are_quantized_or_refused() -> None:
    assert build(GpuInfo("a GPU", 48 * GIB, 47 * GIB, 8))["quantization"] == "fp8"
    with pytest.raises(ModelError, match=r"do not fit.*transformers, which loads 4-bit weights"):
        build(GpuInfo("a GPU", 24 * GIB, 23 * GIB, 8))


def test_weights_are_sharded_before_they_are_quantized() -> None:
    small = GpuInfo("a GPU", 48 * GIB, 47 * GIB, 8)
    assert "tensor_parallel_size" not in build(H100, H100)
    shared = build(small, small, small)
    assert shared["tensor_parallel_size"] == 2
    assert "quantization" not in shared
    assert build(small, small, heads=7)["quantization"] == "fp8"
    tiny = GpuInfo("a GPU", 24 * GIB, 23 * GIB, 8)
    assert build(*[tiny] * 4)["quantization"] == "fp8"
    with pytest.raises(ModelError, match="on each of 2"):
        build(tiny, tiny)


@pytest.mark.parametrize(("rank", "served"), [(4, 8), (8, 8), (32, 32), (33, 64)])
def test_an_adapter_is_served_with_the_next_supported_rank(rank: int, served: int) -> None:
    arguments = build(H100, rank=rank)
    assert arguments["enable_lora"]
    assert arguments["max_lora_rank"] == served


def test_an_adapter_with_an_unsupported_rank_is_refused() -> None:
    with pytest.raises(ModelError, match="rank 600"):
        build(H100, rank=600)


def test_an_adapter_that_vllm_would_reject_or_scale_wrongly_is_refused(tmp_path: Path) -> None:
    LoraConfig(r=24, target_modules="all-linear").save_pretrained(tmp_path)
    assert read_adapter_rank(tmp_path) == 24
    LoraConfig(r=8, rank_pattern={"q_proj": 24}, use_dora=True).save_pretrained(tmp_path)
    with pytest.raises(ModelError, match="has rank_pattern, use_dora, which vLLM does not serve"):
        read_adapter_rank(tmp_path)


def test_arguments_from_the_environment() -> None:
    assert read_overrides({}) == {}
    assert read_overrides({"GONOGO_ENGINE_ARGS": '{"enforce_eager": true}'}) == {"enforce_eager": True}
    for invalid in ("enforce_eager", "[1]"):
        with pytest.raises(ModelError, match="expected a JSON object"):
            read_overrides({"GONOGO_ENGINE_ARGS": invalid})
