"""Textual widgets: pure views of immutable snapshots."""
