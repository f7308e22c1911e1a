"""Generating text and scoring it with transformers or vLLM."""
