"""All keys of the cockpit in one table: bindings, footers, help and palette are made from it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from textual.binding import Binding

SHOWN: Final = {
    "question_mark": "?",
    "slash": "/",
    "left": "←",
    "right": "→",
    "less_than_sign": "<",
    "greater_than_sign": ">",
    "escape": "Esc",
    "pagedown": "PgDn",
    "pageup": "PgUp",
    "plus": "+",
    "minus": "-",
    "equals_sign": "=",
    "full_stop": ".",
    "comma": ",",
    "shift+left": "Shift ←",
    "shift+right": "Shift →",
    "left_square_bracket": "[",
    "enter": "Enter",
    "right_square_bracket": "]",
}


AT_ONCE: Final = ("decide", "parameters", "confirm", "quit")
"""Where a letter may be an answer, and the next one part of a text."""

ACTING: Final = frozenset({"decide", "remedy", "stop_phase", "stop", "hold", "keep", "preflight", "write"})
"""What is refused to who may only look: it changes the session, or writes into its folder."""


@dataclass(frozen=True)
class Command:
    """One thing that a key does on a screen.

    `footer` is the label in the last row, empty where it is not shown there; the first key is shown. What
    stands further down in the table is left out first when the row is too narrow.
    """

    screen: str
    keys: str
    action: str
    help: str
    footer: str = ""

    @property
    def id(self) -> str:
        """The name that a user's key map refers to."""
        return f"{self.screen}.{self.action.replace('(', '.').strip(')').replace(chr(39), '')}"

    @property
    def call(self) -> tuple[str, tuple[object, ...]]:
        """The action's name and its arguments."""
        name, _, rest = self.action.partition("(")
        return name, (rest.rstrip(")").strip("'"),) if rest else ()

    @property
    def acts(self) -> bool:
        """Whether it is refused to who may only look."""
        return self.call[0] in ACTING

    @property
    def in_texts(self) -> bool:
        """Whether it works while a text is being written."""
        return self.screen == "app" and "ctrl+" in self.keys

    @property
    def priority(self) -> bool:
        """Whether it is done before the next key is looked at, which a slow line may bring together with it.

        A letter is still the text's where one is being written.
        """
        return self.in_texts or self.screen in AT_ONCE or self.action == "search"

    @property
    def key(self) -> str:
        """The first key, as it is printed on the screen."""
        first = self.keys.split(",")[0]
        return SHOWN.get(first, first)

    @property
    def all_keys(self) -> str:
        """All keys, as they are printed on the help screen."""
        return " ".join(dict.fromkeys(SHOWN.get(key, key) for key in self.keys.split(",")))


def _chart(screen: str) -> tuple[Command, ...]:
    """Return what the keys do to a chart; only its own screen has room to say so."""

    def label(text: str) -> str:
        return text if screen == "chart" else ""

    return (
        Command(
            screen,
            "right",
            "cursor(1)",
            "chart: the values at the cursor; cursor to the right",
            label("cursor"),
        ),
        Command(screen, "left", "cursor(-1)", "chart: cursor to the left"),
        Command(screen, "right_square_bracket,shift+right", "cursor(8)", "chart: cursor far to the right"),
        Command(screen, "left_square_bracket,shift+left", "cursor(-8)", "chart: cursor far to the left"),
        Command(
            screen,
            "plus,equals_sign",
            "zoom(1)",
            "chart: zoom in, at the cursor or else at the end",
            label("zoom"),
        ),
        Command(screen, "minus", "zoom(-1)", "chart: zoom out"),
        Command(screen, "0", "whole", "chart: all steps, no cursor", label("whole")),
        Command(screen, "y", "log_scale", "chart: linear or logarithmic values", label("log")),
        Command(screen, "w", "smooth", "chart: smoothed by a moving average, more, or not", label("smooth")),
        Command(screen, "M", "metric(-1)", "chart: metric before"),
    )


BACK: Final = "q,escape,backspace"
REMEDIES: Final = 5
"""So many remedies have a key at the gate; in the retry that is opened, all have one."""

COMMANDS: Final = (
    # The session
    Command("session", "g", "gate", "open the gate: evidence and decision", "go/no-go"),
    Command("session", "e", "outcome", "what the session found", "result"),
    Command("session", "K", "keep", "after the end: do not stop the pod", "keep pod"),
    Command("session", "l", "log", "log of the phase: search, follow, save, copy", "log"),
    Command("session", "s", "samples", "sample outputs of the phase", "samples"),
    Command("session", "p", "plan", "plan and parameters of the phase", "plan"),
    Command("session", "k", "stop_phase", "stop the running phase at a checkpoint", "stop phase"),
    Command("session", "d", "detach", "leave the screen; the session goes on", "detach"),
    Command("session", "question_mark,h", "help", "all keys", "help"),
    Command("session", "q", "quit", "detach, stop the session, or stay", "quit"),
    Command("session", "m", "metric(1)", "next metric in the chart", "metric"),
    Command("session", "c", "decisions", "decisions that were taken, with reasons", "decisions"),
    Command("session", "o", "hold", "hold before the next phase, or go on", "hold"),
    Command("session", "z", "chart", "chart on a screen of its own", "zoom"),
    Command("session", "u", "machine", "GPUs and host: holders, memory over time, peaks", "GPU"),
    Command("session", "a", "artifacts", "what the phases wrote, with size and rows", "artifacts"),
    Command("session", "i", "preflight", "look again for what would fail later", "preflight"),
    *_chart("session"),
    Command("session", "down,j", "choose(1)", "look at the next phase"),
    Command("session", "up", "choose(-1)", "look at the phase before"),
    Command("session", "f,home", "follow", "look at the running phase again"),
    # The gate
    Command("gate", "g", "decide('go')", "go: the next phase starts", "go"),
    Command("gate", "r", "decide('retry')", "run the phase again, with changed parameters", "retry"),
    Command("gate", "b", "decide('batch')", "run the phase for another batch", "batch"),
    Command("gate", "s", "decide('skip')", "go on without this phase's result", "skip"),
    Command("gate", "x", "decide('stop')", "end the session here", "stop"),
    Command("gate", "1", "remedy(1)", "run the phase again with remedy 1", "remedy"),
    *(
        Command("gate", str(n), f"remedy({n})", f"run the phase again with remedy {n}")
        for n in range(2, REMEDIES + 1)
    ),
    Command("gate", "right,greater_than_sign,full_stop", "turn(1)", "next sample", "sample"),
    Command("gate", "left,less_than_sign,comma", "turn(-1)", "sample before"),
    Command("gate", "c", "curves", "chart instead of samples, or samples again", "curves"),
    Command("gate", "m", "metric(1)", "next metric in the chart"),
    Command("gate", "z", "chart", "chart on a screen of its own"),
    Command("gate", "u", "machine", "GPUs and host: memory over time, peaks"),
    Command("gate", "question_mark,h", "help", "all keys", "help"),
    Command("gate", BACK, "back", "to the session; the gate stays open", "back"),
    Command("gate", "l", "log", "log of the phase", "log"),
    Command("gate", "a", "artifacts", "what the phases wrote, and the first rows of it", "artifacts"),
    Command("gate", "v", "samples", "samples on a screen of their own", "view samples"),
    Command("gate", "down,j", "scroll_rows(1)", "scroll the evidence down"),
    Command("gate", "up,k", "scroll_rows(-1)", "scroll the evidence up"),
    Command("gate", "pagedown,space", "page(1)", "scroll the evidence down by a page"),
    Command("gate", "pageup", "page(-1)", "scroll the evidence up by a page"),
    # The chart
    Command("chart", "g", "gate", "open the gate: evidence and decision", "go/no-go"),
    Command("chart", "m", "metric(1)", "next metric", "metric"),
    Command("chart", BACK, "back", "back", "back"),
    Command("chart", "question_mark,h", "help", "all keys", "help"),
    *_chart("chart"),
    # GPUs and host
    Command("machine", "c,y", "copy", "copy the screen as text", "copy"),
    Command("machine", "w", "write", "write the screen to a file", "write"),
    Command("machine", BACK, "back", "back", "back"),
    Command("machine", "question_mark,h", "help", "all keys", "help"),
    # The log
    Command("log", "slash", "search", "search; Enter goes to the latest line found", "search"),
    Command("log", "n", "find(-1)", "line found before", "before"),
    Command("log", "N", "find(1)", "line found after", "after"),
    Command("log", "f,end,G", "follow", "follow the end", "follow"),
    Command("log", "i", "filter", "only lines that have the search, or all", "filter"),
    Command("log", "w", "write", "write the lines to a file", "write"),
    Command("log", "c,y", "copy", "copy the lines on the screen", "copy"),
    Command("log", BACK, "back", "back", "back"),
    Command("log", "question_mark,h", "help", "all keys", "help"),
    Command("log", "down,j", "scroll_rows(1)", "down"),
    Command("log", "up,k", "scroll_rows(-1)", "up"),
    Command("log", "pagedown,space", "page(1)", "down by a page"),
    Command("log", "pageup", "page(-1)", "up by a page"),
    Command("log", "home", "start", "to the first line at hand"),
    Command("log", "right", "scroll_columns(16)", "to the right"),
    Command("log", "left", "scroll_columns(-16)", "to the left"),
    # The samples
    Command("samples", "right,greater_than_sign,full_stop,n,space", "turn(1)", "next sample", "next"),
    Command("samples", "left,less_than_sign,comma,p", "turn(-1)", "sample before", "before"),
    Command("samples", "f", "failed", "only samples that failed, or all", "failed only"),
    Command("samples", "c,y", "copy", "copy the sample", "copy"),
    Command("samples", "w", "write", "write the sample to a file", "write"),
    Command("samples", BACK, "back", "back", "back"),
    Command("samples", "question_mark,h", "help", "all keys", "help"),
    Command("samples", "down,j", "scroll_rows(1)", "down"),
    Command("samples", "up,k", "scroll_rows(-1)", "up"),
    Command("samples", "pagedown", "page(1)", "down by a page"),
    Command("samples", "pageup", "page(-1)", "up by a page"),
    # The artifacts
    Command("artifacts", "down,j", "choose(1)", "next file"),
    Command("artifacts", "up,k", "choose(-1)", "file before"),
    Command("artifacts", "pagedown,space", "choose(10)", "ten files down"),
    Command("artifacts", "pageup", "choose(-10)", "ten files up"),
    Command(
        "artifacts",
        "enter,right",
        "peek",
        "the first rows of the file, or what the folder holds",
        "first rows",
    ),
    Command("artifacts", "c,y", "copy", "copy the path", "copy path"),
    Command("artifacts", "w", "write", "write the list to a file", "write"),
    Command("artifacts", BACK, "back", "back", "back"),
    Command("artifacts", "question_mark,h", "help", "all keys", "help"),
    # What would fail later
    Command("preflight", "r", "again", "look again; sends a notification", "look again"),
    Command("preflight", "c,y", "copy", "copy what was found", "copy"),
    Command("preflight", "w", "write", "write what was found to a file", "write"),
    Command("preflight", BACK, "back", "back", "back"),
    Command("preflight", "question_mark,h", "help", "all keys", "help"),
    Command("preflight", "down,j", "scroll_rows(1)", "down"),
    Command("preflight", "up,k", "scroll_rows(-1)", "up"),
    Command("preflight", "pagedown,space", "page(1)", "down by a page"),
    Command("preflight", "pageup", "page(-1)", "up by a page"),
    # Pages of text: plan, decisions, result, help
    Command("text", "K", "keep", "result: do not stop the pod", "keep pod"),
    Command("text", "down,j", "scroll_rows(1)", "down"),
    Command("text", "up,k", "scroll_rows(-1)", "up"),
    Command("text", "pagedown,space", "page(1)", "down by a page", "page down"),
    Command("text", "pageup", "page(-1)", "up by a page", "page up"),
    Command("text", "right", "scroll_columns(16)", "to the right, where a row is cut"),
    Command("text", "left", "scroll_columns(-16)", "to the left"),
    Command("text", "c", "copy", "copy the text", "copy"),
    Command("text", "w", "write", "write the text to a file", "write"),
    Command("text", BACK, "back", "back", "back"),
    Command("text", "question_mark,h", "help", "all keys", "help"),
    # Dialogs
    Command("decide", "y", "send", "send the decision", "send"),
    Command("decide", "n,escape", "back", "decide nothing", "no, back"),
    Command("decide", "e", "reason", "write the reason", "reason"),
    Command("parameters", "down,j", "choose(1)", "next parameter"),
    Command("parameters", "up,k", "choose(-1)", "parameter before"),
    Command("parameters", "enter", "edit", "change the parameter", "change"),
    Command("parameters", "u", "undo", "take the change back", "undo"),
    Command("quit", "d,enter", "detach", "leave the screen; the session goes on", "detach"),
    Command("quit", "x", "stop", "stop the session", "stop the session"),
    Command("quit", "c,escape,q,n", "cancel", "stay", "cancel"),
    Command("confirm", "y", "yes", "yes", "yes"),
    Command("confirm", "n,escape,q,c", "no", "no", "no"),
    # Everywhere
    Command("app", "t", "next_theme", "next colour theme"),
    Command("app", "ctrl+p", "command_palette", "all commands by name"),
    Command("app", "ctrl+l", "repaint", "draw the whole screen again"),
    Command("app", "ctrl+c,ctrl+q", "quit_dialog", "detach, stop the session, or stay"),
)

SCREENS: Final = {
    "session": "Session",
    "gate": "Gate",
    "chart": "Chart",
    "machine": "GPUs and host",
    "decide": "Decision",
    "parameters": "Parameters of a retry",
    "log": "Log",
    "samples": "Samples",
    "artifacts": "Artifacts",
    "preflight": "Preflight",
    "text": "Plan, decisions, result, help",
    "quit": "Quit",
    "app": "Everywhere",
}


def commands(screen: str, key_map: Mapping[str, str] = {}) -> tuple[Command, ...]:
    """Return the commands of a screen, in the order of the table, with the keys that a user's map gives."""
    return tuple(
        replace(command, keys=key_map[command.id]) if command.id in key_map else command
        for command in COMMANDS
        if command.screen == screen
    )


def bindings(screen: str) -> list[Binding]:
    """Return a screen's bindings as Textual wants them."""
    return list(_bindings(screen))


def _bindings(screen: str) -> Iterator[Binding]:
    for command in commands(screen):
        yield Binding(
            command.keys,
            command.action,
            command.footer or command.help,
            show=bool(command.footer),
            tooltip=command.help,
            id=command.id,
            priority=command.priority,
        )
