"""Tunes models on known data in known formats and measures the signals of verification on them."""
