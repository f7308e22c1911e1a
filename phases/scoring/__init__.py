"""Evaluation suites, recorded evaluations, statistics and error analysis."""
