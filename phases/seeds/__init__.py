"""Seed instructions with responses: what self-instruct starts from; none of them stands in a suite.

`stage1.jsonl` is written by hand; `embedded.jsonl` is drawn from the embedded model's world by `build`.
"""
