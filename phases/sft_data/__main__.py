"""Run the phase from the command line: `python -m phases.sft_data`."""

from phases.sft_data.recipe import main

raise SystemExit(main())
