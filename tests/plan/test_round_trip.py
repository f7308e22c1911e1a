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
from hypothesis import Phase as Step

from app.memory.needs import parse_gpu_budget
from app.plan.check import render_summary, summarize_plan, to_json
from app.plan.errors import PlanErrors
from app.plan.log_check import find_plan_warnings
from app.plan.pipelines import find_pipeline_warnings
from app.plan.read import load_plan
from app.plan.schema import Phase, Plan
from app.session import reproduce, start, status_text
from app.session.attempt.spec import build_environment, write_spec
from app.session.engine.attempt_start import plan_attempt
from app.session.engine.start_event import build_session_start
from app.session.folder import SessionFolder
from app.session.journal import events, fold, journal
from app.session.projection import Live, project_session
from app.session.snapshot import SessionSnapshot
from phases.contract.parameters import parse_arguments, wrap_single_values
from phases.contract.phase_spec import load_spec
from tests.plan.generated_plans import plan_documents

ALL_CHECKS = list(HealthCheck)
STEPS = [Step.explicit, Step.generate]  # To shrink a whole plan takes minutes.


class Clock:
    def wall(self) -> float:
        return 1.0

    mono = wall


def load_all(document: dict[str, Any], path: Path) -> list[Plan]:
    """Return the plan of a file, without and with each of its profiles."""
    path.write_text(tomlkit.dumps(document))
    return [load_plan(path, profile) for profile in (None, *document.get("profile", {}))]


def test_an_accepted_plan_is_the_same_in_its_session_and_runs_as_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    environment = reproduce.SessionEnvironment({}, {}, {}, "")
    monkeypatch.setattr(reproduce, "describe_gpus", list)
    monkeypatch.setattr(reproduce, "collect_environment", lambda *_: environment)  # It runs git.
    refused = []

    # The same plans each time, because their number that is refused has a bound.
    @settings(max_examples=50, suppress_health_check=ALL_CHECKS, phases=STEPS, derandomize=True)
    @given(plan_documents())
    def check(document: dict[str, Any]) -> None:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            try:
                plans = load_all(document, folder / "plan.toml")
            except PlanErrors:
                refused.append(document)
                return
            for plan in plans:
                check_stored(plan)
                check_summary(plan)
                for phase in plan.phases:
                    check_command(phase)
            check_start(plans[-1])

    check()
    assert len(refused) <= 5


def check_stored(plan: Plan) -> None:
    stored = plan.model_dump_json(indent=2)
    again = Plan.model_validate_json(stored)
    assert again == plan
    assert again.model_dump_json(indent=2) == stored
    assert start.compute_plan_digest(again) == start.compute_plan_digest(plan)
    assert all(line.isprintable() for line in start.describe_commands(again, {}))


def check_summary(plan: Plan) -> None:
    summary = summarize_plan(plan, parse_gpu_budget(plan.pod.gpu))
    msgspec.json.encode(to_json(summary))
    render_summary(summary).encode()
    assert all(
        isinstance(warning, str) for warning in (*find_plan_warnings(plan), *find_pipeline_warnings(plan))
    )


def check_command(phase: Phase) -> None:
    """A built-in phase reads the parameters of the plan from its command line; any program could."""
    words = phase.build_command(phase.params)
    assert shlex.split(shlex.join(words)) == words
    assert not any("\0" in word for word in words)
    if phase.run is not None:
        kind = load_spec(phase.run).parameters
        flags = words[words.index(phase.run) + 1 :]
        expected = kind.model_validate(wrap_single_values(kind, phase.params))
        assert parse_arguments(kind, flags, program="", description="") == expected


def check_start(plan: Plan) -> None:
    """A session starts, records each phase as planned, and shows it."""
    folder = SessionFolder(start.open_session(plan, approved="test", register=False))
    assert Plan.model_validate_json(folder.read_plan()) == plan
    book = journal.Journal(folder.journal, Clock(), sync=lambda _: None)
    history = [book.append(build_session_start(folder.read_info(), plan)).event]
    (folder.path / "attempts").mkdir()
    for phase in plan.phases:
        state = fold.recover_file(folder.journal)[0]
        assert state.current is not None
        attempt = plan_attempt(plan, state, state.current, 0.0, 1.0)
        if isinstance(attempt, events.OverBudget):
            go = events.GateDecided(phase=phase.id, attempt=1, kind="go", by="", verdict="stop")
            history += [book.append(event).event for event in (attempt, go)]
            parameters = dict(phase.params)
            attempt = events.AttemptStarted(phase=phase.id, attempt=1, parameters=parameters, cookie="c")
        check_attempt(plan, folder, attempt)
        end = events.AttemptEnded(phase=phase.id, attempt=1, ended=1.0, seconds=1.0, reason="exited", code=0)
        passed = events.AttemptAssessed(phase=phase.id, attempt=1, verdict="go", gate="")
        history += [book.append(event).event for event in (attempt, end, passed)]
    book.close()
    assert [entry.event for entry in journal.read_journal(folder.journal).entries] == history
    state, damage = fold.recover_file(folder.journal)
    assert damage == ""
    assert state.current is None
    shown = project_session(folder.path, plan, state, Live(), 2.0, 2.0)
    assert msgspec.json.decode(msgspec.json.encode(shown), type=SessionSnapshot) == shown
    "\n".join(status_text.format_session(shown)).encode()


def check_attempt(plan: Plan, folder: SessionFolder, attempt: events.AttemptStarted) -> None:
    phase = plan.find_phase(attempt.phase)
    place = folder.locate_attempt(phase.id, 1)
    environment = build_environment(
        plan, attempt, session=folder.path, folder=place, environment={}, grace=120
    )
    spec = msgspec.json.decode(
        write_spec(plan, attempt, folder=place, environment=environment, grace=1.0).read_bytes()
    )
    assert spec["argv"] == phase.build_command(phase.params)
    assert spec["parameters"] == phase.params


PARAMETERS = [math.inf, -math.inf, math.nan, 2**63, -(2**63) - 1, 10**4000, [1, math.nan], "a\0b"]


@pytest.mark.parametrize("value", PARAMETERS)
def test_a_parameter_that_json_cannot_hold_is_refused(value: Any, tmp_path: Path) -> None:
    document = describe_plan({"command": ["true"], "params": {"x": value}})
    with pytest.raises(PlanErrors, match=r"params\.x|digits"):
        load_all(document, tmp_path / "plan.toml")


@pytest.mark.parametrize(
    ("name", "value"),
    [("packing", 1), ("packing", "yes"), ("epochs", True), ("learning_rate", False), ("model", "--")],
)
def test_a_parameter_that_a_command_line_cannot_hold_is_refused(
    name: str, value: Any, tmp_path: Path
) -> None:
    params = {"train_file": "rows.jsonl", "output_dir": "out", name: value}
    document = describe_plan({"run": "phases.sft_training", "params": params})
    with pytest.raises(PlanErrors, match=rf"params\.{name}"):
        load_all(document, tmp_path / "plan.toml")


def describe_plan(phase: dict[str, Any]) -> dict[str, Any]:
    estimate = {"hours": [0, 1]}
    return {
        "session": {"name": "s", "model": "m", "budget_usd": 1},
        "pod": {"gpu": "g", "usd_per_hour": 1},
        "phase": [{"id": "only", "title": "t", "estimate": estimate, **phase}],
    }
