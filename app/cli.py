"""The `gonogo` command."""

import sys


def main() -> int:
    """Run the command line and return its exit status."""
    print("gonogo: nothing is wired yet", file=sys.stderr)
    return 2
