"""Every theme: what is drawn in it can be read, also without any color, and the choice is remembered."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rich.style import Style
from textual.color import Color
from textual.command import CommandList
from textual.theme import BUILTIN_THEMES

from app.tui.app import CockpitApp
from app.tui.theme_setting import choose_start_theme, find_theme_setting
from app.tui.themes import (
    ANSI,
    COLOR_BLIND,
    DARK,
    LIGHT,
    NO_COLOR,
    TEXT_CONTRAST,
    complete_theme,
    compute_contrast,
    list_theme_names,
)
from tests.tui import fake
from tests.tui.settling import settle, wait_for_commands
from widgets import styles

GRAPHICS_CONTRAST = 3.0
BORDER_CONTRAST = 1.25
BORDERS = set("│─╭╮╰╯├┤┬┴┼└┘┌┐▁▔▊▎░")
STATE_STYLES = (styles.GOOD, styles.WARN, styles.BAD, styles.INFO, styles.QUIET)
OURS = [DARK.name, LIGHT.name, COLOR_BLIND.name]


def is_graphic(char: str) -> bool:
    return "\u2500" <= char <= "\u25ff" or "\u2800" <= char <= "\u28ff"


def list_drawn(app: CockpitApp) -> Iterator[tuple[str, Style]]:
    """Yield the characters on the screen with their styles; of a dialog, those in its box."""
    region = app.screen.query_one("#box").region if app.screen.is_modal else app.screen.region
    for strip in app.screen._compositor.render_strips()[region.y : region.bottom]:
        for text, style, _ in strip.crop(region.x, region.right):
            for char in set(text) - {" "}:
                yield char, style or Style()


def find_unreadable(app: CockpitApp) -> set[tuple[str, str, str]]:
    unreadable = set()
    for char, style in list_drawn(app):
        assert style.color is not None
        assert style.color.triplet is not None
        assert style.bgcolor is not None
        assert style.bgcolor.triplet is not None
        color, background = Color(*style.color.triplet), Color(*style.bgcolor.triplet)
        contrast = GRAPHICS_CONTRAST if is_graphic(char) else TEXT_CONTRAST
        is_guide = char == "·" and color == Color.parse(app.theme_variables["line"])
        if char in BORDERS or is_guide:
            contrast = BORDER_CONTRAST
        if compute_contrast(color, background) < contrast:
            unreadable.add((char, color.hex, background.hex))
    return unreadable


def list_colored_themes() -> list[str]:
    themes = map(complete_theme, list_theme_names())
    return [theme.name for theme in themes if theme is not None and not theme.ansi]


SCREENS = {
    "running": (fake.running, (160, 45), [], list_colored_themes()),
    "gate": (fake.gate_evaluated, (120, 40), [], list_colored_themes()),
    "failure": (fake.gate_fails, (80, 24), [], OURS),
    "retry": (fake.gate_fails, (80, 24), ["r", "1"], OURS),
    "chart": (fake.retried, (80, 24), ["z", "w", "plus"], OURS),
    "log": (fake.running, (80, 24), ["l", "slash", *"checkpoint", "enter"], OURS),
    "finished": (fake.finished, (120, 40), [], OURS),
}


@pytest.mark.parametrize("name", SCREENS)
async def test_everything_is_readable_in_every_theme(name: str) -> None:
    make_frame, size, keys, names = SCREENS[name]
    frame = make_frame()
    app = CockpitApp(fake.FakeSession(frame.snapshot), None, frame)
    unreadable = {}
    async with app.run_test(size=size) as pilot:
        await pilot.press(*keys)
        for theme in names:
            app.theme = theme
            await settle(pilot)
            await pilot.pause()
            if found := find_unreadable(app):
                unreadable[theme] = found
    assert unreadable == {}


@pytest.mark.parametrize("name", list_theme_names())
def test_the_colors_of_states_are_readable_and_distinct(name: str) -> None:
    theme = complete_theme(name)
    assert theme is not None
    states = {style: theme.variables[style.removeprefix("$")] for style in STATE_STYLES}
    if theme.ansi:
        assert all(color.startswith("ansi_") for color in states.values())
        return
    generated = theme.to_color_system().generate()
    for key in ("background", "surface"):
        for style, color in states.items():
            contrast = compute_contrast(Color.parse(color), Color.parse(generated[key]))
            assert contrast >= TEXT_CONTRAST, (style, key)
    assert len({states[styles.GOOD], states[styles.WARN], states[styles.BAD]}) == 3


def test_contrast_is_that_of_wcag() -> None:
    assert compute_contrast(Color.parse("#000"), Color.parse("#fff")) == pytest.approx(21)
    assert compute_contrast(Color.parse("#777"), Color.parse("#fff")) == pytest.approx(4.48, abs=0.005)
    assert compute_contrast(Color.parse("#ff0000"), Color.parse("#fff")) == pytest.approx(4.0, abs=0.005)


PALETTES = {  # xterm's own colors on its background, dark and light
    "ansi-dark": ("#000000", {"red": "#cd0000", "green": "#00cd00", "yellow": "#cdcd00", "cyan": "#00cdcd"}),
    "ansi-light": (
        "#ffffff",
        {"red": "#cd0000", "green": "#008000", "magenta": "#cd00cd", "blue": "#0000ee"},
    ),
}


@pytest.mark.parametrize("name", PALETTES)
def test_themes_of_16_colors_use_those_that_differ_from_the_background(name: str) -> None:
    theme, (background, palette) = complete_theme(name), PALETTES[name]
    assert theme is not None
    for style in STATE_STYLES:
        color = theme.variables[style.removeprefix("$")].removeprefix("ansi_")
        if color != "default":
            assert compute_contrast(Color.parse(palette[color]), Color.parse(background)) >= 3, style


@pytest.mark.parametrize("frame", [fake.running, fake.gate_evaluated, fake.gate_fails, fake.finished])
async def test_the_theme_without_colors_uses_none(frame: Any) -> None:
    app = CockpitApp(fake.FakeSession(frame().snapshot), None, frame(), theme=NO_COLOR.name)
    async with app.run_test(size=(160, 45)) as pilot:
        await settle(pilot)
        drawn = {style for _, style in list_drawn(app)}
    assert all(c is None or c.is_default for style in drawn for c in (style.color, style.bgcolor))


async def test_a_chosen_theme_is_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    frame = fake.running()
    app = CockpitApp(fake.FakeSession(frame.snapshot), None, frame)
    async with app.run_test() as pilot:
        await pilot.press("T", *"dracula")
        await wait_for_commands(pilot, count=1)
        await pilot.press("enter")
        await settle(pilot)
        assert app.theme == "dracula"
    assert choose_start_theme("truecolor") == ("dracula", "")


async def test_the_list_of_themes_marks_the_one_in_use_and_needs_no_emoji() -> None:
    frame = fake.running()
    app = CockpitApp(fake.FakeSession(frame.snapshot), None, frame, theme=LIGHT.name)
    async with app.run_test(size=(160, 45)) as pilot:
        await pilot.press("T")
        await wait_for_commands(pilot)
        await settle(pilot)
        assert app.screen.query_one(CommandList).region.width <= 100
        text = "\n".join(strip.text for strip in app.screen._compositor.render_strips())
    assert text.count("in use ·") == 1
    assert "in use · for light rooms" in text
    assert all(ord(char) < 0x10000 for char in text)


@pytest.mark.parametrize("theme", [ANSI.name, NO_COLOR.name, "ansi-dark", "ansi-light"])
async def test_the_selected_theme_of_the_list_stands_out_in_16_colors(theme: str) -> None:
    frame = fake.running()
    app = CockpitApp(fake.FakeSession(frame.snapshot), None, frame, theme=theme)
    async with app.run_test() as pilot:
        await pilot.press("T", "down")
        await wait_for_commands(pilot)
        await settle(pilot)
        rows = [
            {segment.style for segment in strip if segment.text.strip().startswith("gonogo-")}
            for strip in app.screen._compositor.render_strips()
        ]
        first, second, *_ = [styles for styles in rows[4:] if styles]
        assert first != second


async def test_a_read_only_screen_remembers_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    frame = fake.running()
    app = CockpitApp(fake.FakeSession(frame.snapshot), None, frame, read_only=True)
    async with app.run_test():
        app.choose_theme("nord")
        assert app.theme == "nord"
    assert not list(tmp_path.iterdir())


async def test_a_theme_that_cannot_be_remembered_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gonogo").write_text("a file in place of the folder")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    frame = fake.running()
    app = CockpitApp(fake.FakeSession(frame.snapshot), None, frame)
    async with app.run_test(notifications=True) as pilot:
        app.choose_theme("nord")
        await settle(pilot)
        assert app.theme == "nord"
        assert any("not remembered" in notification.message for notification in app._notifications)


@pytest.mark.parametrize(
    ("setting", "remembered", "color_system", "theme"),
    [
        ("", "", "truecolor", DARK.name),
        ("", "", "standard", ANSI.name),
        ("", "gruvbox\n", "truecolor", "gruvbox"),
        ("", "gruvbox", "standard", ANSI.name),
        ("", "ansi-light", "standard", "ansi-light"),
        ("", NO_COLOR.name, "standard", NO_COLOR.name),
        ("nord", "gruvbox", "truecolor", "nord"),
        ("light", "gruvbox", "standard", LIGHT.name),
        ("colour-blind", "", "truecolor", COLOR_BLIND.name),
        ("", "a theme of another version", "truecolor", DARK.name),
        ("", "\udcff" * 900, "truecolor", DARK.name),
    ],
)
def test_environment_then_memory_then_terminal_choose_the_theme(
    tmp_path: Path, setting: str, remembered: str, color_system: str, theme: str
) -> None:
    environment = {"XDG_CONFIG_HOME": str(tmp_path), "GONOGO_THEME": setting}
    find_theme_setting(environment).parent.mkdir()
    find_theme_setting(environment).write_bytes(remembered.encode(errors="surrogateescape"))
    assert choose_start_theme(color_system, environment) == (theme, "")


def test_an_unknown_theme_in_the_environment_is_reported(tmp_path: Path) -> None:
    environment = {"XDG_CONFIG_HOME": str(tmp_path), "GONOGO_THEME": "drakula"}
    theme, message = choose_start_theme("truecolor", environment)
    assert theme == DARK.name
    assert "GONOGO_THEME=drakula" in message
    assert "dracula" in message


def test_themes_of_textual_are_all_listed() -> None:
    assert set(BUILTIN_THEMES) < set(list_theme_names())
