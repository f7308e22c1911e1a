"""Load models and tokenizers, and run a model in several processes."""
