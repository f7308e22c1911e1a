"""The small base language model that ships with gonogo: its world, its corpus, its training and its probes."""
