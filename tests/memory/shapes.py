"""Shapes of models that the memory tests share."""

from typing import Any

from app.memory.shape import KNOWN_SHAPES, Shape

QWEN = KNOWN_SHAPES["Qwen/Qwen2.5-32B"]


GEMMA: dict[str, Any] = {  # the config.json of gemma-3-270m
    "hidden_size": 640,
    "num_hidden_layers": 18,
    "num_attention_heads": 4,
    "num_key_value_heads": 1,
    "head_dim": 256,
    "intermediate_size": 2048,
    "vocab_size": 262144,
    "tie_word_embeddings": True,
}


LARGE = Shape(  # that of Qwen2.5-72B
    hidden_size=8192,
    num_hidden_layers=80,
    num_attention_heads=64,
    num_key_value_heads=8,
    intermediate_size=29568,
    vocab_size=152064,
)
