"""Validation of a plan with a profile applied: each table, and the relations between them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from app.monitor.trainers import PRESETS
from app.plan import schema, toml_lines
from app.plan.arguments import find_parameters_in
from app.plan.errors import ErrorLog, describe_unknown, shorten
from app.plan.expressions import ExpressionError, list_headline_names, parse_condition
from app.plan.profiles import OPTIONAL_TABLES, PLACEHOLDER, PLACEHOLDERS
from phases.contract.parameters import PhaseParameters, wrap_single_values
from phases.contract.phase_spec import list_phase_names, load_spec

_TABLES: Final[dict[str, type[schema.Table]]] = {
    "session": schema.Session,
    "pod": schema.Pod,
    "bundle": schema.Bundle,
    "notify": schema.Notify,
    "unattended": schema.Unattended,
    "phase": schema.Phase,
    "estimate": schema.Estimate,
    "criteria": schema.Criterion,
    "gate": schema.Gate,
    "rules": schema.Rule,
    "finish": schema.Finish,
    "superseded": schema.Superseded,
}

_TYPE_NAMES: Final = {
    "bool_parsing": "true or false",
    "bool_type": "true or false",
    "dict_type": "a table",
    "float_parsing": "a number",
    "float_type": "a number",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "int_type": "a whole number",
    "model_type": "a table",
    "string_too_short": "a text that is not empty",
    "string_type": "a text",
    "too_short": "a list that is not empty",
    "tuple_type": "a list",
}
"""Types in pydantic's errors, in the words of TOML."""

MetricNames = frozenset[str] | None
"""The metrics that a phase can have; None if they are unknown."""


def validate_plan(data: Mapping[str, Any], errors: ErrorLog) -> None:
    """Add every error in a plan's tables to the log."""
    phases = data.get("phase")
    errors.phases = phases if isinstance(phases, list) else []
    for name in ("session", "pod"):
        if data.get(name) is None:
            errors.add((name,), "expected this table", f"Add [{name}]")
        else:
            _validate_table(_TABLES[name], data[name], (name,), errors)
    for name in OPTIONAL_TABLES:
        _validate_table(_TABLES[name], data.get(name, {}), (name,), errors)
    if not errors.phases:
        errors.add(("phase",), "expected at least one [[phase]]", "Add the phases in their order")
        return
    for i, phase in enumerate(errors.phases):
        _validate_table(schema.Phase, phase, ("phase", i), errors)
    _check_phases(errors.phases, data.get("finish"), errors)


def _validate_table(kind: type[schema.Table], value: object, path: toml_lines.Path, errors: ErrorLog) -> None:
    try:
        kind.model_validate(value)
    except ValidationError as error:
        _report_problems(error.errors(include_url=False), value, path, errors)


def _report_problems(
    problems: list[ErrorDetails], value: object, path: toml_lines.Path, errors: ErrorLog
) -> None:
    """Add pydantic's errors, one per key."""
    reported = set()
    for problem in problems:
        is_missing = problem["type"] == "missing"
        location = problem["loc"][:-1] if is_missing else problem["loc"]
        place = (*path, *_find_existing_path(value, location))
        if is_missing:
            place = (*place, problem["loc"][-1])
        if place in reported:
            continue
        reported.add(place)
        if problem["type"] == "extra_forbidden":
            table = next((step for step in reversed(place[:-1]) if step in _TABLES), "phase")
            known = tuple(_TABLES[str(table)].model_fields)
            errors.add(place, *describe_unknown(str(place[-1]), known))
        elif is_missing and isinstance(place[-1], int):
            expected = (
                f"expected a list of at least {place[-1] + 1} values; found {shorten(problem['input'])}"
            )
            errors.add(place[:-1], expected, "Correct it")
        elif is_missing:
            errors.add(place, "expected this key, which is missing", f"Add {place[-1]} = ...")
        else:
            expected = f"{_translate(problem)}; found {shorten(problem['input'])}"
            errors.add(place, expected, "Correct it")


def _check_phases(phases: Any, finish: object, errors: ErrorLog) -> None:
    """Check ids, programs, parameters and expressions of the phases, in their order."""
    known: dict[str, MetricNames] = {}
    for i, phase in _find_tables(phases):
        path: toml_lines.Path = ("phase", i)
        name = phase.get("id")
        if isinstance(name, str) and name in known:
            errors.add((*path, "id"), f"expected a unique id; {name} is taken", "Rename one of the two")
        metrics = _check_program(phase, path, errors)
        _check_expressions(phase, path, metrics, known, errors)
        if isinstance(name, str):
            known[name] = metrics
    marks = finish.get("marks") if isinstance(finish, dict) else None
    for name in marks if isinstance(marks, dict) else ():
        if name not in known:
            errors.add(("finish", "marks", name), *describe_unknown(name, tuple(known), "phase"))


# Programs and their parameters


@dataclass(frozen=True)
class _Module:
    """The parameters and metrics that the phase named by `run` declares."""

    parameters: type[PhaseParameters]
    metrics: frozenset[str]
    may_use_launcher: bool


@cache
def _load_module(name: str) -> _Module | tuple[str, str]:
    """Return what a phase module declares, or else what was expected and what to do."""
    if name not in list_phase_names():
        return describe_unknown(name, list_phase_names(), "phase module")
    try:
        spec = load_spec(name)
    except Exception as error:  # A module can raise anything when it is imported.
        expected = f"expected a module that can be imported: {type(error).__name__}: {error}"
        return expected, "Correct the module"
    metrics = frozenset(metric.name for metric in spec.metrics)
    return _Module(spec.parameters, metrics, spec.may_use_launcher)


def _check_program(phase: dict[str, Any], path: toml_lines.Path, errors: ErrorLog) -> MetricNames:
    """Check what a phase runs and its parameters; return the metrics that it can have."""
    run, command = phase.get("run"), phase.get("command")
    if (run is None) == (command is None):
        errors.add((*path, "run"), "expected either run or command", "Give one of the two")
        return None
    _check_launcher(phase, path, errors)
    if run is None:
        _check_command(phase, path, errors)
        return _list_command_metrics(phase)
    for key in ("metrics", "progress", "reports"):
        if key in phase:
            errors.add((*path, key), "expected only with command", "A phase module declares its metrics")
    for key in ("flags", "booleans"):
        if key in phase:
            errors.add((*path, key), "expected only with command", "A phase module declares its flags")
    if not isinstance(run, str):
        return None
    module = _load_module(run)
    if isinstance(module, tuple):
        errors.add((*path, "run"), *module)
        return None
    _check_parameters(module, phase, path, errors)
    return module.metrics


def _check_command(phase: dict[str, Any], path: toml_lines.Path, errors: ErrorLog) -> None:
    """Check that the parameters exist that a command names, and that the style of its flags is possible."""
    params = phase.get("params", {})
    known = list(params) if isinstance(params, dict) else []
    if phase.get("batch") is True:
        known.append("batch")
    for name in find_parameters_in(_find_texts(phase.get("command"))):
        if name not in known:
            errors.add((*path, "command"), *describe_unknown(name, known, "parameter"))
    if phase.get("flags") == "override" and phase.get("booleans", "value") != "value":
        errors.add((*path, "booleans"), "expected value: overrides have no flags", 'Write booleans = "value"')


def _list_command_metrics(phase: dict[str, Any]) -> frozenset[str]:
    """Return the metrics of a command: those it reports, and the first and last number of each in its log."""
    patterns, reports = phase.get("metrics"), phase.get("reports")
    logged = set(patterns) if isinstance(patterns, dict) else set()
    if isinstance(patterns, str) and patterns in PRESETS:
        logged = set(PRESETS[patterns].names)
    return frozenset(logged | {f"first_{name}" for name in logged} | set(_find_texts(reports)))


def _check_launcher(phase: dict[str, Any], path: toml_lines.Path, errors: ErrorLog) -> None:
    """Check that only a phase that can use several GPUs has a launcher."""
    if phase.get("launcher") is None:
        if "launcher_options" in phase:
            errors.add((*path, "launcher_options"), "expected only with launcher", "Add or remove one")
        params = phase.get("params")
        if isinstance(params, dict) and params.get("shard_weights") is True:
            errors.add(
                (*path, "params", "shard_weights"),
                "expected only with launcher: weights are sharded over several processes",
                'Add launcher = "accelerate"',
            )
        return
    module = _load_module(str(phase.get("run")))
    if isinstance(module, tuple) or not module.may_use_launcher:
        errors.add((*path, "launcher"), "expected only with a training phase in run", "Remove it")


def _check_parameters(
    module: _Module, phase: dict[str, Any], path: toml_lines.Path, errors: ErrorLog
) -> None:
    params = phase.get("params", {})
    if not isinstance(params, dict):
        return
    _validate_parameters(module, params, {}, (*path, "params"), errors)
    if phase.get("batch") is True and "batch" not in module.parameters.model_fields:
        errors.add((*path, "batch"), "expected a phase that takes batches", "Remove it")
    remedies = phase.get("remedies", {})
    for name, steps in remedies.items() if isinstance(remedies, dict) else ():
        for i, step in _find_tables(steps):
            _validate_parameters(module, step, params, (*path, "remedies", name, i), errors)


def _validate_parameters(
    module: _Module,
    values: dict[str, Any],
    base: dict[str, Any],
    path: toml_lines.Path,
    errors: ErrorLog,
) -> None:
    """Check parameters; `base` are those that a remedy changes, which have been checked."""
    fields = module.parameters.model_fields
    for name, value in values.items():
        if name not in fields:
            errors.add((*path, name), *describe_unknown(name, tuple(fields), "parameter"))
        for text in _find_texts(value if isinstance(value, list) else [value]):
            for word in PLACEHOLDER.findall(text):
                errors.add((*path, name), *describe_unknown(word, PLACEHOLDERS, "placeholder"))
    known = {name: value for name, value in {**base, **values}.items() if name in fields}
    all_values = wrap_single_values(module.parameters, known)
    try:
        module.parameters.model_validate(all_values)
    except ValidationError as error:
        problems = error.errors(include_url=False)
        if base:
            problems = [p for p in problems if not p["loc"] or p["loc"][0] in values]
        _report_problems(problems, all_values, path, errors)


def find_parameter_errors(phase: schema.Phase) -> list[tuple[str, str]]:
    """Return the errors in the parameters of a phase that was valid before: parameter, and what was expected.

    The checks are those of a plan file.
    """
    errors = ErrorLog(Path(), {}, None, [{"id": phase.id}])
    data = phase.model_dump(exclude_defaults=True)
    path: toml_lines.Path = ("phase", 0)
    _validate_table(schema.Phase, data, path, errors)
    _check_program(data, path, errors)
    prefix = f"phase.{phase.id}.params."
    return [
        (error.key.removeprefix(prefix), error.expected)
        for error in errors.errors
        if error.key.startswith(prefix)
    ]


# Criteria, rules and headlines


def _check_expressions(
    phase: dict[str, Any],
    path: toml_lines.Path,
    metrics: MetricNames,
    earlier: Mapping[str, MetricNames],
    errors: ErrorLog,
) -> None:
    for place, text in _find_expressions(phase):
        try:
            names = list_headline_names(text) if place == ("headline",) else parse_condition(text).names
        except ExpressionError as error:
            errors.add((*path, *place), str(error), "Correct it")
            continue
        for name in names:
            phase_id, _, metric = name.rpartition(".")
            if phase_id and phase_id not in earlier:
                expected, advice = describe_unknown(phase_id, tuple(earlier), "earlier phase")
                errors.add((*path, *place), expected, advice)
                continue
            known = earlier[phase_id] if phase_id else metrics
            if known is not None and metric not in known:
                errors.add((*path, *place), *describe_unknown(metric, tuple(sorted(known)), "metric"))


def _find_expressions(phase: dict[str, Any]) -> Iterator[tuple[toml_lines.Path, str]]:
    """Yield the expressions and the headline of a phase, with their paths in it."""
    for i, criterion in _find_tables(phase.get("criteria")):
        if isinstance(criterion.get("expr"), str):
            yield ("criteria", i, "expr"), criterion["expr"]
    gate = phase.get("gate")
    for i, rule in _find_tables(gate.get("rules") if isinstance(gate, dict) else None):
        if isinstance(rule.get("when"), str):
            yield ("gate", "rules", i, "when"), rule["when"]
    if isinstance(phase.get("headline"), str):
        yield ("headline",), phase["headline"]


# Values of unknown type


def _find_tables(value: object) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the tables in a list, with their indexes."""
    for i, item in enumerate(value if isinstance(value, list) else ()):
        if isinstance(item, dict):
            yield i, item


def _find_texts(value: object) -> tuple[str, ...]:
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()


def _find_existing_path(value: Any, path: toml_lines.Path) -> toml_lines.Path:
    """Return the steps of a path that exist in a value; pydantic's also names the types that it tried."""
    existing: toml_lines.Path = ()
    for step in path:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            continue
        existing = (*existing, step)
    return existing


def _translate(problem: ErrorDetails) -> str:
    """Return the message of pydantic's error in the words of TOML and of the other errors."""
    kind, limits = problem["type"], problem.get("ctx", {})
    if kind == "too_short" and limits["min_length"] > 1:
        return f"expected a list of at least {limits['min_length']} values"
    if kind == "too_long":
        return f"expected a list of at most {limits['max_length']} values"
    if kind in _TYPE_NAMES:
        return f"expected {_TYPE_NAMES[kind]}"
    message = problem["msg"].removeprefix("Value error, ").replace("Input should be", "expected")
    message = message.replace("String should match pattern", "expected a name that matches")
    return message if message.startswith("expected") else f"expected otherwise: {message}"
