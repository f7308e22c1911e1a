"""Measurements on the machine at hand: `make bench`. The tests never depend on timing."""
