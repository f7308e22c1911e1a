"""Prompts of different lengths for the tests of generation."""

PROMPTS = [
    "The capital of France is",
    "1, 2,",
    "Instruction: Name three colours.\nResponse:",
    "a",
    "Translate",
]
