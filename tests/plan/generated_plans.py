"""Hypothesis strategies for whole plans: every table and key of the schema, and profiles."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

from annotated_types import MinLen
from hypothesis import strategies as st
from pydantic.fields import FieldInfo

from app.monitor.trainers import PRESETS
from app.plan import schema
from app.plan.causes import CAUSES
from phases.contract.parameters import PhaseParameters
from phases.contract.phase_spec import list_phase_names, load_spec

CHARACTERS = st.characters(codec="utf-8", exclude_characters="\0")
TEXT = st.text(CHARACTERS, min_size=1, max_size=12)
ANY_TEXT = st.text(CHARACTERS, max_size=9)
VARIABLE = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True)
BELOW = st.sampled_from(["artifacts", "out/now", "out 1", "mod*", "ä/é"])
AMOUNT = st.one_of(st.floats(0, 1e9), st.integers(0, 10**9), st.just(1e-300))
DURATION = st.builds(
    lambda number, space, unit: f"{number}{space}{unit}",
    st.from_regex(r"[1-9][0-9]{0,4}(\.[0-9]{1,9})?", fullmatch=True),
    st.sampled_from(["", " "]),
    st.sampled_from(["s", "sec", "min", "h"]),
)
NUMBER = st.one_of(st.integers(-(2**63), 2**63 - 1), st.floats(-1e18, 1e18), st.sampled_from([-0.0, 5e-324]))
VALUE = st.one_of(NUMBER, st.booleans(), ANY_TEXT)
PARAMETERS = st.dictionaries(
    st.from_regex(r"\+{0,2}[A-Za-z_][A-Za-z0-9_./@-]{0,9}", fullmatch=True),
    st.one_of(VALUE, st.lists(VALUE, max_size=3)),
    max_size=4,
)
COMMAND = st.lists(TEXT, min_size=1, max_size=3)
BOUNDS = st.tuples(AMOUNT, AMOUNT).map(sorted)
VERDICT = st.sampled_from(["go", "investigate", "stop"])
PATTERN = st.sampled_from([r"loss: (\S+)", r"tokens ([\d,]+)", r"(?i)é=(\d+(?:\.\d+)?)"])
PHASE_IDS = ("first", "second", "third")
BUILT_IN = list_phase_names()  # Before a fixture adds others.

Strategies = Mapping[str, st.SearchStrategy[Any]]
Document = dict[str, Any]


def table(
    model: type[schema.Table], required: Strategies, optional: Strategies
) -> st.SearchStrategy[Document]:
    """Return a strategy for a table; it has all keys of the schema."""
    assert {*required, *optional} == set(model.model_fields), model
    return st.fixed_dictionaries(dict(required), optional=dict(optional))


SESSION = table(
    schema.Session,
    {"name": TEXT, "model": TEXT, "budget_usd": AMOUNT},
    {
        "artifacts": BELOW,
        "seed": st.integers(0, 2**32 - 1),
        "secrets": st.lists(VARIABLE, max_size=2),
        "files": st.lists(TEXT, max_size=2),
        "environment": st.lists(VARIABLE, max_size=2),
        "disk_gb": AMOUNT,
    },
)
POD = table(
    schema.Pod,
    {"gpu": st.one_of(TEXT, st.sampled_from(["1x H100 80GB", "2 x A100 40 GB"])), "usd_per_hour": AMOUNT},
    {
        "stop_command": COMMAND,
        "stop_fallbacks": st.lists(COMMAND, max_size=2),
        "stopped_command": COMMAND,
        "outside_limit": ANY_TEXT,
        "spent_command": COMMAND,
        "spent_every": DURATION,
    },
)
UNATTENDED = table(
    schema.Unattended,
    {},
    {
        "stop_after": DURATION,
        "landing": DURATION,
        "warn_at": st.lists(st.floats(0, 1, exclude_min=True), max_size=3),
    },
)
NOTIFY = table(schema.Notify, {}, {"urls": st.lists(VARIABLE, max_size=2), "every": DURATION})
BUNDLE = table(schema.Bundle, {}, {"include": st.lists(BELOW, max_size=3)})
FINISH = table(
    schema.Finish,
    {},
    {
        "roadmap": TEXT,
        "marks": st.dictionaries(st.just("first"), TEXT, max_size=1),
        "status": st.lists(TEXT, max_size=2),
        "registry": TEXT,
        "decisions": TEXT,
        "archive": TEXT,
        "superseded": st.lists(table(schema.Superseded, {"path": TEXT, "note": TEXT}, {}), max_size=2),
    },
)
ESTIMATE = table(schema.Estimate, {"hours": BOUNDS}, {"usd": BOUNDS})


def gates(condition: st.SearchStrategy[str]) -> Strategies:
    """Return strategies for what judges a phase whose metrics the conditions name."""
    rule = table(schema.Rule, {"when": condition, "verdict": VERDICT}, {"advice": ANY_TEXT})
    return {
        "criteria": st.lists(table(schema.Criterion, {"name": TEXT, "expr": condition}, {}), max_size=2),
        "gate": table(
            schema.Gate,
            {},
            {"ask": st.sampled_from(["always", "unless_go", "never"]), "rules": st.lists(rule, max_size=2)},
        ),
    }


def remedies(parameters: st.SearchStrategy[Document]) -> st.SearchStrategy[Document]:
    """Return a strategy for the remedies of a phase."""
    steps = st.lists(parameters, max_size=2)
    return st.dictionaries(st.sampled_from(sorted(CAUSES)), steps, max_size=2)


def conditions(names: list[str]) -> st.SearchStrategy[str]:
    """Return a strategy for conditions on metrics."""
    if not names:
        return st.just("1 < 2")
    name = st.sampled_from(names)
    return st.one_of(
        st.builds("{} < {!r}".format, name, st.floats(0, 1e18)),
        st.builds("abs({}) >= {} and {} != 0".format, name, name, name),
    )


SHARED: Strategies = {
    "title": TEXT,
    "batch": st.booleans(),
    "estimate": ESTIMATE,
    "critical": st.booleans(),
    "stall_after": DURATION,
    "stall_action": st.sampled_from(["show", "stop"]),
}
REQUIRED = ("id", "title", "run", "command", "params", "estimate", "metrics", "reports")


def phase(**strategies: st.SearchStrategy[Any]) -> st.SearchStrategy[Document]:
    """Return a strategy for a phase."""
    assert set(strategies) <= set(schema.Phase.model_fields)
    return st.fixed_dictionaries(
        {key: value for key, value in strategies.items() if key in REQUIRED},
        optional={key: value for key, value in strategies.items() if key not in REQUIRED},
    )


@st.composite
def nested(draw: st.DrawFn, parameters: st.SearchStrategy[Document]) -> Document:
    """Return parameters of which some are written as tables: `optim.lr` or `[optim] lr`."""
    flat: Document = draw(parameters)
    tables: Document = {}
    for name, value in flat.items():
        first, dot, rest = name.partition(".")
        if dot and first not in flat and "." not in rest and rest and draw(st.booleans()):
            tables.setdefault(first, {})[rest] = value
        else:
            tables[name] = value
    return tables


@st.composite
def command_phases(draw: st.DrawFn, name: str) -> Document:
    """Return a phase that runs any program."""
    metrics = draw(
        st.one_of(
            st.dictionaries(st.sampled_from(["loss", "tokens"]), PATTERN), st.sampled_from(sorted(PRESETS))
        )
    )
    logged = list(PRESETS[metrics].names) if isinstance(metrics, str) else [*metrics]
    reports = draw(st.lists(st.sampled_from(["score", "rows"]), max_size=2))
    names = [*logged, *(f"first_{each}" for each in logged), *reports]
    command = draw(COMMAND)
    params = draw(nested(PARAMETERS))
    flags = draw(st.sampled_from(["dash", "underscore", "equals", "override"]))
    if params and draw(st.booleans()):
        command.append("--x={params." + next(iter(params)) + "}")
    return draw(
        phase(
            **SHARED,
            **gates(conditions(names)),
            id=st.just(name),
            command=st.just(command),
            params=st.just(params),
            flags=st.just(flags),
            booleans=st.sampled_from(["value"] if flags == "override" else ["no", "flag", "value"]),
            remedies=remedies(nested(PARAMETERS)),
            metrics=st.just(metrics),
            reports=st.just(reports),
            progress=st.sampled_from([r"step (\d+)/(\d+)", r"(\d+) of (\d+)"]),
            headline=st.sampled_from(["", "done", *(f"{each} {{{each}:.3g}}" for each in names)]),
        )
    )


def values_of(field: FieldInfo) -> st.SearchStrategy[Any]:
    """Return a strategy for the values of a parameter of a built-in phase."""
    kind = field.annotation
    if get_origin(kind) is list:
        least = max((each.min_length for each in field.metadata if isinstance(each, MinLen)), default=0)
        return st.lists(values_of(FieldInfo(annotation=get_args(kind)[0])), min_size=least, max_size=3)
    if kind in (str, Path) or Path in get_args(kind):
        return st.one_of(TEXT, st.sampled_from(["{artifacts}/x y", "{model}", "-v", "--x", "3"]))
    if kind is int:
        return st.from_type(Annotated[(int, *field.metadata)]).filter(lambda number: number < 2**63)
    if kind is float:
        return st.from_type(Annotated[(float, *field.metadata)]).filter(lambda number: number < 1e18)
    return st.from_type(kind)


def parameters_of(kind: type[PhaseParameters], *, all_required: bool) -> st.SearchStrategy[Document]:
    """Return a strategy for the parameters of a built-in phase."""
    strategies = {name: values_of(field) for name, field in kind.model_fields.items() if name != "batch"}
    required = {
        name: each
        for name, each in strategies.items()
        if all_required and kind.model_fields[name].is_required()
    }
    return st.fixed_dictionaries(
        required, optional={k: v for k, v in strategies.items() if k not in required}
    )


@st.composite
def built_in_phases(draw: st.DrawFn, name: str) -> Document:
    """Return a phase of gonogo."""
    run = draw(st.sampled_from(BUILT_IN))
    spec = load_spec(run)
    names = [metric.name for metric in spec.metrics]
    document = draw(
        phase(
            **SHARED,
            **gates(conditions(names)),
            id=st.just(name),
            run=st.just(run),
            params=parameters_of(spec.parameters, all_required=True),
            remedies=remedies(parameters_of(spec.parameters, all_required=False)),
            headline=st.sampled_from(["", *(f"{each} {{{each}}}" for each in names)]),
        )
    )
    if "batch" not in spec.parameters.model_fields:
        document.pop("batch", None)
    if spec.may_use_launcher and draw(st.booleans()):
        document |= {"launcher": "accelerate", "launcher_options": draw(PARAMETERS)}
    else:
        document["params"].pop("shard_weights", None)
    return document


@st.composite
def profiles(draw: st.DrawFn, phases: list[Document]) -> Document:
    """Return a profile: parts of tables, and of phases by their id."""
    parts = {"session": SESSION, "pod": POD, "unattended": UNATTENDED, "notify": NOTIFY, "bundle": BUNDLE}
    profile = draw(st.fixed_dictionaries({}, optional=dict(parts)))
    changed = draw(st.lists(st.sampled_from(phases), max_size=2, unique_by=lambda each: each["id"]))
    keys = phase(**SHARED)
    for each in changed:
        changes = draw(keys)
        if "batch" not in each:
            changes.pop("batch", None)
        profile.setdefault("phase", {})[each["id"]] = changes
    return profile


@st.composite
def plan_documents(draw: st.DrawFn) -> Document:
    """Return a plan file: all tables, up to three phases of both kinds, and profiles."""
    document: Document = draw(
        st.fixed_dictionaries(
            {"session": SESSION, "pod": POD},
            optional={"unattended": UNATTENDED, "notify": NOTIFY, "bundle": BUNDLE, "finish": FINISH},
        )
    )
    count = draw(st.integers(1, len(PHASE_IDS)))
    phases = [draw(st.one_of(command_phases(name), built_in_phases(name))) for name in PHASE_IDS[:count]]
    document["phase"] = phases
    names = st.sampled_from(["rehearsal", "a b", "é"])
    document["profile"] = draw(st.dictionaries(names, profiles(phases), max_size=2))
    return document
