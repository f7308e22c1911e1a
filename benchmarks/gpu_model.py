"""Models of a known shape with random weights, made where they are needed: nothing is downloaded."""

import json
import shutil
from pathlib import Path
from typing import Any, Final

import msgspec

from app.memory.shape import Shape
from phases.models.source import EMBEDDED_FOLDER, ModelSource
from phases.models.tokenizer import Tokenizer

SHAPES: Final[dict[str, dict[str, Any]]] = {
    # Qwen/Qwen2.5-32B, config.json
    "Qwen2.5-32B": {
        "vocab_size": 152_064,
        "hidden_size": 5120,
        "intermediate_size": 27_648,
        "num_hidden_layers": 64,
        "num_attention_heads": 40,
        "num_key_value_heads": 8,
        "max_position_embeddings": 131_072,
        "rms_norm_eps": 1e-5,
        "rope_theta": 1_000_000.0,
        "tie_word_embeddings": False,
    },
    # for trying the benchmark itself
    "tiny": {
        "vocab_size": 8192,
        "hidden_size": 128,
        "intermediate_size": 256,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 2048,
        "rms_norm_eps": 1e-5,
        "rope_theta": 1_000_000.0,
        "tie_word_embeddings": False,
    },
}
TARGETS: Final = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
END: Final = 0
"""The embedded tokenizer's end of text; random weights hardly ever write it."""


def config(shape: str) -> Any:
    """Return the configuration of a shape."""
    from transformers import Qwen2Config

    return Qwen2Config(**SHAPES[shape], bos_token_id=None, eos_token_id=END, pad_token_id=END)


def memory_shape(shape: str) -> Shape:
    """Return the numbers of a shape that its memory depends on."""
    return msgspec.convert(SHAPES[shape], Shape)


def parameters(shape: str) -> int:
    """Return how many parameters a shape has."""
    s = SHAPES[shape]
    hidden, head = s["hidden_size"], s["hidden_size"] // s["num_attention_heads"]
    keys = head * s["num_key_value_heads"]
    layer = (
        2 * hidden * hidden + 2 * hidden * keys + 3 * hidden * s["intermediate_size"] + 3 * hidden + 2 * keys
    )
    return int(s["num_hidden_layers"] * layer + 2 * s["vocab_size"] * hidden + hidden)


def cache_bytes(shape: str) -> int:
    """Return the bytes that one token takes in a 16-bit cache of keys and values."""
    s = SHAPES[shape]
    head = s["hidden_size"] // s["num_attention_heads"]
    return int(2 * 2 * s["num_hidden_layers"] * s["num_key_value_heads"] * head)


def folder(shape: str, where: Path) -> ModelSource:
    """Write a model folder without weights: a configuration and the embedded model's tokenizer."""
    where.mkdir(parents=True, exist_ok=True)
    described = config(shape).to_dict() | {"architectures": ["Qwen2ForCausalLM"], "dtype": "bfloat16"}
    (where / "config.json").write_text(json.dumps(described, indent=1, default=str))
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(EMBEDDED_FOLDER / name, where / name)
    return ModelSource(shape, "folder", str(where), {}, "random weights")


def adapter(shape: str, base: ModelSource, where: Path, rank: int = 32) -> ModelSource:
    """Write an adapter of all linear layers; what is in it does not change its speed."""
    import torch
    from safetensors.torch import save_file

    s = SHAPES[shape]
    hidden, inner = s["hidden_size"], s["intermediate_size"]
    keys = hidden // s["num_attention_heads"] * s["num_key_value_heads"]
    attention = [(hidden, hidden), (hidden, keys), (hidden, keys), (hidden, hidden)]
    sizes = dict(zip(TARGETS, [*attention, (hidden, inner), (hidden, inner), (inner, hidden)], strict=True))
    weights = {}
    for layer in range(s["num_hidden_layers"]):
        for name, (into, out) in sizes.items():
            block = "mlp" if name in ("gate_proj", "up_proj", "down_proj") else "self_attn"
            place = f"base_model.model.model.layers.{layer}.{block}.{name}"
            weights[f"{place}.lora_A.weight"] = torch.full((rank, into), 1e-3, dtype=torch.bfloat16)
            weights[f"{place}.lora_B.weight"] = torch.full((out, rank), 1e-3, dtype=torch.bfloat16)
    where.mkdir(parents=True, exist_ok=True)
    save_file(weights, where / "adapter_model.safetensors")
    described = {
        "peft_type": "LORA",
        "base_model_name_or_path": base.path,
        "r": rank,
        "lora_alpha": rank,
        "target_modules": list(TARGETS),
        "bias": "none",
        "task_type": "CAUSAL_LM",
    }
    (where / "adapter_config.json").write_text(json.dumps(described))
    return ModelSource(f"{shape} with an adapter", "adapter", str(where), {}, "random weights", base=base)


def model(
    shape: str, device: str, *, nf4: bool, dtype: str = "bfloat16", attention: str | None = None
) -> Any:
    """Build a model with random weights on a device, layer by layer, so that 32 billion fit on the way.

    Args:
        shape: a key of `SHAPES`.
        device: `cuda` or `cpu`.
        nf4: whether its linear layers are 4-bit, as `load_in_4bit` makes them.
        dtype: of the weights that are not.
        attention: as transformers calls it.
    """
    import torch
    from transformers import Qwen2ForCausalLM

    described = config(shape)
    described._attn_implementation = attention or "sdpa"
    with torch.device("meta"):
        whole = Qwen2ForCausalLM(described)
    inner = whole.model
    before = torch.get_default_dtype()
    torch.set_default_dtype(getattr(torch, dtype))
    torch.manual_seed(0)
    try:
        with torch.device(device):
            make_layer = type(inner.layers[0])
            for number in range(described.num_hidden_layers):
                layer = _drawn(make_layer(described, number))
                inner.layers[number] = _in_four_bits(layer) if nf4 else layer
            inner.embed_tokens = _drawn(torch.nn.Embedding(described.vocab_size, described.hidden_size))
            inner.norm = type(inner.norm)(described.hidden_size, eps=described.rms_norm_eps)
            head = torch.nn.Linear(described.hidden_size, described.vocab_size, bias=False)
            whole.lm_head = _drawn(head)
    finally:
        torch.set_default_dtype(before)
    with torch.device(device):  # its frequencies stay in single precision
        inner.rotary_emb = type(inner.rotary_emb)(config=described)
    if nf4:
        whole.is_loaded_in_4bit = True  # what PEFT looks at
    whole.requires_grad_(False)
    return whole.eval()


def _drawn(module: Any) -> Any:
    """Draw a module's matrices as a model's are before training."""
    import torch

    with torch.no_grad():
        for parameter in module.parameters():
            if parameter.dim() > 1:
                parameter.normal_(std=0.02)
    return module


def _in_four_bits(layer: Any) -> Any:
    import bitsandbytes as bnb
    import torch

    for block in (layer.self_attn, layer.mlp):
        for name, linear in list(block.named_children()):
            if not isinstance(linear, torch.nn.Linear):
                continue
            small = bnb.nn.Linear4bit(
                linear.in_features,
                linear.out_features,
                bias=linear.bias is not None,
                compute_dtype=torch.bfloat16,
                compress_statistics=True,
                quant_type="nf4",
                device="meta",
            )
            small.weight = bnb.nn.Params4bit(
                linear.weight.data,
                requires_grad=False,
                compress_statistics=True,
                quant_type="nf4",
                module=small,
            ).to(linear.weight.device)
            if linear.bias is not None:
                small.bias = linear.bias
            setattr(block, name, small)
    return layer


def prompts(tokenizer: Tokenizer, rows: int, length: int, shared: int, seed: int) -> list[str]:
    """Return texts of `length` tokens, the first `shared` of them alike in all, as few-shot prompts are."""
    from random import Random

    rng = Random(seed)
    words = [
        piece
        for piece in tokenizer.token_texts
        if piece.isascii() and piece[:1] == " " and piece[1:].isalpha()
    ]
    beginning = rng.choices(words, k=shared)
    return ["".join(beginning + rng.choices(words, k=length - shared)) for _ in range(rows)]
