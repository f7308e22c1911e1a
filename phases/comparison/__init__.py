"""Comparison of the base, SFT and DPO model."""
