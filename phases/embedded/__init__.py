"""The small base language model that ships with gonogo: its world, corpus, training and probes."""
