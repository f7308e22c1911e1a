"""Applying a profile to a plan, and filling in the placeholders {artifacts}, {model} and {seed}.

TOML reads `optim.lr = 1e-4` as a table; in the parameters of a command it is one dotted name.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from app.plan import schema, toml_lines
from app.plan.errors import REPLACED_TABLES, ErrorLog, describe_unknown

OPTIONAL_TABLES: Final = ("bundle", "notify", "unattended", "finish")
PLAN_TABLES: Final = ("session", "pod", *OPTIONAL_TABLES, "phase")
PLACEHOLDERS: Final = ("artifacts", "model", "seed")
PLACEHOLDER: Final = re.compile(r"\{([a-z_]+)\}")
_KEYS_WITH_PLACEHOLDERS: Final = ("params", "remedies", "command")


def apply_profile(raw: Mapping[str, Any], profile: str | None, errors: ErrorLog) -> dict[str, Any]:
    """Return the tables of a plan with a profile applied, or without any profile."""
    if profile is None:
        return _remove_profiles(raw, errors)
    data = {key: value for key, value in raw.items() if key in PLAN_TABLES}
    errors.phases = _as_list(raw.get("phase"))
    changes = raw["profile"][profile]
    path: toml_lines.Path = ("profile", profile)
    if not isinstance(changes, dict):
        errors.add(path, "expected a table", f"Write [profile.{profile}]")
        return data
    for key, value in changes.items():
        if key not in PLAN_TABLES:
            errors.add((*path, key), *describe_unknown(key, PLAN_TABLES))
        elif not isinstance(value, dict):
            errors.add((*path, key), "expected a table", f"Write {key}.NAME = ...")
        elif key == "phase":
            data[key] = _change_phases(raw.get("phase"), value, path, errors)
        else:
            data[key] = merge_tables(data.get(key, {}), value)
    return data


def flatten_parameters(raw: dict[str, Any]) -> dict[str, Any]:
    """Return a document in which the parameters and remedies of commands have dotted names, not tables."""
    commands = {
        phase.get("id")
        for phase in _as_list(raw.get("phase"))
        if isinstance(phase, dict) and "command" in phase and isinstance(phase.get("id"), str)
    }

    def flatten_phase(phase: Any) -> Any:
        if not isinstance(phase, dict):
            return phase
        flat = dict(phase)
        if isinstance(phase.get("params"), dict):
            flat["params"] = _flatten(phase["params"])
        if isinstance(phase.get("remedies"), dict):
            flat["remedies"] = {
                cause: [_flatten(step) if isinstance(step, dict) else step for step in steps]
                if isinstance(steps, list)
                else steps
                for cause, steps in phase["remedies"].items()
            }
        return flat

    def flatten_profile(profile: Any) -> Any:
        phases = profile.get("phase") if isinstance(profile, dict) else None
        if not isinstance(phases, dict):
            return profile
        changed = {
            name: flatten_phase(phase) if name in commands else phase for name, phase in phases.items()
        }
        return {**profile, "phase": changed}

    document = dict(raw)
    if isinstance(raw.get("phase"), list):
        document["phase"] = [
            flatten_phase(phase) if isinstance(phase, dict) and "command" in phase else phase
            for phase in raw["phase"]
        ]
    if isinstance(raw.get("profile"), dict):
        document["profile"] = {name: flatten_profile(profile) for name, profile in raw["profile"].items()}
    return document


def _flatten(table: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in table.items():
        flat |= _flatten(value, f"{prefix}{name}.") if isinstance(value, dict) else {f"{prefix}{name}": value}
    return flat


def _remove_profiles(raw: Mapping[str, Any], errors: ErrorLog) -> dict[str, Any]:
    known = (*PLAN_TABLES, "profile")
    for key in raw:
        if key not in known:
            errors.add((key,), *describe_unknown(key, known))
    if not isinstance(raw.get("profile", {}), dict):
        errors.add(("profile",), "expected tables [profile.NAME]", "Give each profile a name")
    return {key: value for key, value in raw.items() if key != "profile"}


def _change_phases(phases: Any, changes: Mapping[str, Any], path: toml_lines.Path, errors: ErrorLog) -> Any:
    """Return the phases with the changes that a profile makes to them, by phase id."""
    if not isinstance(phases, list):
        return phases
    ids = [phase.get("id") for phase in phases if isinstance(phase, dict)]
    names = [name for name in ids if isinstance(name, str)]
    for name, value in changes.items():
        if name not in names:
            errors.add((*path, "phase", name), *describe_unknown(name, names, "phase"))
        elif not isinstance(value, dict):
            errors.add((*path, "phase", name), "expected a table", f"Write phase.{name}.KEY = ...")

    def change(phase: Any) -> Any:
        name = phase.get("id") if isinstance(phase, dict) else None
        changed = changes.get(name) if isinstance(name, str) else None
        return merge_tables(phase, changed) if isinstance(changed, dict) else phase

    return [change(phase) for phase in phases]


def fill_placeholders(data: dict[str, Any]) -> dict[str, Any]:
    """Return a plan with the placeholders in its phases replaced by the session's values."""
    session = data.get("session")
    values: dict[str, Any] = {"artifacts": schema.ARTIFACTS, "seed": schema.SEED}
    if isinstance(session, dict):
        values |= {name: session[name] for name in PLACEHOLDERS if name in session}

    def fill(text: str) -> Any:
        if text == "{seed}":  # A number stays a number.
            return values["seed"]
        return PLACEHOLDER.sub(lambda match: str(values.get(match[1], match[0])), text)

    def fill_phase(phase: Any) -> Any:
        if not isinstance(phase, dict):
            return phase
        return {
            key: _map_texts(value, fill) if key in _KEYS_WITH_PLACEHOLDERS else value
            for key, value in phase.items()
        }

    phases = data.get("phase")
    if not isinstance(phases, list):
        return data
    return {**data, "phase": [fill_phase(phase) for phase in phases]}


def merge_tables(base: object, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return a table with changes applied: tables merge, all other values are replaced."""
    merged = dict(base) if isinstance(base, dict) else {}
    for key, value in changes.items():
        if isinstance(value, dict) and key not in REPLACED_TABLES:
            merged[key] = merge_tables(merged.get(key), value)
        else:
            merged[key] = value
    return merged


def _map_texts(value: Any, change: Callable[[str], Any]) -> Any:
    """Return a value with all texts in it changed."""
    if isinstance(value, dict):
        return {key: _map_texts(inner, change) for key, inner in value.items()}
    if isinstance(value, list):
        return [_map_texts(inner, change) for inner in value]
    return change(value) if isinstance(value, str) else value


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
