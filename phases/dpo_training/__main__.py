"""Run the phase from the command line: `python -m phases.dpo_training`."""

from phases.dpo_training.recipe import main

raise SystemExit(main())
