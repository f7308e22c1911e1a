"""Reading a plan: the file, a profile laid over it, and every error in it at once, each with its place."""

import difflib
import re
import reprlib
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, get_origin

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from app.monitor.sanitize import clean_line
from app.plan import schema, toml_lines
from app.plan.expressions import ExpressionError, headline_names, parse_condition
from app.plan.schema import Phase, Plan, Pod, Session
from phases.contract.parameters import PhaseParameters
from phases.contract.phase_spec import load_spec, phase_names

# A profile's tables merge into the plan's; these say a thing as a whole and replace the plan's.
_WHOLE = frozenset({"estimate"})
_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
_TABLES: dict[str, type[schema.Table]] = {
    "session": Session,
    "pod": Pod,
    "bundle": schema.Bundle,
    "notify": schema.Notify,
    "unattended": schema.Unattended,
    "phase": Phase,
    "estimate": schema.Estimate,
    "criteria": schema.Criterion,
    "gate": schema.Gate,
    "rules": schema.Rule,
    "finish": schema.Finish,
    "superseded": schema.Superseded,
}
_OPTIONAL = ("bundle", "notify", "unattended", "finish")
_TOP = ("session", "pod", *_OPTIONAL, "phase", "profile")


@dataclass(frozen=True)
class PlanError:
    """One thing that is wrong: where, what was expected there, and what to do."""

    file: Path
    line: int
    key: str
    expected: str
    advice: str

    def __str__(self) -> str:
        """Return the error in one line."""
        key = f"{self.key}: " if self.key else ""
        return clean_line(f"{self.file}:{self.line}: {key}{self.expected}. {self.advice}.")


class PlanErrors(Exception):  # noqa: N818 - it is a list of errors
    """Everything that is wrong with a plan, in the order of its lines."""

    def __init__(self, errors: tuple[PlanError, ...]) -> None:
        super().__init__("\n".join(str(error) for error in errors))
        self.errors = errors


def load_plan(path: Path, profile: str | None = None, *, folder: Path | None = None) -> Plan:
    """Return the plan of a file with a profile laid over it.

    Relative paths in the plan start at `folder`, by default the plan file's own. Every profile is checked,
    not only the one asked for.

    Raises:
        PlanErrors: something in the file is wrong.
    """
    raw, lines = _read(path)
    profiles = raw.get("profile", {})
    names = list(profiles) if isinstance(profiles, dict) else []
    drafts = {name: _Draft(path, lines, raw, name) for name in (None, *names)}
    errors: dict[tuple[int, str], list[PlanError]] = {}
    for draft in drafts.values():
        # What a profile leaves as it is is wrong in every draft, and reported once.
        errors = draft.errors_by_place() | errors
    if profile not in drafts:
        known = f"expected one of the plan's profiles: {', '.join(names) or 'it has none'}"
        place = (lines.get(("profile",), 1), f"profile.{profile}")
        errors[place] = [PlanError(path, *place, known, "Name one of these")]
    if errors:
        raise PlanErrors(tuple(error for place in sorted(errors) for error in errors[place]))
    data = drafts[profile].data
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


def _read(path: Path) -> tuple[dict[str, Any], dict[toml_lines.Path, int]]:
    """Return the document and the lines of its keys."""
    try:
        source = path.read_bytes().decode().replace("\r\n", "\n")
    except OSError as error:
        raise _unreadable(
            path, 1, f"a readable plan file: {error.strerror}", "Give the path of one"
        ) from None
    except UnicodeDecodeError as error:
        line = 1 + error.object[: error.start].count(b"\n")
        raise _unreadable(path, line, "UTF-8", "Save the file as UTF-8") from None
    try:
        return tomllib.loads(source), toml_lines.positions(source)
    except tomllib.TOMLDecodeError as error:
        place = re.search(r"\(at line (\d+)", str(error))
        line = int(place[1]) if place else source.count("\n") + 1
        advice = "Correct the syntax; the rest is checked after that"
        raise _unreadable(path, line, f"TOML: {error}", advice, _key_near(source, line)) from None
    except RecursionError:
        raise _unreadable(path, 1, "TOML that is not nested this deeply", "Make it flatter") from None


def _unreadable(path: Path, line: int, expected: str, advice: str, key: str = "") -> PlanErrors:
    return PlanErrors((PlanError(path, line, key, f"expected {expected}", advice),))


def _key_near(source: str, line: int) -> str:
    """Return the table and key that a line with wrong syntax seems to stand for."""
    above = source.split("\n")[:line]
    tables = [match[1] for text in above if (match := re.match(r"\s*\[+([\w.-]+)\]", text))]
    key = re.match(r"\s*([\w.-]+)\s*=", above[-1])
    return ".".join([*tables[-1:], *([key[1]] if key else [])])


@dataclass
class _Draft:
    """A plan with one profile (or none) laid over it, before it is known to be right."""

    file: Path
    lines: Mapping[toml_lines.Path, int]
    raw: Mapping[str, Any]
    profile: str | None
    errors: list[PlanError] = field(default_factory=list)
    data: dict[str, Any] = field(default_factory=dict)

    def check(self) -> None:
        """Fill in the data and collect the errors."""
        if self.profile is None:
            for key in self.raw:
                if key not in _TOP:
                    self._error((key,), *_unknown(key, _TOP))
            self.data = {key: value for key, value in self.raw.items() if key != "profile"}
            if not isinstance(self.raw.get("profile", {}), dict):
                self._error(("profile",), "expected tables [profile.NAME]", "Give each profile a name")
        else:
            self._overlay()
        self.data = self._filled(self.data)
        for name in ("session", "pod"):
            self._validate(_TABLES[name], self.data.get(name), (name,))
        for name in _OPTIONAL:
            self._validate(_TABLES[name], self.data.get(name, {}), (name,))
        listed = self.data.get("phase")
        if not isinstance(listed, list) or not listed:
            self._error(("phase",), "expected at least one [[phase]]", "Add the phases in their order")
            return
        for i, phase in enumerate(listed):
            self._validate(Phase, phase, ("phase", i))
        self._check_phases([(i, phase) for i, phase in enumerate(listed) if isinstance(phase, dict)])

    def errors_by_place(self) -> dict[tuple[int, str], list[PlanError]]:
        """Check the draft and return its errors by line and key."""
        self.check()
        places: dict[tuple[int, str], list[PlanError]] = {}
        for error in self.errors:
            places.setdefault((error.line, error.key), []).append(error)
        return places

    # Where things stand

    def _error(self, path: toml_lines.Path, expected: str, advice: str) -> None:
        line, key = self._locate(path)
        self.errors.append(PlanError(self.file, line, key, expected, advice))

    def _locate(self, path: toml_lines.Path) -> tuple[int, str]:
        """Return the line and the dotted key of a path, in the profile where that says it."""
        steps = ("phase", self._name(path[1]), *path[2:]) if path[:1] == ("phase",) and path[1:] else path
        inner: toml_lines.Path = ("profile", self.profile, *steps) if self.profile else ()
        # What is replaced as a whole stands where the whole stands.
        whole = next(
            (i for i, step in enumerate(inner) if isinstance(step, int) or (i and inner[i - 1] in _WHOLE)),
            len(inner),
        )
        if inner and inner[:whole] in self.lines:
            return self._nearest(inner), _dotted(inner)
        return self._nearest(path), _dotted(steps)

    def _nearest(self, path: toml_lines.Path) -> int:
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)

    def _name(self, index: str | int) -> str | int:
        """Return the id of the phase at an index, or the index where it has none."""
        phase = self.data.get("phase", [])[index] if isinstance(index, int) else None
        name = phase.get("id") if isinstance(phase, dict) else None
        return name if isinstance(name, str) else index

    # The profile and the placeholders

    def _overlay(self) -> None:
        base = {key: value for key, value in self.raw.items() if key in _TOP and key != "profile"}
        self.data = base
        over = self.raw["profile"][self.profile]
        path: toml_lines.Path = ("profile", str(self.profile))
        if not isinstance(over, dict):
            self._error(path, "expected a table", f"Write [profile.{self.profile}]")
            return
        for key, value in over.items():
            if key not in _TOP[:-1]:
                self._error((*path, key), *_unknown(key, _TOP[:-1]))
            elif not isinstance(value, dict):
                self._error((*path, key), "expected a table", f"Write {key}.NAME = ...")
            elif key != "phase":
                self.data = {**self.data, key: _merged(base.get(key, {}), value)}
            else:
                self.data = {**self.data, key: self._phases_under(value, path)}

    def _phases_under(self, over: dict[str, Any], path: toml_lines.Path) -> Any:
        listed = self.raw.get("phase")
        if not isinstance(listed, list):
            return listed
        ids = [phase.get("id") for phase in listed if isinstance(phase, dict)]
        for name, value in over.items():
            if name not in ids:
                self._error((*path, "phase", name), *_unknown(name, _texts(ids), "phase"))
            elif not isinstance(value, dict):
                self._error((*path, "phase", name), "expected a table", f"Write phase.{name}.KEY = ...")
        changes = {name: value for name, value in over.items() if isinstance(value, dict)}
        return [
            _merged(phase, changes[phase["id"]])
            if isinstance(phase, dict) and isinstance(phase.get("id"), str) and phase["id"] in changes
            else phase
            for phase in listed
        ]

    def _filled(self, data: dict[str, Any]) -> dict[str, Any]:
        """Return the phases with {artifacts}, {model} and {seed} filled in."""
        session = data.get("session")
        given = session if isinstance(session, dict) else {}
        known: dict[str, Any] = {"artifacts": schema.ARTIFACTS, "seed": schema.SEED}
        known |= {name: given[name] for name in ("artifacts", "model", "seed") if name in given}

        def fill(text: str) -> Any:
            if text == "{seed}":
                return known["seed"]
            return _PLACEHOLDER.sub(lambda match: str(known.get(match[1], match[0])), text)

        listed = data.get("phase")
        if not isinstance(listed, list):
            return data
        keys = ("params", "remedies", "command")
        return {
            **data,
            "phase": [
                {key: _mapped(value, fill) if key in keys else value for key, value in phase.items()}
                if isinstance(phase, dict)
                else phase
                for phase in listed
            ],
        }

    # What a table may say

    def _validate(self, kind: type[schema.Table], value: object, path: toml_lines.Path) -> None:
        if value is None:
            self._error(path, "expected this table", f"Add [{path[0]}]")
            return
        try:
            kind.model_validate(value)
        except ValidationError as error:
            self._report(error.errors(include_url=False), value, path)

    def _report(self, problems: list[ErrorDetails], value: object, path: toml_lines.Path) -> None:
        """Add pydantic's errors, one a key."""
        seen = set()
        for problem in problems:
            missing = problem["type"] == "missing"
            where = (*path, *_existing(value, problem["loc"][:-1] if missing else problem["loc"]))
            if missing:
                where = (*where, problem["loc"][-1])
            if where in seen:
                continue
            seen.add(where)
            if problem["type"] == "extra_forbidden":
                parent = next((step for step in reversed(where[:-1]) if step in _TABLES), "phase")
                self._error(where, *_unknown(str(where[-1]), tuple(_TABLES[str(parent)].model_fields)))
            elif missing:
                self._error(where, "expected this key, which is missing", f"Add {where[-1]} = ...")
            else:
                self._error(
                    where, f"{_expected(problem['msg'])}; found {_short(problem['input'])}", "Correct it"
                )

    # What only the whole plan can tell

    def _check_phases(self, listed: list[tuple[int, dict[str, Any]]]) -> None:
        known: dict[str, frozenset[str] | None] = {}
        for i, phase in listed:
            path: toml_lines.Path = ("phase", i)
            name = phase.get("id")
            if isinstance(name, str) and name in known:
                self._error(
                    (*path, "id"), f"expected an id of its own; {name} is taken", "Rename one of the two"
                )
            metrics = self._check_program(phase, path)
            self._check_expressions(phase, path, metrics, known)
            if isinstance(name, str):
                known[name] = metrics
        finish = self.data.get("finish")
        marks = finish.get("marks") if isinstance(finish, dict) else None
        for name in marks if isinstance(marks, dict) else ():
            if name not in known:
                self._error(("finish", "marks", name), *_unknown(name, tuple(known), "phase"))

    def _check_program(self, phase: dict[str, Any], path: toml_lines.Path) -> frozenset[str] | None:
        """Check what a phase runs and with what; return the metrics it can have, None where unknown."""
        run, command = phase.get("run"), phase.get("command")
        if (run is None) == (command is None):
            self._error((*path, "run"), "expected either run or command", "Give one of the two")
            return None
        self._check_launcher(phase, path)
        if run is None:
            logged, reports = phase.get("metrics", {}), phase.get("reports", [])
            logged = set(logged) if isinstance(logged, dict) else set()
            # A number read from the log is known by its last value, and by its first.
            return frozenset(
                logged
                | {f"first_{name}" for name in logged}
                | set(_texts(reports if reports is not None else []))
            )
        for key in ("metrics", "reports"):
            if key in phase:
                self._error(
                    (*path, key), "expected only beside command", "A phase module declares its metrics"
                )
        if not isinstance(run, str):
            return None
        module = _module(run)
        if isinstance(module, tuple):
            self._error((*path, "run"), *module)
            return None
        self._check_params(module, phase, path)
        return module.metrics

    def _check_launcher(self, phase: dict[str, Any], path: toml_lines.Path) -> None:
        """Check that what is started on several GPUs trains on them together, rather than each for itself."""
        if phase.get("launcher") is None:
            if "launcher_options" in phase:
                self._error((*path, "launcher_options"), "expected only beside launcher", "Add or remove one")
            params = phase.get("params")
            if isinstance(params, dict) and params.get("shard_weights") is True:
                self._error(
                    (*path, "params", "shard_weights"),
                    "expected only beside launcher: one process has nobody to share with",
                    'Add launcher = "accelerate"',
                )
            return
        module = _module(str(phase.get("run")))
        if isinstance(module, tuple) or not module.may_use_launcher:
            self._error(
                (*path, "launcher"), "expected only beside a run that is a training phase", "Remove it"
            )

    def _check_params(self, module: "_Module", phase: dict[str, Any], path: toml_lines.Path) -> None:
        params = phase.get("params", {})
        if not isinstance(params, dict):
            return
        self._validate_params(module, params, {}, (*path, "params"))
        if phase.get("batch") is True and "batch" not in module.parameters.model_fields:
            self._error((*path, "batch"), "expected a phase that takes batches; this does not", "Remove it")
        remedies = phase.get("remedies", {})
        for name, steps in remedies.items() if isinstance(remedies, dict) else ():
            for i, step in _tables(steps):
                self._validate_params(module, step, params, (*path, "remedies", name, i))

    def _validate_params(
        self, module: "_Module", given: dict[str, Any], below: dict[str, Any], path: toml_lines.Path
    ) -> None:
        """Check parameters; those `below` are what remedies change, and have been checked."""
        fields = module.parameters.model_fields
        for name, value in given.items():
            if name not in fields:
                self._error((*path, name), *_unknown(name, tuple(fields), "parameter"))
            for text in _texts(value if isinstance(value, list) else [value]):
                for word in _PLACEHOLDER.findall(text):
                    self._error((*path, name), *_unknown(word, ("artifacts", "model", "seed"), "placeholder"))
        values = {
            name: _as_given(fields[name].annotation, value)
            for name, value in {**below, **given}.items()
            if name in fields
        }
        try:
            module.parameters.model_validate(values)
        except ValidationError as error:
            problems = error.errors(include_url=False)
            new = [problem for problem in problems if problem["loc"][:1] == () or problem["loc"][0] in given]
            self._report(new if below else problems, values, path)

    def _check_expressions(
        self,
        phase: dict[str, Any],
        path: toml_lines.Path,
        metrics: frozenset[str] | None,
        earlier: Mapping[str, frozenset[str] | None],
    ) -> None:
        for where, text in _expressions(phase):
            try:
                names = headline_names(text) if where == ("headline",) else parse_condition(text).names
            except ExpressionError as error:
                self._error((*path, *where), str(error), "Correct it")
                continue
            for name in names:
                before, _, metric = name.rpartition(".")
                if before and before not in earlier:
                    self._error((*path, *where), *_unknown(before, tuple(earlier), "earlier phase"))
                    continue
                known = earlier[before] if before else metrics
                if known is not None and metric not in known:
                    self._error((*path, *where), *_unknown(metric, tuple(sorted(known)), "metric"))


@dataclass(frozen=True)
class _Module:
    parameters: type[PhaseParameters]
    metrics: frozenset[str]
    may_use_launcher: bool


@cache
def _module(name: str) -> _Module | tuple[str, str]:
    """Return what a phase module declares, or what was expected and what to do."""
    if name not in phase_names():
        return _unknown(name, phase_names(), "phase module")
    try:
        spec = load_spec(name)
        return _Module(
            spec.parameters, frozenset(metric.name for metric in spec.metrics), spec.may_use_launcher
        )
    except Exception as error:  # whatever a module does when it is imported, the plan cannot use it
        return f"expected a module that can be imported: {type(error).__name__}: {error}", "Mend the module"


def _expressions(phase: dict[str, Any]) -> Iterator[tuple[toml_lines.Path, str]]:
    """Yield the headline and the expressions of a phase, with their paths in it."""
    gate = phase.get("gate")
    for key, where, tables in (
        ("expr", ("criteria",), phase.get("criteria")),
        ("when", ("gate", "rules"), gate.get("rules") if isinstance(gate, dict) else None),
    ):
        for i, table in _tables(tables):
            if isinstance(table.get(key), str):
                yield (*where, i, key), table[key]
    if isinstance(phase.get("headline"), str):
        yield ("headline",), phase["headline"]


def _tables(value: object) -> Iterator[tuple[int, dict[str, Any]]]:
    for i, item in enumerate(value if isinstance(value, list) else ()):
        if isinstance(item, dict):
            yield i, item


def _texts(value: object) -> tuple[str, ...]:
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()


def _merged(base: object, over: dict[str, Any]) -> dict[str, Any]:
    """Return a table with another laid over it: tables merge, everything else replaces."""
    merged = dict(base) if isinstance(base, dict) else {}
    for key, value in over.items():
        whole = key in _WHOLE or not isinstance(value, dict)
        merged[key] = value if whole else _merged(merged.get(key), value)
    return merged


def _mapped(value: Any, change: Callable[[str], Any]) -> Any:
    """Return a value with all texts in it changed."""
    if isinstance(value, dict):
        return {key: _mapped(inner, change) for key, inner in value.items()}
    if isinstance(value, list):
        return [_mapped(inner, change) for inner in value]
    return change(value) if isinstance(value, str) else value


def _as_given(annotation: Any, value: object) -> object:
    """Return a parameter as the command line gives it: one value is a list of one where a list is taken."""
    takes_list = get_origin(annotation) in (list, tuple)
    return [value] if takes_list and not isinstance(value, list) else value


def _existing(value: Any, path: toml_lines.Path) -> toml_lines.Path:
    """Return as much of a path as there is in a value: pydantic's goes on into the types it tried."""
    for n, step in enumerate(path):
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            return path[:n]
    return path


def _unknown(name: str, known: tuple[str, ...], what: str = "key") -> tuple[str, str]:
    """Return what was expected instead of an unknown name, and what to do."""
    close = difflib.get_close_matches(name, known, 1)
    advice = f"Perhaps you mean {close[0]}" if close else "Correct or remove it"
    return f"unknown {what} {_short(name)}; expected one of: {', '.join(known) or 'none'}", advice


def _expected(message: str) -> str:
    """Return pydantic's message in the words of all others."""
    message = message.removeprefix("Value error, ").replace("Input should be", "expected")
    return message if message.startswith("expected") else f"expected otherwise: {message}"


def _short(value: object) -> str:
    return reprlib.repr(value)


def _dotted(path: toml_lines.Path) -> str:
    """Return a path as it is written: dots between keys, brackets around indexes."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).removeprefix(".")
