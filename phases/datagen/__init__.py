"""Generation of training data: instructions, responses, preference pairs, and their filters and reports."""
