"""Run the phase from the command line: `python -m phases.sft_training`."""

from phases.sft_training.recipe import main

raise SystemExit(main())
