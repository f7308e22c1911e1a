"""The embedded model: its world, documents, training and measurements."""
