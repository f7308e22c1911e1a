"""The dialog of a go that changes later phases."""

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest
from msgspec.structs import replace
from textual.pilot import Pilot

from app.plan.values import Range
from app.session.gate.decision_preview import DecisionPreview, PhaseEffect
from app.session.requests import AnyRequest, Decide, Refused
from app.tui.app import CockpitApp
from app.tui.screens.decide import DecideScreen, describe_consequence
from app.tui.screens.later_phases import LaterPhasesScreen
from app.units import format_clock
from tests.tui import fake
from tests.tui.settling import settle
from widgets.frame import Frame
from widgets.later_phases import LaterPhasesTable, list_later_phases

PARAMETERS: dict[str, dict[str, Any]] = {
    "preference_pairs": {"model": "out/sft", "count": 10000, "output_dir": "out/pairs"},
    "dpo_training": {"epochs": 1, "learning_rate": 5e-5},
}


@dataclass
class Session(fake.FakeSession):
    """A session whose previews are simple, and that keeps what was sent."""

    sent: Decide | None = None

    def preview(self, request: Decide) -> DecisionPreview:
        if request.plan_changes.get("preference_pairs", {}).get("count") == 0:
            raise Refused("preference_pairs.count: expected 1 or more (given: 0)")
        effects = [
            PhaseEffect(
                phase=phase, title=phase, is_left_out=False, changed={n: (1, v) for n, v in values.items()},
                hours=(Range(1, 2), Range(1, 2)), usd=(Range(2, 3), Range(2, 3)), memory=(None, None),
                fits=True, advice="", unscaled=(),
            )
            for phase, values in request.plan_changes.items()
        ]  # fmt: skip
        return DecisionPreview(
            effects=tuple(effects),
            forecast_usd=(Range(11, 14), Range(9, 12)),
            budget_usd=25.0,
            consequences=tuple(f"{phase} is critical" for phase in request.left_out),
        )

    def send(self, request: AnyRequest) -> None:
        assert isinstance(request, Decide)
        self.sent = request


def make_frame() -> Frame:
    frame = fake.gate_passes()
    phases = tuple(replace(p, parameters=PARAMETERS.get(p.id, {})) for p in frame.snapshot.phases)
    return fake.gate_passes(phases=phases)


async def press(pilot: Pilot[None], *keys: str) -> None:
    for key in keys:
        await pilot.press(key)
        await settle(pilot)
        await pilot.app.workers.wait_for_complete()
        await settle(pilot)


def drive(*keys: str, size: tuple[int, int] = (80, 24)) -> tuple[Session, str, str]:
    """Return the session, the screen's name and its text after these keys at the go dialog."""
    session = Session(make_frame().snapshot)

    async def run() -> tuple[str, str]:
        app = CockpitApp(session, None, make_frame())
        async with app.run_test(size=size) as pilot:
            await settle(pilot)
            await press(pilot, "g", *keys)
            text = "\n".join(
                "".join(segment.text for segment in strip) for strip in app.screen._compositor.render_strips()
            )
            return type(app.screen).__name__, text

    return session, *asyncio.run(run())


EDIT_COUNT = ("c", "enter", "down", "down", "enter", *["backspace"] * 5, *"5000", "enter")


@pytest.mark.parametrize("size", [(80, 24), (160, 45)])
def test_a_changed_parameter_is_shown_with_its_effect_and_sent_with_go(size: tuple[int, int]) -> None:
    _, name, text = drive(*EDIT_COUNT, size=size)
    assert name == LaterPhasesScreen.__name__
    assert "10000 → 5000" in text
    assert "forecast $11.00-14.00 → $9.00-12.00 of $25: within the budget" in text
    assert "keep, back" in text
    session, name, text = drive(*EDIT_COUNT, "escape", size=size)
    assert (name, session.sent) == (DecideScreen.__name__, None)
    assert "count 1 → 5000" in text
    session, *_ = drive(*EDIT_COUNT, "escape", "y", size=size)
    assert session.sent is not None
    assert session.sent.plan_changes == {"preference_pairs": {"count": 5000}}
    assert session.sent.left_out == ()


@pytest.mark.parametrize("size", [(80, 24), (100, 30), (160, 45)])
def test_a_phase_that_is_opened_shows_as_many_parameters_as_fit(
    size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    many = {f"parameter_{i:02}": i for i in range(24)}
    monkeypatch.setitem(PARAMETERS, "preference_pairs", many)
    *_, text = drive("c", "enter", size=size)
    assert text.count("parameter_") >= min(24, size[1] - 20)
    *_, text = drive("c", "enter", "enter", size=size)
    assert "parameter_" not in text


@pytest.mark.parametrize("size", [(80, 24), (160, 45)])
def test_a_retry_shows_as_many_parameters_as_fit(size: tuple[int, int]) -> None:
    frame = fake.gate_fails()
    gate = frame.snapshot.gate
    assert gate is not None
    parameters = {f"parameter_{i:02}": i for i in range(24)}
    gate = replace(gate, parameters=parameters, remedies={})
    frame = replace(frame, snapshot=replace(frame.snapshot, gate=gate))

    async def run() -> str:
        app = CockpitApp(fake.FakeSession(frame.snapshot), None, frame)
        async with app.run_test(size=size) as pilot:
            await settle(pilot)
            await press(pilot, "r")
            return "\n".join(strip.text for strip in app.screen._compositor.render_strips())

    text = asyncio.run(run())
    assert text.count("parameter_") >= min(24, size[1] - 14)
    assert "y send" in text


def test_leaving_out_a_needed_phase_asks_for_a_reason() -> None:
    leave_out = ("c", "down", "o")
    _, _, text = drive(*leave_out)
    assert "left out" in text
    assert "warning: dpo_training is critical" in text
    session, name, text = drive(*leave_out, "escape", "y")
    assert (name, session.sent) == (DecideScreen.__name__, None)
    assert "a reason is required" in text
    session, *_ = drive(*leave_out, "escape", "y", *"time", "enter", "y")
    assert session.sent is not None
    assert (session.sent.left_out, session.sent.reason) == (("dpo_training",), "time")


def test_an_effect_of_many_lines_begins_with_the_warnings_and_says_how_to_see_the_rest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("app.tui.screens.decide.MAX_LATER_LINES", 2)
    _, name, text = drive("c", "down", "o", "down", "o", "escape")
    assert name == DecideScreen.__name__
    assert "warning: dpo_training is critical" in text
    assert "2 more lines: press c" in text
    assert "forecast $11.00" not in text


def test_the_decision_names_the_phase_that_starts_when_others_are_left_out() -> None:
    def describe(left_out: tuple[str, ...]) -> str:
        frame = make_frame()
        assert frame.snapshot.gate is not None
        return describe_consequence(frame, frame.snapshot.gate, "go", left_out)

    later = [phase.id for phase in list_later_phases(make_frame().snapshot, fake.GATE_PASS)]
    assert describe(()).startswith("Preference pairs starts")
    assert describe(("preference_pairs",)).startswith("DPO training starts")
    assert describe(tuple(later)) == "The session ends: no phase is left."
    _, _, text = drive("c", "o", "escape")
    assert "DPO training starts" in text
    assert "Preference pairs starts" not in text


@pytest.mark.parametrize("keys", [("g",), ("g", "c")])
def test_the_clock_behind_dialogs_runs(keys: tuple[str, ...]) -> None:
    frame = make_frame()

    async def run() -> str:
        app = CockpitApp(Session(frame.snapshot), None, frame)
        async with app.run_test(size=(80, 24)) as pilot:
            await pilot.press(*keys)
            await app.workers.wait_for_complete()
            await settle(pilot)
            app.export_screenshot()
            app.show(replace(frame, now=frame.now + 30))
            await settle(pilot)
            return app.export_screenshot()

    before = format_clock(frame.now - frame.snapshot.started)
    after = format_clock(frame.now + 30 - frame.snapshot.started)
    shown = asyncio.run(run())
    assert after in shown
    assert before not in shown


def test_a_refused_value_stays_in_the_dialog_until_it_is_changed() -> None:
    zero = ("c", "enter", "down", "down", "enter", *["backspace"] * 5, "0", "enter")
    session, name, text = drive(*zero, "escape")
    assert (name, session.sent) == (LaterPhasesScreen.__name__, None)
    assert "expected 1 or more (given: 0)" in " ".join(text.split())
    session, name, _ = drive(*zero, "u", "escape", "y")
    assert session.sent is not None
    assert session.sent.plan_changes == {}


def test_a_value_of_another_type_stays_in_its_field() -> None:
    _, _, text = drive("c", "enter", "down", "down", "enter", *["backspace"] * 5, *"many", "enter")
    assert "preference_pairs.count: expected a whole number" in text


def test_other_decisions_do_not_offer_later_phases() -> None:
    session = Session(make_frame().snapshot)

    async def run() -> str:
        app = CockpitApp(session, None, make_frame())
        async with app.run_test(size=(80, 24)) as pilot:
            await settle(pilot)
            await press(pilot, "s", "c")
            return type(app.screen).__name__

    assert asyncio.run(run()) == DecideScreen.__name__


def test_later_phases_are_those_that_have_not_started() -> None:
    frame = make_frame()
    gate = frame.snapshot.gate
    assert gate is not None
    names = [phase.id for phase in list_later_phases(frame.snapshot, gate)]
    assert names == ["preference_pairs", "dpo_training", "dpo_evaluation", "comparison"]


def test_a_change_makes_a_phase_run_that_was_left_out() -> None:
    phases = make_frame().snapshot.phases[5:]
    table = LaterPhasesTable(phases, {}, ["preference_pairs"], "sft_evaluation")
    table.change("preference_pairs", "count", 5)
    assert (table.changes, table.left_out) == ({"preference_pairs": {"count": 5}}, set())
    table.change("preference_pairs", "count", 10000)
    assert table.changes == {}
