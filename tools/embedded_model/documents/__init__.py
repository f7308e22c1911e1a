"""The documents that the embedded model is trained on, by kind."""
