"""Builders of the evaluation suites and of the seed instructions."""
