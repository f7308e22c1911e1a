"""Packed pairs: the same log-probabilities and gradients as separate rows, whatever the attention."""

from dataclasses import dataclass
from typing import Any

import pytest
import torch
from transformers import (
    Gemma3ForCausalLM,
    Gemma3TextConfig,
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
)
from trl.trainer.utils import add_fused_lm_head

from phases.dpo_training.packed_pairs import (
    build_model_masks,
    can_share_prompts,
    collate_pairs,
    count_packed_tokens,
    list_runs,
    select_answers,
)
from phases.models.packed_attention import PACKED_ATTENTION
from phases.training.packing import fill_sequences
from tests.phases.models.sizes import SIZES
from tests.phases.models.varlen import allow_packed_attention

PAIR_SIZES: dict[str, Any] = SIZES | {"vocab_size": 99, "max_position_embeddings": 256}
MODELS: dict[str, Any] = {
    "Qwen2": lambda: Qwen2ForCausalLM(Qwen2Config(**PAIR_SIZES)),
    "Llama": lambda: LlamaForCausalLM(LlamaConfig(**PAIR_SIZES)),
    "Mistral, window of 5": lambda: MistralForCausalLM(MistralConfig(**PAIR_SIZES, sliding_window=5)),
    "Gemma 3, windows of 5 in turn": lambda: Gemma3ForCausalLM(
        Gemma3TextConfig(
            **PAIR_SIZES,
            head_dim=8,
            sliding_window=5,
            layer_types=["sliding_attention", "full_attention"],
            final_logit_softcapping=None,
        )
    ),
}


@dataclass
class Tokens:
    prompt: list[int]
    chosen: list[int]
    rejected: list[int]


def draw_pairs(lengths: list[tuple[int, int, int]]) -> list[Tokens]:
    generator = torch.Generator().manual_seed(5)
    return [
        Tokens(*(torch.randint(1, 99, (n,), generator=generator).tolist() for n in three))
        for three in lengths
    ]


PAIRS = draw_pairs([(7, 9, 3), (1, 4, 11), (12, 1, 1), (3, 6, 6), (9, 0, 5), (2, 13, 2)])


def make_model(name: str, attention: str) -> Any:
    torch.manual_seed(3)
    model = MODELS[name]()
    model.set_attn_implementation(attention)
    add_fused_lm_head(model)
    return model.train()


def score_alone(model: Any, prompt: list[int], answer: list[int]) -> torch.Tensor:
    """Return the log-probability of an answer from its own row, through the model's own forward pass."""
    ids = torch.tensor([[*prompt, *answer]])
    logits = model(input_ids=ids, use_cache=False).logits[0, len(prompt) - 1 : -1]
    return torch.log_softmax(logits, -1).gather(-1, torch.tensor(answer, dtype=torch.long)[:, None]).sum()


@pytest.mark.parametrize("share_prompts", [True, False], ids=["shared", "separate"])
@pytest.mark.parametrize("attention", ["sdpa", "eager", PACKED_ATTENTION])
@pytest.mark.parametrize("name", MODELS)
def test_packed_pairs_have_the_log_probabilities_and_gradients_of_separate_rows(
    name: str, attention: str, share_prompts: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    allow_packed_attention(monkeypatch)
    model = make_model(name, attention)
    assert can_share_prompts(model)
    expected = [score_alone(model, pair.prompt, pair.chosen) for pair in PAIRS]
    expected += [score_alone(model, pair.prompt, pair.rejected) for pair in PAIRS]
    weights = torch.linspace(-1, 1, len(expected))
    (torch.stack(expected) * weights).sum().backward()
    gradients = [p.grad.clone() for p in model.parameters()]
    model.zero_grad()

    lengths = list(map(count_packed_tokens, PAIRS))
    sequences = fill_sequences(lengths, 30) if share_prompts else [[i] for i in range(len(PAIRS))]
    length = 2 + max(sum(lengths[i] for i in sequence) for sequence in sequences)
    batch = collate_pairs(PAIRS, sequences, length=length, pad_id=0, share_prompts=share_prompts)
    masks: dict[str, Any] = {}
    if share_prompts and attention == PACKED_ATTENTION:
        masks = list_runs(PAIRS, sequences, length).as_model_inputs()
    elif share_prompts:
        masks = {"attention_mask": build_model_masks(model.config, batch, model.dtype)}
    places = {name: batch[name] for name in ("input_ids", "position_ids", "shift_labels")}
    outputs = model(**places, **masks, fused_lm_head=True)
    found = select_answers(outputs.log_probs, batch).sum(dim=1)
    order = [i for sequence in sequences for i in sequence]
    order += [len(PAIRS) + i for i in order]
    torch.testing.assert_close(found, torch.stack(expected)[order], rtol=0, atol=1e-5)
    (found * weights[order]).sum().backward()
    for parameter, gradient in zip(model.parameters(), gradients, strict=True):
        torch.testing.assert_close(parameter.grad, gradient, rtol=0, atol=1e-5)


def test_a_mask_that_lets_answers_see_each_other_is_noticed() -> None:
    """The comparison above can fail: with a plain causal mask the second answer differs."""
    model = make_model("Qwen2", "sdpa")
    pair = PAIRS[0]
    length = count_packed_tokens(pair)
    batch = collate_pairs([pair], [[0]], length=length, pad_id=0)
    causal = torch.ones((1, 1, length, length), dtype=torch.bool).tril()
    places = {name: batch[name] for name in ("input_ids", "position_ids", "shift_labels")}
    outputs = model(**places, attention_mask=causal, fused_lm_head=True)
    chosen, rejected = select_answers(outputs.log_probs, batch).sum(dim=1).tolist()
    assert chosen == pytest.approx(score_alone(model, pair.prompt, pair.chosen).item(), abs=1e-5)
    assert abs(rejected - score_alone(model, pair.prompt, pair.rejected).item()) > 1e-3


def test_models_without_masks_of_any_pattern_get_separate_rows() -> None:
    model = make_model("Qwen2", "sdpa")
    model.config.layer_types = ["full_attention", "linear_attention"]
    assert not can_share_prompts(model)
