"""Watching: samples of GPUs and host, and tails of logs and metrics."""
