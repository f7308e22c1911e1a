"""What would fail later, found now: checks of a plan on the machine that is to run it."""
