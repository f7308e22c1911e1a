"""Packed attention computes what each row has alone, and is used where its kernels are."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from transformers import (
    Gemma2Config,
    Gemma2ForCausalLM,
    Gemma3ForCausalLM,
    Gemma3TextConfig,
    LlamaConfig,
    LlamaForCausalLM,
    MambaConfig,
    MambaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

from phases.models import packed_attention
from phases.models.kernels import set_activation_checkpointing
from phases.models.packed_attention import (
    PackedRuns,
    Run,
    pack_runs,
    use_packed_attention,
)
from tests.phases.models.sizes import SIZES
from tests.phases.models.varlen import allow_packed_attention, attend_run_by_run

MODELS: dict[str, Callable[[], Any]] = {
    "Qwen2": lambda: Qwen2ForCausalLM(Qwen2Config(**SIZES)),
    "Qwen3": lambda: Qwen3ForCausalLM(Qwen3Config(**SIZES, head_dim=8)),
    "Llama": lambda: LlamaForCausalLM(LlamaConfig(**SIZES)),
    "Mistral, window of 3": lambda: MistralForCausalLM(MistralConfig(**SIZES, sliding_window=3)),
    "Gemma 3, windows of 3 in turn": lambda: Gemma3ForCausalLM(
        Gemma3TextConfig(
            **SIZES, head_dim=8, sliding_window=3, layer_types=["sliding_attention", "full_attention"]
        )
    ),
}
LENGTHS = (7, 1, 5, 11)
PADDING = 4


def make_model(name: str) -> Any:
    torch.manual_seed(2)
    return MODELS[name]().train()


def draw_rows() -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(7)
    return [torch.randint(1, 64, (1, length), generator=generator) for length in LENGTHS]


def compute_packed(model: Any, rows: list[torch.Tensor], runs: PackedRuns) -> torch.Tensor:
    """Return the logits of rows in one sequence that ends with padding."""
    ids = torch.cat([*rows, torch.zeros((1, PADDING), dtype=torch.long)], dim=1)
    positions = torch.cat([torch.arange(count) for count in (*LENGTHS, PADDING)])[None]
    logits = model(input_ids=ids, position_ids=positions, use_cache=False, **runs.as_model_inputs()).logits
    return logits[:, :-PADDING]


@pytest.mark.parametrize("recomputed", [0, 1])
@pytest.mark.parametrize("name", MODELS)
def test_packed_rows_have_the_logits_and_gradients_that_they_have_alone(
    name: str, recomputed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    allow_packed_attention(monkeypatch)
    model, rows = make_model(name), draw_rows()
    expected = torch.cat([model(input_ids=row, use_cache=False).logits for row in rows], dim=1)
    weights = torch.sin(torch.arange(expected.numel())).view(expected.shape)
    (expected * weights).sum().backward()
    gradients = [parameter.grad.clone() for parameter in model.parameters()]
    model.zero_grad()
    assert use_packed_attention(model)
    set_activation_checkpointing(model, recomputed)
    logits = compute_packed(model, rows, pack_runs(map(Run, (*LENGTHS, PADDING))))
    torch.testing.assert_close(logits, expected, rtol=0, atol=1e-5)
    (logits * weights).sum().backward()
    for parameter, gradient in zip(model.parameters(), gradients, strict=True):
        torch.testing.assert_close(parameter.grad, gradient, rtol=0, atol=1e-4)


def test_rows_that_see_each_other_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The comparison above can fail: in one run the later rows see the earlier ones."""
    allow_packed_attention(monkeypatch)
    model, rows = make_model("Qwen2"), draw_rows()
    assert use_packed_attention(model)
    apart = compute_packed(model, rows, pack_runs(map(Run, (*LENGTHS, PADDING))))
    together = compute_packed(model, rows, pack_runs([Run(sum(LENGTHS) + PADDING)]))
    torch.testing.assert_close(together[:, : LENGTHS[0]], apart[:, : LENGTHS[0]])
    assert (together - apart)[:, LENGTHS[0] :].abs().max() > 0.01


def test_a_model_without_runs_computes_and_generates_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    allow_packed_attention(monkeypatch)
    for name in MODELS:
        model = make_model(name).eval()
        ids = torch.cat([row[:, :5] for row in draw_rows() if row.shape[1] >= 5])
        mask = torch.ones_like(ids)
        mask[0, :2] = 0
        inputs = {"input_ids": ids, "attention_mask": mask}
        expected = [model(**inputs).logits, model.generate(**inputs, max_new_tokens=6, do_sample=False)]
        assert use_packed_attention(model)
        found = [model(**inputs).logits, model.generate(**inputs, max_new_tokens=6, do_sample=False)]
        assert all(map(torch.equal, found, expected))


def test_a_run_has_the_keys_of_its_prompt_and_its_own() -> None:
    runs = pack_runs([Run(5), Run(0), Run(3, range(2)), Run(2)])
    assert runs.query_starts.tolist() == [0, 5, 8, 10]
    assert runs.key_starts.tolist() == [0, 5, 10, 12]
    assert runs.keys is not None
    assert runs.keys.tolist() == [0, 1, 2, 3, 4, 0, 1, 5, 6, 7, 8, 9]
    assert (runs.longest_query, runs.longest_keys) == (5, 5)
    assert pack_runs([Run(4), Run(2)]).keys is None


def test_it_is_used_where_kernel_and_model_allow_it(monkeypatch: pytest.MonkeyPatch) -> None:
    model = make_model("Qwen2")
    assert not use_packed_attention(model)  # It is on a CPU.
    allow_packed_attention(monkeypatch)
    # Its scores are capped, which variable-length attention does not do.
    gemma2 = Gemma2ForCausalLM(Gemma2Config(**SIZES, head_dim=8))
    assert not use_packed_attention(gemma2)
    assert not use_packed_attention(Qwen3ForCausalLM(Qwen3Config(**SIZES, head_dim=512)))
    # The kernels take heads of a multiple of 8.
    assert not use_packed_attention(Qwen3ForCausalLM(Qwen3Config(**SIZES, head_dim=12)))
    # It has no heads.
    assert not use_packed_attention(
        MambaForCausalLM(MambaConfig(vocab_size=64, hidden_size=32, num_hidden_layers=2))
    )
    # It drops weights out, which variable-length attention does not do either.
    assert not use_packed_attention(LlamaForCausalLM(LlamaConfig(**SIZES, attention_dropout=0.1)))
    eager = make_model("Llama")
    eager.set_attn_implementation("eager")
    assert not use_packed_attention(eager)
    assert eager.config._attn_implementation == "eager"
    monkeypatch.setattr(packed_attention, "_has_kernels", lambda model: False)
    assert not use_packed_attention(model)
    assert model.config._attn_implementation == "sdpa"


@pytest.mark.parametrize(
    ("capability", "is_built", "is_used"),
    [((8, 0), True, True), ((12, 0), True, True), ((7, 5), True, False), ((9, 0), False, False)],
)
def test_kernels_need_a_recent_gpu_and_a_torch_that_has_them(
    capability: tuple[int, int], is_built: bool, is_used: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packed_attention, "_find_varlen_attention", lambda: attend_run_by_run)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    monkeypatch.setattr(torch.backends.cuda, "is_flash_attention_available", lambda: is_built)
    model = SimpleNamespace(device=torch.device("cuda"), dtype=torch.bfloat16)
    assert packed_attention._has_kernels(model) == is_used


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
@pytest.mark.parametrize("window", [None, 3])
def test_the_kernel_of_a_gpu_agrees_with_the_definition(window: int | None) -> None:
    attention = packed_attention._find_varlen_attention()
    assert attention is not None
    runs = pack_runs([Run(70), Run(30, range(40)), Run(28)]).to(torch.device("cuda"))
    torch.manual_seed(1)
    query, key, value = (
        torch.randn((128, heads, 64), device="cuda", dtype=torch.bfloat16, requires_grad=True)
        for heads in (8, 2, 2)
    )
    results = []
    for function in (attention, attend_run_by_run):
        starts = (runs.query_starts, runs.key_starts, runs.longest_query, runs.longest_keys)
        bounds = (-1 if window is None else window - 1, 0)
        out = function(query, key[runs.keys], value[runs.keys], *starts, window_size=bounds)
        results.append((out, *torch.autograd.grad(out.float().square().sum(), (query, key, value))))
    for ours, theirs in zip(*results, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0.05, atol=0.05)
