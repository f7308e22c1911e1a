"""A plan that is accepted is the same after it was written to the session's folder and read from there."""

import math
import shlex
import tempfile
from pathlib import Path
from typing import Any

import msgspec
import pytest
import tomlkit
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.plan.causes import CAUSES
from app.plan.errors import PlanErrors
from app.plan.read import load_plan
from app.plan.schema import Plan
from app.session.journal.events import AttemptStarted
from app.session.journal.journal import Entry, encode_entry

CHARACTERS = st.characters(codec="utf-8", exclude_characters="\0")
TEXT = st.text(CHARACTERS, min_size=1, max_size=12)
NAME = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True)
VARIABLE = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True)
BELOW = st.sampled_from(["artifacts", "out/now", "out 1", "mod*", "ä/é"])
AMOUNT = st.one_of(st.floats(0, 1e9), st.integers(0, 10**9), st.just(1e-300))
DURATION = st.builds(
    lambda number, space, unit: f"{number}{space}{unit}",
    st.from_regex(r"[0-9]{1,5}(\.[0-9]{1,9})?", fullmatch=True),
    st.sampled_from(["", " "]),
    st.sampled_from(["s", "sec", "min", "h"]),
).filter(lambda text: not text.startswith("0"))
NUMBER = st.one_of(st.integers(), st.floats(), st.integers(-(2**63), 2**63 - 1))
VALUE = st.one_of(NUMBER, st.booleans(), st.text(CHARACTERS, max_size=9))
PARAMETERS = st.dictionaries(
    st.from_regex(r"\+{0,2}[A-Za-z_][A-Za-z0-9_./@-]{0,9}", fullmatch=True),
    st.one_of(VALUE, st.lists(VALUE, max_size=3)),
    max_size=4,
)
COMMAND = st.lists(TEXT, min_size=1, max_size=3)


def table(required: dict[str, Any], optional: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(required, optional=optional)


BOUNDS = st.tuples(AMOUNT, AMOUNT).map(sorted)
SESSION = table(
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
    {"gpu": TEXT, "usd_per_hour": AMOUNT},
    {
        "stop_command": COMMAND,
        "stop_fallbacks": st.lists(COMMAND, max_size=2),
        "stopped_command": COMMAND,
        "outside_limit": st.text(CHARACTERS, max_size=9),
        "spent_command": COMMAND,
        "spent_every": DURATION,
    },
)
UNATTENDED = table(
    {},
    {
        "stop_after": DURATION,
        "landing": DURATION,
        "warn_at": st.lists(st.floats(0, 1, exclude_min=True), max_size=3),
    },
)
NOTIFY = table({}, {"urls": st.lists(VARIABLE, max_size=2), "every": DURATION})
BUNDLE = table({}, {"include": st.lists(BELOW, max_size=3)})
FINISH = table(
    {},
    {
        "roadmap": TEXT,
        "marks": st.dictionaries(st.just("only"), TEXT, max_size=1),
        "status": st.lists(TEXT, max_size=2),
        "registry": TEXT,
        "decisions": TEXT,
        "archive": TEXT,
        "superseded": st.lists(st.fixed_dictionaries({"path": TEXT, "note": TEXT}), max_size=2),
    },
)
CONDITION = st.sampled_from(["loss < 1", "first_loss > loss and score >= 0.5", "abs(score) > 1e-9"])
RULE = table(
    {"when": CONDITION, "verdict": st.sampled_from(["go", "investigate", "stop"])},
    {"advice": st.text(CHARACTERS, max_size=9)},
)
PHASE = table(
    {
        "id": st.just("only"),
        "title": TEXT,
        "command": COMMAND,
        "estimate": table({"hours": BOUNDS}, {"usd": BOUNDS}),
        "metrics": st.just({"loss": r"loss: (\S+)"}),
        "reports": st.just(["score"]),
    },
    {
        "params": PARAMETERS,
        "flags": st.sampled_from(["dash", "underscore", "equals"]),
        "booleans": st.sampled_from(["no", "flag", "value"]),
        "batch": st.booleans(),
        "critical": st.booleans(),
        "stall_after": DURATION,
        "stall_action": st.sampled_from(["show", "stop"]),
        "criteria": st.lists(table({"name": TEXT, "expr": CONDITION}, {}), max_size=2),
        "remedies": st.dictionaries(
            st.sampled_from(sorted(CAUSES)), st.lists(PARAMETERS, max_size=2), max_size=2
        ),
        "progress": st.sampled_from([r"step (\d+)/(\d+)", r"(\d+) of (\d+)"]),
        "headline": st.sampled_from(["loss {loss:.2f}", "done", "{score:.0%} ok"]),
        "gate": table(
            {},
            {
                "ask": st.sampled_from(["always", "unless_go", "never"]),
                "rules": st.lists(RULE, max_size=2),
            },
        ),
    },
)
PLAN = table(
    {"session": SESSION, "pod": POD, "phase": st.lists(PHASE, min_size=1, max_size=1)},
    {"unattended": UNATTENDED, "notify": NOTIFY, "bundle": BUNDLE, "finish": FINISH},
)


def load(document: dict[str, Any]) -> Plan:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "plan.toml"
        path.write_text(tomlkit.dumps(document))
        return load_plan(path)


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(PLAN)
def test_an_accepted_plan_is_the_same_after_it_was_written_and_read(document: dict[str, Any]) -> None:
    try:
        plan = load(document)
    except PlanErrors:
        return
    stored = plan.model_dump_json(indent=2)
    again = Plan.model_validate_json(stored)
    assert again == plan
    assert again.model_dump_json(indent=2) == stored
    phase = again.phases[0]
    words = phase.build_command(phase.params)
    assert shlex.split(shlex.join(words)) == words
    assert not any("\0" in word for word in words)
    started = AttemptStarted(phase=phase.id, attempt=1, parameters=dict(phase.params), cookie="c")
    line = msgspec.json.decode(encode_entry(Entry(1, 1, 0.0, 0.0, started), ""))
    assert line["data"]["parameters"] == phase.params


def test_nearly_all_generated_plans_are_accepted() -> None:
    accepted = []

    @settings(max_examples=100, suppress_health_check=list(HealthCheck), database=None, derandomize=True)
    @given(PLAN)
    def count(document: dict[str, Any]) -> None:
        try:
            load(document)
        except PlanErrors:
            return
        accepted.append(document)

    count()
    assert len(accepted) >= 30


@pytest.mark.parametrize(
    "value", [math.inf, -math.inf, math.nan, 2**63, -(2**63) - 1, 10**4000, [1, math.nan], "a\0b"]
)
def test_a_parameter_that_json_cannot_hold_is_refused(value: Any) -> None:
    document = {
        "session": {"name": "s", "model": "m", "budget_usd": 1},
        "pod": {"gpu": "g", "usd_per_hour": 1},
        "phase": [
            {
                "id": "only",
                "title": "t",
                "command": ["true"],
                "estimate": {"hours": [0, 1]},
                "params": {"x": value},
            }
        ],
    }
    with pytest.raises(PlanErrors, match=r"params\.x|digits"):
        load(document)
