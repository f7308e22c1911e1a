"""Training with TRL: data, checkpoints, callbacks and reference log-probabilities."""
