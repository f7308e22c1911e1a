"""Evaluation suites, contamination, recorded evaluations, statistics, tiers and error analysis."""
