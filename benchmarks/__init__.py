"""Figures, measured on the machine at hand: `make bench`. Timing never enters the tests."""
