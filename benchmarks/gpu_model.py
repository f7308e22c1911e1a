"""Models of a known shape with random weights, so that a benchmark downloads nothing."""

import json
import shutil
from pathlib import Path
from random import Random
from typing import Any, Final

import msgspec
import torch
from safetensors.torch import save_file
from transformers import Qwen2Config, Qwen2ForCausalLM

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
    # for testing the benchmark itself
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
END_TOKEN: Final = 0
"""End-of-text token of the embedded tokenizer; random weights hardly ever generate it."""


def build_config(shape: str) -> Any:
    """Return the configuration of a shape."""
    return Qwen2Config(**SHAPES[shape], bos_token_id=None, eos_token_id=END_TOKEN, pad_token_id=END_TOKEN)


def load_memory_shape(shape: str) -> Shape:
    """Return the shape as the memory forecast uses it."""
    return msgspec.convert(SHAPES[shape], Shape)


def count_parameters(shape: str) -> int:
    """Return the number of parameters."""
    s = SHAPES[shape]
    hidden, head = s["hidden_size"], s["hidden_size"] // s["num_attention_heads"]
    keys = head * s["num_key_value_heads"]
    layer = (
        2 * hidden * hidden + 2 * hidden * keys + 3 * hidden * s["intermediate_size"] + 3 * hidden + 2 * keys
    )
    return int(s["num_hidden_layers"] * layer + 2 * s["vocab_size"] * hidden + hidden)


def count_cache_bytes(shape: str) -> int:
    """Return the bytes per token of a 16-bit key-value cache."""
    s = SHAPES[shape]
    head = s["hidden_size"] // s["num_attention_heads"]
    return int(2 * 2 * s["num_hidden_layers"] * s["num_key_value_heads"] * head)


def write_model_folder(shape: str, folder: Path) -> ModelSource:
    """Write a model folder without weights: a configuration and the embedded tokenizer."""
    folder.mkdir(parents=True, exist_ok=True)
    config = build_config(shape).to_dict() | {"architectures": ["Qwen2ForCausalLM"], "dtype": "bfloat16"}
    (folder / "config.json").write_text(json.dumps(config, indent=1, default=str))
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(EMBEDDED_FOLDER / name, folder / name)
    return ModelSource(shape, "folder", str(folder), {}, "random weights")


def write_adapter(shape: str, base: ModelSource, folder: Path, rank: int = 32) -> ModelSource:
    """Write an adapter for all linear layers with constant weights; their values do not affect speed."""
    s = SHAPES[shape]
    hidden, inner = s["hidden_size"], s["intermediate_size"]
    keys = hidden // s["num_attention_heads"] * s["num_key_value_heads"]
    sizes = {
        "q_proj": (hidden, hidden),
        "k_proj": (hidden, keys),
        "v_proj": (hidden, keys),
        "o_proj": (hidden, hidden),
        "gate_proj": (hidden, inner),
        "up_proj": (hidden, inner),
        "down_proj": (inner, hidden),
    }
    weights = {}
    for layer in range(s["num_hidden_layers"]):
        for name, (size_in, size_out) in sizes.items():
            block = "mlp" if name in ("gate_proj", "up_proj", "down_proj") else "self_attn"
            prefix = f"base_model.model.model.layers.{layer}.{block}.{name}"
            weights[f"{prefix}.lora_A.weight"] = torch.full((rank, size_in), 1e-3, dtype=torch.bfloat16)
            weights[f"{prefix}.lora_B.weight"] = torch.full((size_out, rank), 1e-3, dtype=torch.bfloat16)
    folder.mkdir(parents=True, exist_ok=True)
    save_file(weights, folder / "adapter_model.safetensors")
    settings = {
        "peft_type": "LORA",
        "base_model_name_or_path": base.path,
        "r": rank,
        "lora_alpha": rank,
        "target_modules": list(sizes),
        "bias": "none",
        "task_type": "CAUSAL_LM",
    }
    (folder / "adapter_config.json").write_text(json.dumps(settings))
    return ModelSource(f"{shape} with an adapter", "adapter", str(folder), {}, "random weights", base=base)


def build_model(
    shape: str, device: str, *, nf4: bool, dtype: str = "bfloat16", attention: str | None = None
) -> Any:
    """Build a model with random weights layer by layer, so that 32 billion parameters fit while quantized.

    Args:
        shape: a key of `SHAPES`.
        device: `cuda` or `cpu`.
        nf4: whether linear layers have 4-bit weights, as with `load_in_4bit`.
        dtype: the data type of all other weights.
        attention: the name of the attention implementation in transformers.
    """
    config = build_config(shape)
    config._attn_implementation = attention or "sdpa"
    with torch.device("meta"):
        model = Qwen2ForCausalLM(config)
    inner = model.model
    default_dtype = torch.get_default_dtype()
    torch.set_default_dtype(getattr(torch, dtype))
    torch.manual_seed(0)
    try:
        with torch.device(device):
            layer_type = type(inner.layers[0])
            for number in range(config.num_hidden_layers):
                layer = _randomize(layer_type(config, number))
                inner.layers[number] = _quantize_linears(layer) if nf4 else layer
            inner.embed_tokens = _randomize(torch.nn.Embedding(config.vocab_size, config.hidden_size))
            inner.norm = type(inner.norm)(config.hidden_size, eps=config.rms_norm_eps)
            head = torch.nn.Linear(config.hidden_size, config.vocab_size, bias=False)
            model.lm_head = _randomize(head)
    finally:
        torch.set_default_dtype(default_dtype)
    with torch.device(device):  # the rotary frequencies stay in single precision
        inner.rotary_emb = type(inner.rotary_emb)(config=config)
    if nf4:
        model.is_loaded_in_4bit = True  # PEFT checks this attribute
    model.requires_grad_(False)
    return model.eval()


def _randomize(module: Any) -> Any:
    """Initialize the matrices of a module as before training."""
    with torch.no_grad():
        for parameter in module.parameters():
            if parameter.dim() > 1:
                parameter.normal_(std=0.02)
    return module


def _quantize_linears(layer: Any) -> Any:
    import bitsandbytes as bnb

    for block in (layer.self_attn, layer.mlp):
        for name, linear in list(block.named_children()):
            if not isinstance(linear, torch.nn.Linear):
                continue
            quantized = bnb.nn.Linear4bit(
                linear.in_features,
                linear.out_features,
                bias=linear.bias is not None,
                compute_dtype=torch.bfloat16,
                compress_statistics=True,
                quant_type="nf4",
                device="meta",
            )
            quantized.weight = bnb.nn.Params4bit(
                linear.weight.data,
                requires_grad=False,
                compress_statistics=True,
                quant_type="nf4",
                module=quantized,
            ).to(linear.weight.device)
            if linear.bias is not None:
                quantized.bias = linear.bias
            setattr(block, name, quantized)
    return layer


def make_prompts(tokenizer: Tokenizer, rows: int, length: int, shared: int, seed: int) -> list[str]:
    """Return texts of `length` tokens that share the first `shared` ones, like few-shot prompts."""
    rng = Random(seed)
    words = [
        piece
        for piece in tokenizer.token_texts
        if piece.isascii() and piece[:1] == " " and piece[1:].isalpha()
    ]
    prefix = rng.choices(words, k=shared)
    return ["".join(prefix + rng.choices(words, k=length - shared)) for _ in range(rows)]
