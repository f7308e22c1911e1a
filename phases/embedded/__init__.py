"""The small base language model that ships with gonogo; `tools/embedded_model` trains it."""
