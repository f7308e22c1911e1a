"""Builds the embedded model: its world, its training text and its training."""
