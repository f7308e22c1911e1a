"""Builds the evaluation suites and the seed instructions."""
