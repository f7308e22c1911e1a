"""Run the phase from the command line: `python -m phases.verification`."""

from phases.verification.recipe import main

raise SystemExit(main())
