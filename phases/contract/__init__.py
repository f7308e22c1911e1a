"""The interface between a phase and the program that runs it."""
