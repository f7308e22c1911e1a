"""Every key and decision, against a session that remembers what it was asked."""

from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from msgspec.structs import replace
from textual._xterm_parser import XTermParser
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widgets import Input
from textual.widgets._toast import Toast

from app.tui.app import CockpitApp
from app.tui.farewell import describe_session
from app.tui.feed import SessionFeed
from app.tui.keys import COMMANDS, TABLE_TITLES, KeyCommand, select_commands
from app.tui.screens.artifacts import ArtifactsScreen, PeekScreen
from app.tui.screens.ask import AskScreen
from app.tui.screens.chart import ChartScreen
from app.tui.screens.decide import DecideScreen, EditableParameters
from app.tui.screens.dialogs import ConfirmDialog, QuitDialog
from app.tui.screens.gate import GateScreen
from app.tui.screens.later_phases import EditableLaterPhases, LaterPhasesScreen
from app.tui.screens.log import LogScreen
from app.tui.screens.machine import MachineScreen
from app.tui.screens.preflight import PreflightScreen
from app.tui.screens.prompts import PromptsScreen
from app.tui.screens.samples import SamplesScreen
from app.tui.screens.session import SessionScreen
from app.tui.screens.text import DecisionsScreen, HelpScreen, OutcomeScreen, PlanScreen, TextScreen
from tests.tui import fake
from tests.tui.settling import settle, wait_for_commands
from widgets.figure import ChartSettings, Figure
from widgets.frame import Frame, LogLines
from widgets.gate import GateEvidence
from widgets.key_bar import KeyBar
from widgets.log_pane import LogPane
from widgets.parameters import ParameterTable
from widgets.preflight import PreflightResult
from widgets.rows import RowWidget
from widgets.samples import SamplePager

SFT_GATE = ("decide", "sft_evaluation", 1)
TRAINING_GATE = ("decide", "sft_training", 1)


class Driven:
    """An app under test, its session and the keys that are pressed."""

    def __init__(self, frame: Frame, read_only: bool = False) -> None:
        self.session = fake.FakeSession(frame.snapshot)
        self.app = CockpitApp(self.session, None, frame, read_only=read_only)
        self.looked_at: list[str | None] = []
        self.app.look_at = self.looked_at.append  # type: ignore[method-assign]
        self.pilot: Pilot[None]

    async def press(self, *keys: str) -> None:
        for key in keys:
            await self.pilot.press(key)
            await self.settle()
        await self.app.workers.wait_for_complete()
        await self.settle()

    async def settle(self) -> None:
        await settle(self.pilot)

    async def press_together(self, keys: str) -> None:
        """Press keys that all come before the first is looked at, as a slow line brings them."""
        for event in XTermParser(False).feed(keys):
            self.app.post_message(event)
        await self.press()

    async def write(self, text: str) -> None:
        await self.press(*("space" if c == " " else c for c in text))

    def screen_is(self, kind: type) -> bool:
        return isinstance(self.app.screen, kind)


@pytest.fixture
def drive() -> Callable[..., Any]:
    def drive(frame: Frame, *, read_only: bool = False, size: tuple[int, int] = (80, 24)) -> Any:
        driven = Driven(frame, read_only)

        class Context:
            async def __aenter__(self) -> Driven:
                self.context = driven.app.run_test(size=size)
                driven.pilot = await self.context.__aenter__()
                await driven.settle()
                return driven

            async def __aexit__(self, *error: Any) -> None:
                await self.context.__aexit__(*error)

        return Context()

    return drive


def read_messages(driven: Driven) -> list[str]:
    return [notification.message for notification in driven.app._notifications]


def rows_of(screen: Screen[Any]) -> str:
    return "\n".join(row.plain for rows in screen.query(RowWidget) for row in rows.render_rows(*rows.size))


def test_table_of_keys_is_sound() -> None:
    for screen in {c.table for c in COMMANDS}:
        keys = [key for c in select_commands(screen) for key in c.keys.split(",")]
        assert len(keys) == len(set(keys)), screen
    assert all("ctrl+b" not in c.keys for c in COMMANDS)
    assert len({c.id for c in COMMANDS}) == len(COMMANDS)
    assert {c.table for c in COMMANDS} == {*TABLE_TITLES, "confirm"}
    assert not [c.id for c in COMMANDS if len(c.help) > 52], "help is cut at 80 columns"


TABLES = {
    "session": SessionScreen,
    "gate": GateScreen,
    "ask": AskScreen,
    "prompts": PromptsScreen,
    "chart": ChartScreen,
    "machine": MachineScreen,
    "decide": DecideScreen,
    "parameters": EditableParameters,
    "later": EditableLaterPhases,
    "later_dialog": LaterPhasesScreen,
    "log": LogScreen,
    "samples": SamplesScreen,
    "artifacts": ArtifactsScreen,
    "preflight": PreflightScreen,
    "text": TextScreen,
    "quit": QuitDialog,
    "confirm": ConfirmDialog,
    "app": CockpitApp,
}


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.id)
def test_every_command_is_one_of_its_screen(command: KeyCommand) -> None:
    assert hasattr(TABLES[command.table], f"action_{command.action}")


@pytest.mark.parametrize(
    ("key", "screen"),
    [
        ("a", ArtifactsScreen),
        ("i", PreflightScreen),
        ("u", MachineScreen),
        ("z", ChartScreen),
        ("l", LogScreen),
        ("s", SamplesScreen),
        ("p", PlanScreen),
        ("c", DecisionsScreen),
        ("question_mark", HelpScreen),
        ("h", HelpScreen),
    ],
)
@pytest.mark.parametrize("back", ["q", "escape", "backspace"])
async def test_screens_open_and_close(drive: Any, key: str, screen: type, back: str) -> None:
    async with drive(replace(fake.running(), artifacts=fake.DELIVERIES)) as driven:
        await driven.press(key)
        assert driven.screen_is(screen)
        await driven.press(back)
        assert driven.screen_is(SessionScreen)


async def test_keys_of_the_session_screen(drive: Any) -> None:
    async with drive(fake.running()) as driven:
        figure = driven.app.screen.query_one(Figure)
        await driven.press("m", "m", "M", "y")
        assert (figure.settings.metric, figure.settings.log) == (1, True)
        await driven.press("down", "up", "f")
        assert driven.looked_at == ["sft_evaluation", "sft_data", None]
        await driven.press("g", "e")
        assert driven.screen_is(SessionScreen)
        await driven.press("o")
        assert driven.session.asked == [("hold", True)]


def shown_in(driven: Driven) -> str:
    return "\n".join(strip.text for strip in driven.app.screen._compositor.render_strips())


@pytest.mark.parametrize("way", [[], ["z"]], ids=["beside the phases", "on its own screen"])
async def test_keys_of_the_chart(drive: Any, way: list[str]) -> None:
    async with drive(fake.retried()) as driven:
        await driven.press(*way)
        assert driven.screen_is(ChartScreen if way else SessionScreen)
        assert "· attempt 1" in shown_in(driven)
        await driven.press("right")
        assert "step 1,184" in shown_in(driven), "the cursor comes to the last step"
        await driven.press("left", "left_square_bracket", "right_square_bracket", "right", "right")
        assert "step 1,184" in shown_in(driven), "and goes no further"
        await driven.press("plus", "plus", "plus", "minus")
        assert "zoom 4" in shown_in(driven)
        await driven.press("w", "w", "y")
        assert "EMA 0.9" in shown_in(driven)
        await driven.press("w", "w", "y", "0")
        assert driven.app.screen.query_one(Figure).settings == ChartSettings()
        await driven.press("minus", "M", "m")
        assert driven.app.screen.query_one(Figure).settings == ChartSettings()


async def test_the_key_of_the_next_metric_is_offered_if_there_is_another(drive: Any) -> None:
    frame = fake.running()
    assert frame.output is not None
    one = {name: series for name, series in frame.output.series.items() if name.endswith("loss")}
    for shown, is_offered in ((frame.output.series, True), (one, False)):
        output = replace(frame.output, series=shown)
        async with drive(replace(frame, output=output), size=(120, 24)) as driven:
            for keys in ([], ["z"]):
                await driven.press(*keys)
                assert ("m metric" in shown_in(driven)) is is_offered


async def test_the_machine_says_who_holds_the_gpu(drive: Any, tmp_path: Path) -> None:
    async with drive(fake.running(folder=str(tmp_path))) as driven:
        await driven.press("u")
        shown = shown_in(driven)
        assert "! jupyter-lab 99 (not the phase)" in shown
        assert "python 4711 (the phase)" in shown
        assert "driver 0.6" in shown
        assert "PEAK, GiB" in shown
        await driven.press("c", "w", "q")
        assert "used by  ! jupyter-lab 99 (not the phase)" in driven.app.clipboard
        assert (tmp_path / "exports" / "machine.txt").read_text() == driven.app.clipboard
        assert driven.screen_is(SessionScreen)
        assert "! GPU in use by jupyter-lab 99" in shown_in(driven)
    async with drive(fake.no_gpu()) as driven:
        await driven.press("u")
        assert "used by" not in shown_in(driven)


async def test_artifacts_are_chosen_looked_into_copied_and_listed(drive: Any, tmp_path: Path) -> None:
    rows = tmp_path / "artifacts" / "sft_data" / "manifest.json"
    rows.parent.mkdir(parents=True)
    rows.write_text('{"rows": 10112}\n')
    artifacts = str(tmp_path / "artifacts")
    frame = fake.gate_passes(folder=str(tmp_path), plan_folder=str(tmp_path), artifacts=artifacts)
    async with drive(frame) as driven:
        driven.app.feed = SessionFeed(driven.session)
        await driven.press("a", "down", "down", "up", "c")
        assert driven.app.clipboard == "artifacts/sft_data/manifest.json"
        await driven.press("enter")
        assert driven.screen_is(PeekScreen)
        assert '1  {"rows": 10112}' in shown_in(driven)
        await driven.press("q", "pagedown", "enter")
        assert driven.screen_is(ArtifactsScreen), "the last file is not there"
        assert "No such file" in [*driven.app._notifications][-1].message
        await driven.press("pageup", "w", "q")
        assert driven.screen_is(GateScreen)
    lines = (tmp_path / "exports" / "artifacts.tsv").read_text().splitlines()
    assert lines[2] == f"artifacts/sft_data/manifest.json\t2112\t\t{'1b' * 32}"
    async with drive(fake.running()) as driven:
        await driven.press("a")
        assert driven.screen_is(SessionScreen), "nothing was written yet"


async def test_preflight_fills_and_looks_again(drive: Any, tmp_path: Path) -> None:
    runs, go_on = [], Event()

    def checks() -> Iterator[PreflightResult]:
        runs.append(1)
        yield fake.CHECKS[0]
        go_on.wait()
        yield from fake.CHECKS[1:]

    async def until(text: str) -> None:
        while text not in shown_in(driven):
            await driven.pilot.pause(0.01)

    async with drive(fake.running(folder=str(tmp_path))) as driven:
        driven.app.checks = checks
        await driven.press("i")
        await until("9 phases")
        assert "checking ..." in shown_in(driven)
        await driven.press("r")
        assert len(runs) == 1, "it is looking already"
        go_on.set()
        await until("1 failed, 1 warning, 2 ok")
        await driven.press("r")
        await until("1 failed, 1 warning, 2 ok")
        assert len(runs) == 2
        await driven.press("c", "w", "q")
        assert "→ Free or rent more" in driven.app.clipboard
        assert driven.screen_is(SessionScreen)
    assert "HF_TOKEN is not set" in (tmp_path / "exports" / "preflight.txt").read_text()


async def test_the_chart_leads_to_an_open_gate(drive: Any) -> None:
    async with drive(fake.running()) as driven:
        await driven.press("z", "g")
        assert driven.screen_is(ChartScreen), "no gate is open"
        driven.app.show(fake.gate_fails())
        await driven.press("g")
        assert driven.screen_is(GateScreen)
        await driven.press("q")
        assert driven.screen_is(SessionScreen)


async def test_a_gate_that_opens_behind_another_screen_is_announced(drive: Any) -> None:
    async with drive(fake.running()) as driven:
        await driven.press("l")
        driven.app.show(fake.gate_passes())
        await driven.press()
        assert driven.screen_is(LogScreen)
        [said] = driven.app._notifications
        assert "waits for a decision after SFT evaluation" in said.message


async def test_a_gate_is_about_its_own_phase(drive: Any) -> None:
    frame = fake.gate_passes()
    other = fake.attempt_output("sft_training", artifacts=fake.ARTIFACTS, notices=fake.NOTICES)
    async with drive(Frame(frame.snapshot, frame.now, other)) as driven:
        assert driven.screen_is(GateScreen)
        assert driven.looked_at == [None]
        await driven.press("pagedown", "pagedown")
        assert "ARTIFACTS" not in shown_in(driven)
        assert "NOTICES" not in shown_in(driven)
        driven.app.show(frame)
        await driven.press("pagedown", "pagedown")
        assert "7 answers were cut" in shown_in(driven)


async def test_a_phase_without_curves_or_samples_leaves_its_room_to_the_log(drive: Any) -> None:
    frame = fake.running()
    assert frame.output is not None
    async with drive(frame) as driven:
        log = driven.app.screen.query_one(LogPane)
        before = log.size.height
        driven.app.show(
            Frame(frame.snapshot, frame.now, fake.attempt_output("sft_training", log=frame.output.log))
        )
        await driven.press()
        assert log.size.height > before + 5
        assert not driven.app.screen.query_one(Figure).display


async def test_the_title_says_what_there_is_to_know(drive: Any) -> None:
    async with drive(fake.running()) as driven:
        assert driven.app.title == "gonogo Stage 1: running 4/9"
        driven.app.show(fake.stalled())
        assert driven.app.title == "gonogo Stage 1: stalled 4/9"
        driven.app.show(fake.gate_passes())
        driven.app.show(fake.gate_passes())
        assert driven.app.title == "gonogo Stage 1: gate 5/9"
        await driven.press()
        assert driven.screen_is(GateScreen)


async def test_a_hold_is_taken_back(drive: Any) -> None:
    async with drive(fake.running(hold=True)) as driven:
        await driven.press("o")
        assert driven.session.asked == [("hold", False)]


@pytest.mark.parametrize("way", [[], ["q"]], ids=["on the result", "on the session"])
async def test_keeping_the_pod_asks_first(drive: Any, way: list[str]) -> None:
    async with drive(fake.pod_waits()) as driven:
        assert "pod stops" in shown_in(driven)
        await driven.press(*way)
        assert "K keep pod" in shown_in(driven)
        await driven.press("K")
        assert driven.screen_is(ConfirmDialog)
        await driven.press("n")
        assert driven.session.asked == []
        await driven.press("K", "y")
        assert driven.session.asked == [("keep_pod",)]


@pytest.mark.parametrize(
    ("frame", "read_only"),
    [(fake.finished(), False), (fake.running(), False), (fake.pod_waits(), True)],
    ids=["nothing stops it", "not over", "read-only"],
)
async def test_a_pod_that_cannot_be_kept_has_no_key_for_it(drive: Any, frame: Frame, read_only: bool) -> None:
    async with drive(frame, read_only=read_only) as driven:
        for way in ([], ["question_mark"]) if frame.snapshot.state == "running" else ([], ["q"]):
            await driven.press(*way, "K")
            assert not driven.screen_is(ConfirmDialog)


async def test_help_begins_with_the_screen_that_it_was_opened_from(drive: Any) -> None:
    async with drive(fake.gate_passes()) as driven:
        await driven.press("question_mark")
        titles = [line for line in rows_of(driven.app.screen).splitlines() if line in TABLE_TITLES.values()]
        assert titles[0] == TABLE_TITLES["gate"]


async def test_a_message_takes_the_place_of_the_one_before() -> None:
    frame = fake.running()
    app = CockpitApp(fake.FakeSession(frame.snapshot), None, frame)
    async with app.run_test(notifications=True) as pilot:
        for number in range(3):
            app.show_message(f"message {number}")
            await pilot.pause()
        assert [str(toast.render()) for toast in app.screen.query(Toast)] == ["message 2"]


async def test_stopping_a_phase_asks_first(drive: Any) -> None:
    async with drive(fake.running()) as driven:
        await driven.press("k")
        assert driven.screen_is(ConfirmDialog)
        await driven.press("enter")
        assert driven.screen_is(ConfirmDialog)
        await driven.press("n")
        assert driven.session.asked == []
        await driven.press("k", "y")
        assert driven.session.asked == [("stop_phase",)]


@pytest.mark.parametrize("key", ["d", "enter"])
async def test_quit_detaches_by_default(drive: Any, key: str) -> None:
    async with drive(fake.running()) as driven:
        await driven.press("q")
        assert driven.screen_is(QuitDialog)
        await driven.press(key)
        assert not driven.app.is_running
    assert driven.session.asked == []


@pytest.mark.parametrize("opens", ["q", "ctrl+c", "ctrl+q"])
@pytest.mark.parametrize("key", ["c", "escape", "n"])
async def test_quit_can_be_cancelled(drive: Any, opens: str, key: str) -> None:
    async with drive(fake.running()) as driven:
        await driven.press(opens, key)
        assert driven.screen_is(SessionScreen)
        assert driven.app.is_running


async def test_stopping_the_session_asks_twice(drive: Any) -> None:
    async with drive(fake.running()) as driven:
        await driven.press("q", "x")
        assert driven.screen_is(ConfirmDialog)
        assert driven.session.asked == []
        await driven.press("y")
        assert driven.session.asked == [("stop_session",)]


async def test_detach(drive: Any) -> None:
    async with drive(fake.running()) as driven:
        await driven.press("d")
        assert not driven.app.is_running


async def test_an_open_gate_comes_by_itself_and_can_be_left(drive: Any) -> None:
    async with drive(fake.gate_passes()) as driven:
        assert driven.screen_is(GateScreen)
        await driven.press("q")
        assert driven.screen_is(SessionScreen)
        driven.app.show(fake.gate_passes())
        await driven.press()
        assert driven.screen_is(SessionScreen)
        await driven.press("g")
        assert driven.screen_is(GateScreen)


@pytest.mark.parametrize("key", ["enter", "space", "y", "d", "1"])
async def test_no_other_key_decides(drive: Any, key: str) -> None:
    async with drive(fake.gate_passes()) as driven:
        await driven.press(key, key)
        assert driven.screen_is(GateScreen)
        assert driven.session.asked == []


@pytest.mark.parametrize(("key", "kind"), [("g", "go"), ("r", "retry"), ("x", "stop")])
async def test_a_decision_is_sent_after_a_last_look(drive: Any, key: str, kind: str) -> None:
    async with drive(fake.gate_passes()) as driven:
        await driven.press(key)
        assert driven.screen_is(DecideScreen)
        if kind != "retry":
            await driven.press("enter", "enter")
        assert driven.session.asked == []
        await driven.press("y")
        assert driven.session.asked == [(*SFT_GATE, kind, "", {})]


async def test_a_decision_can_be_taken_back_before_it_is_sent(drive: Any) -> None:
    async with drive(fake.gate_passes()) as driven:
        for back in ("n", "escape"):
            await driven.press("g", back)
            assert driven.screen_is(GateScreen)
        assert driven.session.asked == []


async def test_a_reason_may_be_given(drive: Any) -> None:
    async with drive(fake.gate_passes()) as driven:
        await driven.press("g", "e")
        await driven.write("looks fine by me, yes")
        await driven.press("enter", "y")
        assert driven.session.asked == [(*SFT_GATE, "go", "looks fine by me, yes", {})]


@pytest.mark.parametrize(
    ("frame", "key", "said"),
    [
        (fake.running(), "g", "open the gate: evidence and decision"),
        (fake.starting(), "a", "list the files that phases wrote"),
        (fake.gate_passes(), "b", "run the phase for another batch"),
        (fake.gate_passes(), "5", "run the phase again with remedy 5"),
    ],
)
async def test_a_key_without_effect_says_so(drive: Any, frame: Frame, key: str, said: str) -> None:
    async with drive(frame) as driven:
        await driven.press(key)
        assert read_messages(driven) == [f"Not available now: {said}"]


@pytest.mark.parametrize("opens", ["g", "r"])
async def test_a_reason_that_comes_with_its_key_decides_nothing(drive: Any, opens: str) -> None:
    async with drive(fake.gate_passes()) as driven:
        await driven.press(opens)
        await driven.press_together("ewhy not?")
        assert driven.screen_is(DecideScreen)
        assert driven.session.asked == []
        assert driven.app.screen.query_one("#reason", Input).value == "why not?"


@pytest.mark.parametrize(
    ("keys", "value"),
    [
        ("1e-55\x7f4", "1e-54"),  # backspace
        ("old\x15new", "new"),  # Ctrl+U
        ("12\x01-", "-12"),  # Ctrl+A
        ("one two\x17\x7f", "one"),  # Ctrl+W
    ],
)
async def test_keys_that_come_together_edit_a_text_in_their_order(drive: Any, keys: str, value: str) -> None:
    async with drive(fake.gate_passes()) as driven:
        await driven.press("g", "e")
        await driven.press_together(keys)
        assert driven.app.screen.query_one("#reason", Input).value == value


async def test_a_key_that_comes_with_enter_is_not_part_of_the_value(drive: Any) -> None:
    async with drive(fake.gate_fails()) as driven:
        await driven.press("r", "enter")
        await driven.press_together("\x15base\ry")
        table = driven.app.screen.query_one(ParameterTable)
        assert list(table.changes.values()) == ["base"]


async def test_a_search_may_come_with_its_key(drive: Any) -> None:
    async with drive(fake.running()) as driven:
        await driven.press("l")
        await driven.press_together("/nan\r")
        assert driven.app.screen.query_one(LogPane).search == "nan"


@pytest.mark.parametrize(("key", "kind"), [("g", "go"), ("s", "skip")])
async def test_an_override_needs_a_reason(drive: Any, key: str, kind: str) -> None:
    async with drive(fake.gate_fails()) as driven:
        await driven.press(key, "enter", "y")
        assert driven.screen_is(DecideScreen)
        assert driven.session.asked == []
        await driven.write("known")
        await driven.press("enter", "y")
        assert driven.session.asked == [(*TRAINING_GATE, kind, "known", {})]


async def test_another_batch(drive: Any) -> None:
    async with drive(fake.gate_passes()) as driven:
        await driven.press("b")
        assert driven.screen_is(GateScreen), "this gate has no batches"
    async with drive(fake.gate_fails()) as driven:
        await driven.press("b", "y")
        assert driven.session.asked == [(*TRAINING_GATE, "batch", "", {})]


async def test_a_phase_without_parameters_is_run_again_as_it_was(drive: Any) -> None:
    gate = replace(fake.GATE_PASS, parameters={})
    async with drive(fake.gate_passes(gate=gate)) as driven:
        await driven.press("r", "j", "enter", "u")
        assert not driven.app.screen.query(ParameterTable)
        assert "changes below" not in rows_of(driven.app.screen)
        await driven.press("y")
        assert driven.session.asked == [(*SFT_GATE, "retry", "", {})]


async def test_a_retry_changes_parameters(drive: Any) -> None:
    async with drive(fake.gate_fails()) as driven:
        await driven.press("r", "down", "down", "down", "enter")
        field = driven.app.screen.query_one("#value", Input)
        assert (driven.app.focused, field.value) == (field, "3")
        await driven.press("backspace")
        await driven.write("many")
        await driven.press("enter")
        assert driven.app.focused is field, "epochs is a whole number"
        await driven.press(*["backspace"] * 4, "5", "enter")
        await driven.press("3", "e")
        await driven.write("smaller")
        await driven.press("enter", "y")
        changes = {"epochs": 5, "batch_size": 2}
        assert driven.session.asked == [(*TRAINING_GATE, "retry", "smaller", changes)]


async def test_a_remedy_is_a_key_away_and_still_looked_at(drive: Any) -> None:
    well = fake.gate_passes()
    assert well.snapshot.gate is not None
    gate = replace(well.snapshot.gate, remedies=fake.GATE_FAIL.remedies)
    async with drive(fake.gate_passes(gate=gate)) as driven:
        await driven.press("1")
        assert driven.screen_is(GateScreen), "nothing is to be remedied"
    async with drive(fake.gate_fails()) as driven:
        await driven.press("5")
        assert driven.screen_is(GateScreen), "there are four"
        await driven.press("2")
        assert driven.screen_is(DecideScreen)
        assert driven.session.asked == []
        await driven.press("y")
        assert driven.session.asked == [(*TRAINING_GATE, "retry", "", {"learning_rate": 5e-5})]


@pytest.mark.parametrize("character", "²³①፩½Ⅷ೨٣")
async def test_a_character_that_only_looks_like_a_digit_applies_no_other_remedy(
    drive: Any, character: str
) -> None:
    async with drive(fake.gate_fails()) as driven:
        await driven.press("r")
        await driven.write(character)
        table = driven.app.screen.query_one(ParameterTable)
        assert table.remedy == (int(character) if character.isdecimal() else 0)
        await change_by_hand(driven, character)
        assert driven.screen_is(DecideScreen)


async def test_a_change_is_undone(drive: Any) -> None:
    async with drive(fake.gate_fails()) as driven:
        await driven.press("r", "1")
        table = driven.app.screen.query_one(ParameterTable)
        assert table.changes == {"learning_rate": 1e-4}
        await driven.press("u")
        assert table.changes == {}


async def change_by_hand(driven: Driven, value: str) -> None:
    await driven.press("enter", *["backspace"] * 6)
    await driven.write(value)
    await driven.press("enter")


@pytest.mark.parametrize(("opens", "then"), [("r", ["2", "1"]), ("2", ["1"])], ids=["retry", "remedy"])
async def test_a_remedy_takes_the_place_of_the_one_before(drive: Any, opens: str, then: list[str]) -> None:
    async with drive(fake.gate_fails(), size=(80, 40)) as driven:
        await driven.press(opens, *then)
        table = driven.app.screen.query_one(ParameterTable)
        assert table.changes == {"learning_rate": 1e-4}
        assert "0.0002 → 0.0001  remedy 1" in shown_in(driven)
        await driven.press("3")
        shown = [row for row in rows_of(driven.app.screen).splitlines() if row.startswith("▸")]
        assert shown == [f"▸ {'batch_size':<24} 4 → 2  remedy 3"]
        await driven.press("9", "0", "y")
        assert driven.session.asked == [(*TRAINING_GATE, "retry", "", {"batch_size": 2})]


async def test_manual_changes_stay_unless_a_remedy_changes_the_same_parameter(drive: Any) -> None:
    async with drive(fake.gate_fails()) as driven:
        await driven.press("r", "1")
        table = driven.app.screen.query_one(ParameterTable)
        await change_by_hand(driven, "3e-5")
        assert "remedy 1" not in shown_in(driven), "by hand now"
        await driven.press("3")
        assert table.changes == {"learning_rate": 3e-5, "batch_size": 2}
        await driven.press("2")
        assert table.changes == {"learning_rate": 5e-5}
        await driven.press("3")
        assert table.changes == {"batch_size": 2}


async def test_a_remedy_may_name_what_had_its_default(drive: Any) -> None:
    gate = replace(fake.GATE_FAIL, remedies={"nan": ({"warmup": 5}, {"epochs": 1})})
    async with drive(fake.gate_fails(gate=gate)) as driven:
        await driven.press("1")
        assert "default → 5  remedy 1" in shown_in(driven)
        await change_by_hand(driven, "7")
        table = driven.app.screen.query_one(ParameterTable)
        assert table.changes == {"warmup": 7}
        await driven.press("u", "2", "y")
        assert driven.session.asked == [(*TRAINING_GATE, "retry", "", {"epochs": 1})]


async def test_a_gate_decided_by_somebody_else_closes(drive: Any) -> None:
    async with drive(fake.gate_passes()) as driven:
        await driven.press("g")
        assert driven.screen_is(DecideScreen)
        driven.app.show(fake.running())
        await driven.press()
        assert driven.screen_is(SessionScreen)
        assert driven.session.asked == []


@pytest.mark.parametrize("dialog", [["g"], ["ctrl+c"]], ids=["decision", "quit"])
async def test_the_screen_behind_a_dialog_is_updated(drive: Any, dialog: list[str]) -> None:
    frame = fake.gate_passes()
    async with drive(frame) as driven:
        await driven.press(*dialog)
        driven.app.show(Frame(frame.snapshot, frame.now + 3600, frame.output))
        await driven.press()
        assert "05:01:10" in shown_in(driven), "the clock"
        assert "waiting 1h04m" in shown_in(driven)
        driven.app.show(fake.running())
        await driven.press("n")
        assert driven.screen_is(SessionScreen), "decided by somebody else meanwhile"


@pytest.mark.parametrize("opens", [["g"], ["1"], ["b"], ["s", *"written", "enter"]], ids=lambda keys: keys[0])
async def test_a_decision_of_another_viewer_is_not_sent_again(drive: Any, opens: list[str]) -> None:
    async with drive(fake.gate_fails()) as driven:
        await driven.press(*opens)
        assert driven.screen_is(DecideScreen)
        driven.app.show(fake.running())
        await driven.press("y")
        assert driven.session.asked == []
        assert read_messages(driven) == ["Someone else decided the gate first; nothing was sent."]


def another_runs() -> Frame:
    frame = fake.running()
    ended = fake.with_phase(frame.snapshot, "sft_training", state="done")
    return replace(frame, snapshot=fake.with_phase(ended, "sft_evaluation", state="running"))


def being_stopped() -> Frame:
    frame = fake.running()
    return replace(frame, snapshot=fake.with_phase(frame.snapshot, "sft_training", state="stopping"))


@pytest.mark.parametrize(
    ("frame", "keys", "then"),
    [
        (fake.running, ["k"], another_runs),
        (fake.running, ["k"], being_stopped),
        (fake.running, ["k"], fake.retried),
        (fake.running, ["q", "x"], fake.gate_passes),
        (fake.running, ["q", "x"], fake.finished),
        (fake.pod_waits, ["K"], fake.finished),
    ],
    ids=["next phase", "stopped by another", "next attempt", "gate", "over", "kept by another"],
)
async def test_a_question_that_someone_else_decides_closes(
    drive: Any, frame: Callable[[], Frame], keys: list[str], then: Callable[[], Frame]
) -> None:
    async with drive(frame()) as driven:
        await driven.press(*keys)
        assert driven.screen_is(ConfirmDialog)
        driven.app.show(frame())
        await driven.press()
        assert driven.screen_is(ConfirmDialog), "nothing has changed"
        driven.app.show(then())
        await driven.press()
        assert "Someone else decided first; nothing was sent." in read_messages(driven)
        await driven.press("y")
        assert driven.session.asked == []


@pytest.mark.parametrize(
    ("frame", "leave", "confirm"),
    [
        (fake.running, "SFT training gets time to save", "gets time to save its progress, then ends."),
        (fake.gate_passes, "No phase is running; the gate after", "closes without a decision."),
    ],
    ids=["running", "gate"],
)
async def test_stopping_is_worded_by_what_it_stops(
    drive: Any, frame: Callable[[], Frame], leave: str, confirm: str
) -> None:
    async with drive(frame(), size=(120, 40)) as driven:
        await driven.press("ctrl+c")
        assert leave in " ".join(rows_of(driven.app.screen).split())
        await driven.press("x")
        assert confirm in " ".join(rows_of(driven.app.screen).split())


async def test_a_session_that_is_over_is_not_stopped(drive: Any) -> None:
    async with drive(fake.finished()) as driven:
        await driven.press("ctrl+c")
        shown = rows_of(driven.app.screen)
        assert "The session is over" in shown
        assert "keeps running" not in shown
        assert "stop the session" not in shown
        await driven.press("x")
        assert driven.screen_is(QuitDialog)


async def test_a_refusal_is_shown(drive: Any) -> None:
    async with drive(fake.gate_passes()) as driven:
        driven.session.refusal = "the gate was decided already"
        await driven.press("g", "y")
        assert driven.session.asked == []
        messages = [n.message for n in driven.app._notifications]
        assert messages == ["Not done: the gate was decided already"]


async def test_read_only_decides_and_stops_nothing(drive: Any) -> None:
    async with drive(fake.gate_passes(), read_only=True) as driven:
        await driven.press("g", "r", "s", "x", "b")
        assert driven.screen_is(GateScreen)
        await driven.press("q", "k", "o", "q")
        assert driven.screen_is(QuitDialog)
        assert "stop the session" not in shown_in(driven)
        await driven.press("x", "y")
    assert driven.session.asked == []


READ_ONLY_SCREENS = [
    ("session", fake.running, []),
    ("session", fake.pod_waits, ["q"]),
    ("session", fake.gate_fails, ["q"]),
    ("gate", fake.gate_fails, []),
    ("gate", fake.gate_passes, []),
    ("chart", fake.running, ["z"]),
    ("machine", fake.running, ["u"]),
    ("log", fake.running, ["l"]),
    ("samples", fake.gate_passes, ["v"]),
    ("artifacts", fake.gate_passes, ["a"]),
    ("text", fake.running, ["p"]),
    ("text", fake.pod_waits, []),
    ("quit", fake.running, ["q"]),
]


@pytest.mark.parametrize(
    ("table", "frame", "opens"), READ_ONLY_SCREENS, ids=lambda p: p if isinstance(p, str) else ""
)
async def test_a_read_only_view_says_so_at_each_key_that_acts(
    drive: Any, tmp_path: Path, table: str, frame: Callable[[], Frame], opens: list[str]
) -> None:
    shown = frame()
    shown = replace(shown, snapshot=replace(shown.snapshot, folder=str(tmp_path)))
    async with drive(shown, read_only=True) as driven:
        await driven.press(*opens)
        here = driven.app.screen
        assert getattr(here, "table", "") == table
        acting = [
            key
            for command in select_commands(table)
            if command.needs_write_access
            for key in command.keys.split(",")
        ]
        for key in acting:
            driven.app.clear_notifications()
            await driven.press(key)
            assert read_messages(driven) == ["This screen is read-only: nothing was changed."], key
            assert driven.app.screen is here, key
        (bar,) = here.query_one(KeyBar).render_rows(200, 1)
        for command in select_commands(table):
            assert (
                not (command.needs_write_access and command.footer)
                or f" {command.footer} " not in f"{bar.plain} "
            )
    assert driven.session.asked == []
    assert not list(tmp_path.iterdir())


async def test_a_terminal_of_ascii_gets_nothing_else(drive: Any, ascii_terminal: None) -> None:
    frame = fake.retried()
    assert frame.output is not None
    log = LogLines(0, ("tr\u00e8s \u6f22\u5b57 \U0001f600", "x" * 200))
    async with drive(Frame(frame.snapshot, frame.now, replace(frame.output, log=log))) as driven:
        for keys in ([], ["l"], ["q", "z"], ["q", "u"], ["q", "ctrl+p"], ["escape", "q"]):
            await driven.press(*keys)
            assert shown_in(driven).isascii(), keys


async def test_no_color_is_no_color(monkeypatch: pytest.MonkeyPatch, drive: Any) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with drive(fake.gate_fails()) as driven:
        await driven.press()  # the gate is opened over the session, and has been painted
        strips = driven.app.screen._compositor.render_strips()
        styles = [segment.style for strip in strips for segment in strip if segment.style]
        assert styles
        assert all(c is None or c.is_default for s in styles for c in (s.color, s.bgcolor))


async def test_gate_scrolls_and_pages_samples(drive: Any) -> None:
    async with drive(fake.gate_passes()) as driven:
        pager = driven.app.screen.query_one(SamplePager)
        evidence = driven.app.screen.query_one(GateEvidence)
        await driven.press(
            "right", "right", "left", "greater_than_sign", "full_stop", "comma", "less_than_sign"
        )
        assert pager.index == 1
        await driven.press("down", "down", "up")
        assert evidence.top == 1
        await driven.press("up", "pagedown")
        below = len(evidence.render_text(evidence.frame, evidence.size.width)) - evidence.size.height + 1
        assert evidence.top == min(below, evidence.size.height - 2)
        await driven.press("pageup", "pageup", "pageup")
        assert evidence.top == 0
        await driven.press("v")
        assert driven.screen_is(SamplesScreen)


async def test_samples_screen(drive: Any) -> None:
    async with drive(fake.running()) as driven:
        await driven.press("s", "right", "n", "space")
        pager = driven.app.screen.query_one(SamplePager)
        assert pager.index == 2
        await driven.press("p", "f")
        assert [s.passed for s in pager.pages] == [False]


async def test_log_does_not_jump_while_it_is_read(drive: Any) -> None:
    frame = fake.running()
    assert frame.output is not None
    async with drive(frame) as driven:
        await driven.press("l", "up", "up")
        log = driven.app.screen.query_one(LogPane)
        read = list(log.list_visible_lines())
        assert not log.follows
        more = LogLines(0, (*frame.output.log.lines, *(f"line {i}" for i in range(500))))
        driven.app.show(Frame(frame.snapshot, frame.now, fake.attempt_output("sft_training", log=more)))
        await driven.press()
        assert list(log.list_visible_lines()) == read
        dropped = LogLines(5000, tuple(f"line {i}" for i in range(500)))
        driven.app.show(Frame(frame.snapshot, frame.now, fake.attempt_output("sft_training", log=dropped)))
        await driven.press()
        assert list(log.list_visible_lines()) == read, "what the tail has dropped stays for who reads it"
        await driven.press("f")
        assert log.list_visible_lines()[-1] == "line 499"
        await driven.press("home")
        assert log.list_visible_lines()[0] == "line 0"


async def test_log_search(drive: Any) -> None:
    async with drive(fake.running()) as driven:

        def found() -> str:
            log = driven.app.screen.query_one(LogPane)
            return str(log.list_visible_lines()[log.match - log.window_start])

        await driven.press("l", "slash")
        await driven.write("step 10")
        await driven.press("enter")
        assert found().startswith("step 1094")
        await driven.press("n")
        assert found().startswith("step 1084")
        await driven.press("N")
        assert found().startswith("step 1094")
        await driven.press("N")
        assert found().startswith("step 1094"), "there is no later one"
        await driven.press("i")
        lines = driven.app.screen.query_one(LogPane).list_visible_lines()
        assert lines
        assert all("step 10" in line for line in lines)
        await driven.press("slash", "escape")
        assert driven.screen_is(LogScreen)


async def test_log_is_written_to_a_file(drive: Any, tmp_path: Any) -> None:
    async with drive(fake.running(folder=str(tmp_path))) as driven:
        await driven.press("l", "w")
    lines = (tmp_path / "exports" / "log-sft_training-1.txt").read_text().splitlines()
    assert lines[-1] == "warning: 3 rows are longer than max_length and were left out"


async def test_copy_asks_the_terminal_outside_tmux(drive: Any) -> None:
    async with drive(fake.running()) as driven:
        await driven.press("s", "c")
        assert "Name three prime numbers" in driven.app.clipboard


async def test_the_end_shows_the_result(drive: Any) -> None:
    async with drive(fake.finished()) as driven:
        assert driven.screen_is(OutcomeScreen)
        await driven.press("q", "e")
        assert driven.screen_is(OutcomeScreen)


async def test_a_result_that_is_wider_than_the_screen_scrolls_to_the_side(drive: Any) -> None:
    frame = replace(fake.finished(), outcome=("0123456789" * 9 + "end", "short"))
    async with drive(frame) as driven:
        assert "end" not in shown_in(driven).split("artifacts")[0]
        await driven.press("right", "right")
        assert "789end" in shown_in(driven)
        await driven.press("c", "left", "left")
        assert "789end" in driven.app.clipboard
        assert " 0123456789" in shown_in(driven)


async def test_text_pages_scroll(drive: Any) -> None:
    async with drive(fake.running()) as driven:
        await driven.press("question_mark", "pagedown", "down", "up", "pageup", "space")
        await driven.press("c")
        assert "run the phase again with changed parameters" in driven.app.clipboard


async def test_views_come_through_the_reader_and_the_last_wins() -> None:
    first, last = fake.running(), fake.gate_passes()

    class Feed:
        def look_at(self, phase: str | None) -> None: ...

        def read_first_rows(self, snapshot: Any, path: str) -> tuple[str, ...]:
            raise AssertionError

        def make_frames(self, stopping: Event) -> Any:
            yield from [first] * 20
            yield last

    app = CockpitApp(fake.FakeSession(first.snapshot), Feed())
    async with app.run_test(size=(80, 24)) as pilot:
        await app.workers.wait_for_complete()
        await pilot.pause()
        assert app.frame is last
        assert isinstance(app.screen, GateScreen)


async def test_the_first_paint_has_the_view_that_is_there() -> None:
    painted = []

    class Watched(CockpitApp):
        def _display(self, screen: Screen[Any], renderable: Any) -> None:
            painted.append("\n".join(strip.text for strip in screen._compositor.render_strips()))
            super()._display(screen, renderable)

    frame = fake.running()
    app = Watched(fake.FakeSession(frame.snapshot), None, frame)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        assert "PHASES" in painted[0]
        assert app.screen_stack == [app.screen]


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        (fake.running(), ["keeps running: SFT training", "$6.44 of $25.00", "gonogo attach"]),
        (fake.gate_passes(), ["waits for a decision after SFT evaluation", "$1.74 an hour", "gonogo attach"]),
        (fake.finished(), ["is finished", "/srv/run/artifacts"]),
    ],
)
def test_farewell_says_how_the_session_continues(frame: Frame, words: list[str]) -> None:
    text = describe_session(frame.snapshot)
    assert all(word in text for word in words)


def test_farewell_of_a_session_never_seen() -> None:
    assert "could not reach" in describe_session(None)


async def test_untrusted_text_stays_text(drive: Any) -> None:
    evil = "\x1b]0;owned\x07[bold red]not markup[/] \x9b31m\u202eabc"
    frame = fake.running()
    base = fake.with_phase(frame.snapshot, "sft_training", title=evil, headline=evil)
    base = replace(base, name=evil, notices=(evil,))
    output = fake.attempt_output("sft_training", log=LogLines(0, (evil,)), samples=fake.samples(1))
    async with drive(Frame(base, frame.now, output)) as driven:
        await driven.press("l")
        shown = "\n".join(strip.text for strip in driven.app.screen._compositor.render_strips())
        assert "[bold red]not markup[/]" in shown
        assert not any((ord(c) < 32 and c != "\n") or 0x7F <= ord(c) < 0xA0 or c == "\u202e" for c in shown)


async def test_the_gate_of_a_training_that_should_not_continue_shows_its_curves(drive: Any) -> None:
    frame = fake.gate_fails()
    async with drive(frame) as driven:
        figure = driven.app.screen.query_one(Figure)
        assert figure.display
        await driven.press("c")
        assert not figure.display
        await driven.press("c")
        assert figure.display


async def test_the_gate_shows_curves_where_there_are_no_samples_or_when_asked(drive: Any) -> None:
    frame = fake.gate_fails()
    assert frame.snapshot.gate is not None
    gate = replace(frame.snapshot.gate, verdict="go")
    frame = replace(frame, snapshot=replace(frame.snapshot, gate=gate))
    assert frame.output is not None
    async with drive(frame) as driven:
        figure = driven.app.screen.query_one(Figure)
        assert not figure.display
        await driven.press("c", "m")
        assert (figure.display, figure.settings.metric) == (True, 1)
        await driven.press("c")
        assert not figure.display
        driven.app.show(
            Frame(frame.snapshot, frame.now, fake.attempt_output("sft_training", series=frame.output.series))
        )
        await driven.press()
        assert figure.display


async def test_the_palette_runs_what_a_key_does(drive: Any) -> None:
    async with drive(fake.running()) as driven:
        await driven.press("ctrl+p")
        await driven.write("past decisions")
        await wait_for_commands(driven.pilot, count=1)
        await driven.press("enter")
        await driven.press()
        assert driven.screen_is(DecisionsScreen)


@pytest.mark.parametrize(("word", "kind"), [("retry", "retry"), ("skip", "skip"), ("stop", "stop")])
async def test_the_palette_finds_a_decision_by_the_word_in_the_footer(
    drive: Any, word: str, kind: str
) -> None:
    async with drive(fake.gate_passes()) as driven:
        await driven.press("ctrl+p")
        await driven.write(f"{word}:")
        await wait_for_commands(driven.pilot, count=1)
        await driven.press("enter")
        await driven.press()
        assert driven.screen_is(DecideScreen)
        assert driven.app.screen.kind == kind


def test_every_word_of_a_footer_is_in_the_palette() -> None:
    assert not [command.id for command in COMMANDS if command.footer not in command.title]


async def test_a_chart_that_was_hidden_shows_what_is_new_at_once(drive: Any) -> None:
    frame = fake.running()
    bare = Frame(frame.snapshot, frame.now, fake.attempt_output("sft_training"))
    later = Frame(
        frame.snapshot, frame.now, fake.attempt_output("sft_training", series=fake.training_series(40))
    )
    async with drive(frame) as driven:
        for each in (bare, later):
            driven.app.show(each)
            await driven.pilot.pause()
        assert "loss 2.11" in shown_in(driven)


def footer(driven: Driven) -> str:
    return shown_in(driven).splitlines()[-1]


async def test_the_footer_of_the_log_shows_the_keys_of_the_search_while_it_is_written(drive: Any) -> None:
    async with drive(fake.running()) as driven:
        await driven.press("l", "slash", *"checkpoint-1")
        assert "Enter find" in footer(driven)
        assert "n before" not in footer(driven)
        assert '  1 line with "checkpoint-1"' in shown_in(driven)
        await driven.press("enter", "i")
        assert '  1 line with "checkpoint-1", only these ' in shown_in(driven)
        assert "n before" in footer(driven)


async def test_escape_leaves_the_field_and_keeps_the_changes(drive: Any) -> None:
    async with drive(fake.gate_fails()) as driven:
        await driven.press("r", "1", "down", "enter", *"99")
        assert "Esc leave the field" in shown_in(driven)
        await driven.press("escape")
        assert driven.screen_is(DecideScreen)
        await driven.press("e", *"why", "escape", "y")
        assert driven.session.asked == [(*TRAINING_GATE, "retry", "why", {"learning_rate": 1e-4})]


async def test_the_parameter_that_is_meant_is_marked_while_its_table_is_in_focus(drive: Any) -> None:
    async with drive(fake.gate_fails()) as driven:
        await driven.press("r")
        assert "▸ model " in shown_in(driven)
        await driven.press("enter")
        assert "▸ model " not in shown_in(driven)
        await driven.press("enter")
        assert "▸ model " in shown_in(driven)


async def test_the_samples_open_at_the_one_that_the_gate_shows(drive: Any) -> None:
    async with drive(fake.gate_passes()) as driven:
        await driven.press("right", "right", "v")
        assert driven.screen_is(SamplesScreen)
        assert "SAMPLES  3 of 12" in shown_in(driven)


async def test_curves_are_offered_where_they_take_turns_with_samples(drive: Any) -> None:
    async with drive(fake.gate_fails()) as driven:
        assert "c curves" in footer(driven)
    frame = fake.gate_fails()
    assert frame.output is not None
    alone = replace(frame, output=replace(frame.output, samples=()))
    async with drive(alone) as driven:
        assert "c curves" not in footer(driven)


async def test_from_the_chart_back_to_the_gate_that_it_was_opened_from(drive: Any) -> None:
    async with drive(fake.gate_fails()) as driven:
        await driven.press("z", "g")
        assert driven.screen_is(GateScreen)
        await driven.press("q")
        assert driven.screen_is(SessionScreen)


async def test_the_pages_of_text_have_help_as_well_and_the_help_has_none(drive: Any) -> None:
    async with drive(fake.running()) as driven:
        await driven.press("p", "question_mark")
        assert driven.screen_is(HelpScreen)
        assert "help" not in footer(driven)
        await driven.press("question_mark", "q")
        assert driven.screen_is(PlanScreen)


async def test_the_palette_offers_what_means_something_now(drive: Any) -> None:
    async with drive(fake.gate_passes(), read_only=True) as driven:
        offered = {each.title for each in driven.app.get_system_commands(driven.app.screen)}
    assert "show the next sample" in offered
    assert "go: start the next phase" not in offered
    assert "show the next metric in the chart" not in offered
