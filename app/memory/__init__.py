"""Forecast of the GPU memory that a plan needs."""
