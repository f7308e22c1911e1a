"""The cockpit's color themes. Color is never the only sign of a state: a word and a symbol say the same."""

from typing import Final

from textual.theme import Theme

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

COLOUR_BLIND: Final = Theme(
    name="gonogo-colour-blind",
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

_ANSI_COLOURS: Final = {
    "good": "ansi_green",
    "warn": "ansi_yellow",
    "bad": "ansi_red",
    "info": "ansi_cyan",
    "quiet": "ansi_default",
    "bar": "ansi_default",
    "line": "ansi_blue",
}

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
        **_ANSI_COLOURS,
        "ansi-background": "ansi_black",
        "ansi-foreground": "ansi_white",
        "input-cursor-text-style": "reverse",
        "border-blurred": "ansi_blue",
    },
)

THEMES: Final = (DARK, LIGHT, COLOUR_BLIND, ANSI)
