"""Labelling the failed answers of a session by hand: the queue of answers and the terminal."""
