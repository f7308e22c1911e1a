"""Errors in a plan: each with its line, its key, what was expected there, and what to do."""

import difflib
import reprlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from app.monitor.sanitize import clean_line
from app.paths import format_path
from app.plan import toml_lines

REPLACED_TABLES: Final = frozenset({"estimate"})
"""Tables that a profile replaces as a unit. All others are merged with the plan's."""


@dataclass(frozen=True)
class PlanError:
    """One error in a plan."""

    file: Path
    line: int
    key: str
    expected: str
    advice: str

    def __str__(self) -> str:
        """Return the error in one line."""
        key = f"{self.key}: " if self.key else ""
        end = "" if self.advice.endswith("?") else "."
        return clean_line(f"{format_path(self.file)}:{self.line}: {key}{self.expected}. {self.advice}{end}")


class PlanErrors(Exception):  # noqa: N818 - it is a list of errors
    """All errors in a plan, in the order of their lines."""

    def __init__(self, errors: tuple[PlanError, ...]) -> None:
        super().__init__("\n".join(str(error) for error in errors))
        self.errors = errors


@dataclass
class ErrorLog:
    """Collects the errors of a plan with one profile applied, or without a profile.

    Attributes:
        file: the plan file.
        lines: the line of each key.
        profile: the profile's name.
        phases: the phases with the profile applied, as far as they are known; errors name phases by their id.
        errors: what has been collected.
    """

    file: Path
    lines: Mapping[toml_lines.Path, int]
    profile: str | None
    phases: Sequence[Any] = ()
    errors: list[PlanError] = field(default_factory=list)

    def add(self, path: toml_lines.Path, expected: str, advice: str) -> None:
        """Add an error at a key; `expected` and `advice` have no full stop."""
        line, key = self._locate(path)
        self.errors.append(PlanError(self.file, line, key, expected, advice))

    def group_by_place(self) -> dict[tuple[int, str], list[PlanError]]:
        """Return the errors by line and key."""
        places: dict[tuple[int, str], list[PlanError]] = {}
        for error in self.errors:
            places.setdefault((error.line, error.key), []).append(error)
        return places

    def _locate(self, path: toml_lines.Path) -> tuple[int, str]:
        """Return the line and the dotted key of a path; those in the profile if the profile sets the key."""
        is_in_phase = path[:1] == ("phase",) and len(path) > 1
        named_path = ("phase", self._phase_name(path[1]), *path[2:]) if is_in_phase else path
        if self.profile:
            in_profile: toml_lines.Path = ("profile", self.profile, *named_path)
            if in_profile[: _measure_replaced_prefix(in_profile)] in self.lines:
                return self._find_nearest_line(in_profile), _format_key(in_profile)
        return self._find_nearest_line(path), _format_key(named_path)

    def _find_nearest_line(self, path: toml_lines.Path) -> int:
        if path and isinstance(path[-1], str) and path not in self.lines:
            path = (*path[:-1], *path[-1].split("."))  # a dotted name may be written as tables
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)

    def _phase_name(self, index: str | int) -> str | int:
        """Return the id of the phase at an index, or the index if it has none."""
        phase = self.phases[index] if isinstance(index, int) else None
        name = phase.get("id") if isinstance(phase, dict) else None
        return name if isinstance(name, str) else index


def _measure_replaced_prefix(path: toml_lines.Path) -> int:
    """Return how much of a path names what a profile replaces as a unit: a list, or such a table."""
    for i, step in enumerate(path):
        if isinstance(step, int) or (i and path[i - 1] in REPLACED_TABLES):
            return i
    return len(path)


def describe_unknown(name: str, known: Sequence[str], kind: str = "key") -> tuple[str, str]:
    """Return what was expected instead of an unknown name, and what to do."""
    close = difflib.get_close_matches(name, known, 1)
    advice = f"Did you mean {close[0]}?" if close else "Correct or remove it"
    return f"unknown {kind} {shorten(name)}; expected one of: {', '.join(known) or 'none'}", advice


def shorten(value: object) -> str:
    """Return a value as Python writes it, shortened."""
    return reprlib.repr(value)


def _format_key(path: toml_lines.Path) -> str:
    """Return a path with dots between keys and brackets around indexes."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).removeprefix(".")
