"""The held-out half of the suite for real models: form, several steps, refusals and harmless requests."""

from typing import Final

from tools.suites.rows import Row
from tools.suites.test_half import layout, lengths, lists, machine_readable, requests, steps, wording

FORMAT: Final[tuple[Row, ...]] = (
    *lengths.ROWS,
    *lists.ROWS,
    *machine_readable.ROWS,
    *wording.ROWS,
    *layout.ROWS,
)
MULTI_STEP: Final[tuple[Row, ...]] = steps.ROWS
REFUSALS: Final[tuple[Row, ...]] = requests.REFUSALS
HARMLESS: Final[tuple[Row, ...]] = requests.HARMLESS
