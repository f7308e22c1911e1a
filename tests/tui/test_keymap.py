"""The operator's own keys: read with located mistakes, and the same in bindings, footer, help and palette."""

from pathlib import Path

import pytest
from textual.widgets import Input

from app.session.requests import Refused
from app.tui.app import CockpitApp
from app.tui.keymap import KeyMapError, find_key_map, load_key_map, parse_key_map, render_key_map
from app.tui.keys import COMMANDS
from app.tui.run import run_cockpit
from app.tui.screens.log import LogScreen
from app.tui.screens.session import SessionScreen
from tests.tui import fake

FILE = Path("keys.toml")


def test_the_template_is_the_table_as_a_key_map() -> None:
    assert parse_key_map(render_key_map(), FILE) == {command.id: command.keys for command in COMMANDS}


def test_no_file_is_no_map_and_a_file_is_read(tmp_path: Path) -> None:
    environment = {"XDG_CONFIG_HOME": str(tmp_path)}
    assert load_key_map(environment) == {}
    assert load_key_map({"XDG_CONFIG_HOME": "/dev/null"}) == {}
    file = find_key_map(environment)
    file.parent.mkdir()
    file.write_text('[session]\nlog = "L, f2"\nmetric.-1 = "?"\nhelp = "H"\n')
    assert load_key_map(environment) == {
        "session.log": "L,f2",
        "session.metric.-1": "question_mark",
        "session.help": "H",
    }


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ('[sesion]\nlog = "L"', "line 2: sesion.log: no such command; did you mean session.log?"),
        ("session.log = 3", "line 1: session.log: expected keys separated by commas"),
        ('[session]\n\nlog = "fooo"', "line 3: session.log: unknown key 'fooo'"),
        ('[session]\nlog = "g"', "line 2: session.log: 'g' is already the key of session.gate"),
        ('[session]\nlog = "T"', "session.log: 'T' is already the key of app.change_theme"),
        ('[parameters]\nundo = "y"', "parameters.undo: 'y' is already the key of decide.send"),
        ('[decide]\nsend = "enter"', "decide.send: enter is pressed by habit"),
        ('[app]\nquit_dialog = "Q"', "app.quit_dialog: 'Q' is typed in texts"),
        ("[session", "not TOML"),
    ],
)
def test_mistakes_say_where_and_what_was_expected(source: str, said: str) -> None:
    with pytest.raises(KeyMapError) as error:
        parse_key_map(source, FILE)
    assert str(error.value).startswith("keys.toml")
    assert said in str(error.value)


def test_a_bad_file_is_reported_before_the_screen_opens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    file = find_key_map({"XDG_CONFIG_HOME": str(tmp_path)})
    file.parent.mkdir()
    file.write_text("[session]\nlog = 1\n")
    with pytest.raises(Refused, match=r"keys\.toml, line 2: session\.log"):
        run_cockpit(tmp_path, restart=None)


async def test_own_keys_work_and_are_shown_everywhere() -> None:
    frame = fake.running()
    key_map = parse_key_map('[session]\nlog = "L"\n[log]\nfollow = "F"', FILE)
    app = CockpitApp(fake.FakeSession(frame.snapshot), None, frame, key_map=key_map)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("l")
        assert isinstance(app.screen, SessionScreen), "the old key is free"
        footer = app.screen._compositor.render_strips()[-1].text
        assert "L log" in footer
        palette = {command.title: command.help for command in app.get_system_commands(app.screen)}
        assert palette["show the phase's log: search, follow, save, copy"] == "key L"
        await pilot.press("L")
        assert isinstance(app.screen, LogScreen)
        await pilot.press("slash", "F", "f")
        await pilot.pause()
        assert app.screen.query_one(Input).value == "Ff", "a key that is typed in a text stays text"
        await pilot.press("escape", "question_mark")
        await pilot.pause()
        shown = "\n".join(strip.text for strip in app.screen._compositor.render_strips())
        assert "F                       follow the end of the log" in shown
