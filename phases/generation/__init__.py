"""Text generation and likelihood scoring with transformers or vLLM."""
