"""The cockpit's color themes. Color is never the only sign of a state: a word and a symbol say the same."""

from dataclasses import replace
from functools import cache
from typing import Final

from textual.color import BLACK, WHITE, Color
from textual.theme import BUILTIN_THEMES, Theme

TEXT_CONTRAST: Final = 4.5
"""The least contrast of text to its background in WCAG 2, level AA."""
LINE_CONTRAST: Final = 1.5
"""The least contrast of borders and of the field of a gauge, which carry no information of their own."""
_QUIET_SHARE: Final = 0.35
_LINE_SHARE: Final = 0.75
_CONTRAST_STEPS: Final = 20
_SRGB_LINEAR_END: Final = 0.04045

DARK: Final = Theme(
    name="gonogo-dark",
    primary="#56b4e9",
    secondary="#56b4e9",
    accent="#e6b450",
    warning="#e6b450",
    error="#f2777a",
    success="#5fc9a0",
    foreground="#d8dee4",
    background="#14181d",
    surface="#1b2027",
    panel="#232a33",
    variables={
        "good": "#5fc9a0",
        "warn": "#e6b450",
        "bad": "#f2777a",
        "info": "#6cbcf0",
        "quiet": "#8a949f",
        "bar": "#1b2027",
        "line": "#39424d",
    },
)

LIGHT: Final = Theme(
    name="gonogo-light",
    primary="#0b66a8",
    secondary="#0b66a8",
    accent="#8a5a00",
    warning="#8a5a00",
    error="#b3261e",
    success="#00704a",
    foreground="#1d2329",
    background="#fbfbf9",
    surface="#f0f0ec",
    panel="#e4e5e0",
    dark=False,
    variables={
        "good": "#00704a",
        "warn": "#8a5a00",
        "bad": "#b3261e",
        "info": "#0b5c99",
        "quiet": "#5c666f",
        "bar": "#ecece7",
        "line": "#b9bdb8",
    },
)

COLOR_BLIND: Final = Theme(
    name="gonogo-color-blind",
    primary="#56b4e9",
    secondary="#56b4e9",
    accent="#f0e442",
    warning="#f0e442",
    error="#ff9a4d",
    success="#56b4e9",
    foreground="#e6e6e6",
    background="#121417",
    surface="#1a1d21",
    panel="#22262b",
    variables={
        "good": "#56b4e9",
        "warn": "#f0e442",
        "bad": "#ff8c33",
        "info": "#d6d6d6",
        "quiet": "#9099a1",
        "bar": "#1a1d21",
        "line": "#3a4047",
    },
)

_ANSI_COLORS: Final = {
    "good": "ansi_green",
    "warn": "ansi_yellow",
    "bad": "ansi_red",
    "info": "ansi_cyan",
    "quiet": "ansi_default",
    "bar": "ansi_default",
    "line": "ansi_blue",
}
# Yellow and cyan can hardly be read on white.
_ANSI_COLORS_ON_WHITE: Final = {**_ANSI_COLORS, "warn": "ansi_magenta", "info": "ansi_blue"}

ANSI: Final = Theme(
    name="gonogo-ansi",
    ansi=True,
    primary="ansi_cyan",
    secondary="ansi_cyan",
    warning="ansi_yellow",
    error="ansi_red",
    success="ansi_green",
    accent="ansi_yellow",
    foreground="ansi_default",
    background="ansi_default",
    surface="ansi_default",
    panel="ansi_default",
    boost="ansi_default",
    variables={
        **_ANSI_COLORS,
        "ansi-background": "ansi_black",
        "ansi-foreground": "ansi_white",
        "input-cursor-text-style": "reverse",
        "border-blurred": "ansi_blue",
        "block-cursor-background": "ansi_default",
        "block-cursor-foreground": "ansi_default",
        "block-cursor-text-style": "bold reverse",
    },
)

NO_COLOR: Final = replace(
    ANSI,
    name="gonogo-no-color",
    primary="ansi_default",
    secondary="ansi_default",
    warning="ansi_default",
    error="ansi_default",
    success="ansi_default",
    accent="ansi_default",
    variables={
        **ANSI.variables,
        **dict.fromkeys((*_ANSI_COLORS, "border-blurred"), "ansi_default"),
    },
)

THEMES: Final = (DARK, LIGHT, COLOR_BLIND, ANSI, NO_COLOR)
DESCRIPTIONS: Final = {
    DARK.name: "the default",
    LIGHT.name: "for light rooms",
    COLOR_BLIND.name: "blue, yellow and orange instead of green and red",
    ANSI.name: "the 16 colors of the terminal",
    NO_COLOR.name: "bold and reverse text only",
}


def list_theme_names() -> list[str]:
    """Return the names of the cockpit's themes, then those of Textual's."""
    return [theme.name for theme in THEMES] + sorted(BUILTIN_THEMES)


@cache
def complete_theme(name: str) -> Theme | None:
    """Return a theme with the cockpit's colors; None if there is no such theme.

    The cockpit's colors in a theme of Textual's are the theme's own, made darker or lighter until they can be
    read on its backgrounds.
    """
    for theme in THEMES:
        if theme.name == name:
            return theme
    base = BUILTIN_THEMES.get(name)
    if base is None:
        return None
    if base.ansi:
        return replace(base, variables={**base.variables, **_choose_ansi_colors(base)})
    generated = base.to_color_system().generate()
    foreground, background, surface, panel = (
        Color.parse(generated[name]) for name in ("foreground", "background", "surface", "panel")
    )

    def make_readable(name: str) -> str:
        return ensure_contrast(Color.parse(generated[name]), [background, surface], TEXT_CONTRAST).hex6

    def make_text(color: Color, contrast: float) -> str:  # It is on input fields too.
        return ensure_contrast(color, [background, surface, panel], contrast).hex6

    variables = {
        "good": make_readable("success"),
        "warn": make_readable("warning"),
        "bad": make_readable("error"),
        "info": make_readable("primary"),
        "quiet": make_text(foreground.blend(background, _QUIET_SHARE), TEXT_CONTRAST),
        "bar": surface.hex6,
        "line": make_text(foreground.blend(background, _LINE_SHARE), LINE_CONTRAST),
    }
    return replace(
        base,
        foreground=make_text(foreground, TEXT_CONTRAST),
        variables={**base.variables, **variables},
    )


def _choose_ansi_colors(theme: Theme) -> dict[str, str]:
    return _ANSI_COLORS if theme.dark else _ANSI_COLORS_ON_WHITE


def ensure_contrast(color: Color, backgrounds: list[Color], contrast: float) -> Color:
    """Return the color, lighter or darker if its WCAG contrast to one of the backgrounds is too small."""
    is_dark = sum(background.brightness for background in backgrounds) < len(backgrounds) / 2
    end = WHITE if is_dark else BLACK
    for step in range(_CONTRAST_STEPS + 1):
        candidate = color.blend(end, step / _CONTRAST_STEPS)
        if all(compute_contrast(candidate, background) >= contrast for background in backgrounds):
            return candidate
    return end


def compute_contrast(first: Color, second: Color) -> float:
    """Return the contrast of two colors as WCAG 2 defines it, from 1 to 21."""
    low, high = sorted((_compute_luminance(first), _compute_luminance(second)))
    return (high + 0.05) / (low + 0.05)


def _compute_luminance(color: Color) -> float:
    linear = [
        value / 12.92 if value <= _SRGB_LINEAR_END else ((value + 0.055) / 1.055) ** 2.4
        for value in color.normalized
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
