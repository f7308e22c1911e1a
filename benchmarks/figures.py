"""A measured figure, and the table that prints figures."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """A measured value with its unit and, optionally, the target it should reach."""

    name: str
    value: float
    unit: str
    target: str = ""


def format_table(title: str, figures: Iterable[Figure | str]) -> str:
    """Return the figures as lines of text under a title; a string replaces missing figures."""
    return "\n".join([title, *(f"  {_format_figure(figure)}" for figure in figures)])


def _format_figure(figure: Figure | str) -> str:
    if isinstance(figure, str):
        return figure
    target = f"target {figure.target}" if figure.target else ""
    return f"{figure.name:<76} {figure.value:>10,.2f} {figure.unit:<6} {target}"
