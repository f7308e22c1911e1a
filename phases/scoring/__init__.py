"""Evaluation suites, recorded results and the statistics over them."""
