"""Run the phase from the command line: `python -m phases.comparison`."""

from phases.comparison.recipe import main

raise SystemExit(main())
