"""Measure and print every figure that needs no GPU."""

from benchmarks import cockpit, engine
from benchmarks.figures import format_table

if __name__ == "__main__":
    print(format_table("session engine", engine.measure()))
    print(format_table("cockpit", cockpit.measure()))
