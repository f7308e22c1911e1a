"""The makers of tasks, by subject."""
