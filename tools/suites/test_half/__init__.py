"""Tables of the held-out test half of the suite for real models."""
