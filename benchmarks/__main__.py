"""Measure and print every figure that needs no GPU."""

from benchmarks import cockpit, engine
from benchmarks.figures import table

if __name__ == "__main__":
    print(table("session engine", engine.figures()))
    print(table("cockpit", cockpit.figures()))
