"""The evaluation suites and the scripts that build them."""
