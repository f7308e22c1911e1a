"""A measured figure, and the table that shows them."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """What was measured, its value and unit, and the aim where there is one."""

    what: str
    value: float
    unit: str
    aim: str = ""


def table(title: str, figures: Iterable[Figure | str]) -> str:
    """Return the figures as lines of text under a title; a text is what is said instead of figures."""
    rows = [
        f"  {f}"
        if isinstance(f, str)
        else f"  {f.what:<76} {f.value:>10,.2f} {f.unit:<6} {'aim ' + f.aim if f.aim else ''}"
        for f in figures
    ]
    return "\n".join([title, *rows])
