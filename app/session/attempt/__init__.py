"""One execution of a phase: its specification, its shim and its processes."""
