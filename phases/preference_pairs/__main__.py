"""Run the phase from the command line: `python -m phases.preference_pairs`."""

from phases.contract.phase_main import phase_main

raise SystemExit(phase_main("phases.preference_pairs"))
