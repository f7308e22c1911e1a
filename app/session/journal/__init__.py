"""The append-only journal and the state folded from it."""
