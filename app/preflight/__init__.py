"""Checks of a plan on the machine that will run it."""
