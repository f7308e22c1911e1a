"""Builders of the data that gonogo ships. Not part of the wheel."""
