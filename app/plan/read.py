"""Reading a plan file: TOML, a profile applied to it, and every error in it at once."""

import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from app.paths import format_path, is_utf8
from app.plan import schema, toml_lines
from app.plan.errors import ErrorLog, PlanError, PlanErrors
from app.plan.profiles import apply_profile, fill_placeholders, flatten_parameters
from app.plan.schema import Phase, Plan, Pod, Session
from app.plan.validate import validate_plan
from phases.contract.files import read_regular_file

_MAX_BYTES = 1 << 20


def load_plan(path: Path, profile: str | None = None, *, folder: Path | None = None) -> Plan:
    """Return the plan of a file with a profile applied.

    Every profile is checked, not only the requested one.

    Args:
        path: the plan file.
        profile: the profile's name.
        folder: where relative paths in the plan start; by default the folder of the file.

    Raises:
        PlanErrors: the file is not a valid plan.
    """
    _check_path(path, folder)
    raw, lines = _parse_file(path)
    profiles = raw.get("profile", {})
    names = list(profiles) if isinstance(profiles, dict) else []
    plans: dict[str | None, dict[str, Any]] = {}
    errors: dict[tuple[int, str], list[PlanError]] = {}
    for name in (None, *names):
        log = ErrorLog(path, lines, name)
        plans[name] = fill_placeholders(apply_profile(raw, name, log))
        validate_plan(plans[name], log)
        # A mistake that no profile changes appears under every profile; report it once.
        errors = log.group_by_place() | errors
    if profile not in plans:
        expected = f"expected one of the plan's profiles: {', '.join(names) or 'it has none'}"
        place = (lines.get(("profile",), 1), f"profile.{profile}")
        errors[place] = [PlanError(path, *place, expected, "Name one of these")]
    if errors:
        raise PlanErrors(tuple(error for place in sorted(errors) for error in errors[place]))
    data = plans[profile]
    return Plan(
        path=path.absolute(),
        folder=(folder or path.parent).absolute(),
        profile=profile,
        session=Session.model_validate(data["session"]),
        pod=Pod.model_validate(data["pod"]),
        bundle=schema.Bundle.model_validate(data.get("bundle", {})),
        notify=schema.Notify.model_validate(data.get("notify", {})),
        unattended=schema.Unattended.model_validate(data.get("unattended", {})),
        finish=schema.Finish.model_validate(data.get("finish", {})),
        phases=tuple(Phase.model_validate(phase) for phase in data["phase"]),
    )


def _check_path(path: Path, folder: Path | None) -> None:
    """Check that the paths are text: they are recorded in JSON, and passed to programs."""
    for each in (path.absolute(), (folder or path.parent).absolute()):
        if not is_utf8(each):
            expected = f"a path in UTF-8, found {format_path(each)}"
            raise _make_file_error(path, 1, expected, "Rename the folder or file")


def _parse_file(path: Path) -> tuple[dict[str, Any], dict[toml_lines.Path, int]]:
    """Return the document and the line of each of its keys."""
    try:
        data = read_regular_file(path, _MAX_BYTES)
        source = data.decode("utf-8-sig").replace("\r\n", "\n")
    except OSError as error:
        expected = f"a readable plan file: {error.strerror}"
        raise _make_file_error(path, 1, expected, "Give the path of a plan") from None
    except UnicodeDecodeError as error:
        line = 1 + error.object[: error.start].count(b"\n")
        raise _make_file_error(path, line, "UTF-8", "Save the file as UTF-8") from None
    except ValueError as error:
        raise _make_file_error(path, 1, f"a readable plan file: {error}", "Give the path of a plan") from None
    try:
        document = tomllib.loads(source)
        lines = toml_lines.find_lines(source)
        _refuse_null_characters(path, document, lines)
        return flatten_parameters(document), lines
    except tomllib.TOMLDecodeError as error:
        place = re.search(r"\(at line (\d+)", str(error))
        line = int(place[1]) if place else source.count("\n") + 1
        advice = "Correct the syntax; the rest is checked after that"
        raise _make_file_error(path, line, f"TOML: {error}", advice, _guess_key(source, line)) from None
    except ValueError:
        position = re.search(r"[\d_]{4000,}", source)
        line = 1 + source.count("\n", 0, position.start()) if position else 1
        expected = f"numbers of at most {sys.get_int_max_str_digits()} digits"
        raise _make_file_error(
            path, line, expected, "Write a shorter number", _guess_key(source, line)
        ) from None
    except RecursionError:
        raise _make_file_error(path, 1, "TOML that is not nested this deeply", "Make it flatter") from None


def _refuse_null_characters(path: Path, document: dict[str, Any], lines: dict[toml_lines.Path, int]) -> None:
    """Check that no key or text has a null character, which no path or argument of a program can hold."""
    phases = document.get("phase")
    log = ErrorLog(path, lines, None, phases if isinstance(phases, list) else [])
    for place in _find_null_characters(document):
        log.add(place, "expected a text without null characters", "Remove them")
    if log.errors:
        raise PlanErrors(tuple(log.errors))


def _find_null_characters(value: object, place: toml_lines.Path = ()) -> Iterator[toml_lines.Path]:
    if isinstance(value, str) and "\0" in value:
        yield place
    elif isinstance(value, dict):
        for key, inner in value.items():
            if "\0" in key:
                yield place
            yield from _find_null_characters(inner, (*place, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _find_null_characters(inner, (*place, index))


def _make_file_error(path: Path, line: int, expected: str, advice: str, key: str = "") -> PlanErrors:
    return PlanErrors((PlanError(path, line, key, f"expected {expected}", advice),))


def _guess_key(source: str, line: int) -> str:
    """Return the table and key that a line with invalid syntax probably belongs to."""
    above = source.split("\n")[:line]
    tables = [match[1] for text in above if (match := re.match(r"\s*\[+([\w.-]+)\]", text))]
    key = re.match(r"\s*([\w.-]+)\s*=", above[-1])
    return ".".join([*tables[-1:], *([key[1]] if key else [])])
