"""Vetted instructions as data: requests for harm, and harmless requests that look like them.

Each set has a part for training and a part (`_test`) by which refusal and over-refusal are measured.
"""
