"""Generating training data: instructions, filters, pairs and their quality."""
