"""Run the phase from the command line: `python -m phases.evaluation`."""

from phases.evaluation.recipe import main

raise SystemExit(main())
