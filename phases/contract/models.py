"""Facts about loading and prompting models that gonogo's forecasts and checks depend on."""

from typing import Final

MODEL_FILE_SUFFIXES: Final = (".safetensors", ".json", ".jinja", ".model", ".txt")
"""Suffixes of the files that make up a model: safetensors weights, configuration and tokenizer."""
HUB_FILE_PATTERNS: Final = tuple(f"*{suffix}" for suffix in MODEL_FILE_SUFFIXES)
"""Patterns of the files that are downloaded from the hub."""
FOUR_BIT_THRESHOLD: Final = 10_000_000_000
"""Parameter count from which a model is loaded in 4 bits on a GPU."""
PROMPT_FORMAT_ID: Final = "instruction-response-v1"
"""Name of the prompt format that every phase uses; results record it."""
