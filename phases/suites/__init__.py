"""The evaluation suites that ship with gonogo; `tools/suites` builds them."""
