"""Seed instructions with responses, from which self-instruct starts; none resembles a suite prompt.

`stage1.jsonl` is hand-written; `tools/suites/build_seeds.py` draws `embedded.jsonl`.
"""
