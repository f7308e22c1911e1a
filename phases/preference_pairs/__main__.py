"""Run the phase from the command line: `python -m phases.preference_pairs`."""

from phases.preference_pairs.recipe import main

raise SystemExit(main())
