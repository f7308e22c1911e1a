"""All keys of the cockpit in one table, from which bindings, footers, help and palette are made."""

from collections.abc import Mapping
from typing import Final

import msgspec
from msgspec.structs import replace
from textual.binding import Binding

KEY_LABELS: Final = {
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

ANSWERING_TABLES: Final = ("decide", "parameters", "later", "later_dialog", "confirm", "quit")
"""Tables in which a letter may be an answer, and the next one part of a text."""

WRITING_ACTIONS: Final = frozenset(
    {"decide", "remedy", "stop_phase", "stop", "hold", "keep", "preflight", "write", "ask"}
)
"""Actions that change the session or write into its folder. A read-only cockpit refuses them."""


def name_key(key: str) -> str:
    """Return the name of a key as it is printed on keyboards, such as `Ctrl+S`."""
    if key.startswith("ctrl+"):
        return f"Ctrl+{key.removeprefix('ctrl+').upper()}"
    return KEY_LABELS.get(key, key)


class KeyCommand(msgspec.Struct, frozen=True):
    """The effect of a key on a screen.

    Attributes:
        table: of the screen or dialog.
        keys: separated by commas; the first is shown.
        action: the name of the Textual action.
        help: one line that starts with a verb.
        footer: the label in the last row, empty to leave it out. If the row is too narrow, commands further
            down in the table are dropped.
        arguments: of the action.
    """

    table: str
    keys: str
    action: str
    help: str
    footer: str = ""
    arguments: tuple[int | str, ...] = ()

    @property
    def id(self) -> str:
        """The name in the operator's key map, such as `gate.decide.go`."""
        return ".".join((self.table, self.action, *map(str, self.arguments)))

    @property
    def action_call(self) -> str:
        """The action as Textual runs it, such as `decide('go')`."""
        return f"{self.action}({', '.join(map(repr, self.arguments))})" if self.arguments else self.action

    @property
    def needs_write_access(self) -> bool:
        """Whether a read-only cockpit refuses it."""
        return self.action in WRITING_ACTIONS

    @property
    def works_in_texts(self) -> bool:
        """Whether it works while the operator types a text."""
        return self.table == "app" and "ctrl+" in self.keys

    @property
    def has_priority(self) -> bool:
        """Whether it runs before the next key is processed, which a slow connection may deliver together.

        In a text, a letter is still typed.
        """
        return self.works_in_texts or self.table in ANSWERING_TABLES or self.action == "search"

    @property
    def key(self) -> str:
        """The name of the first key."""
        return name_key(self.keys.split(",")[0])

    @property
    def title(self) -> str:
        """The text that the palette searches: the footer's word, unless the help has it, and the help."""
        return self.help if self.footer in self.help else f"{self.footer}: {self.help}"

    @property
    def all_keys(self) -> str:
        """The names of all keys."""
        return " ".join(dict.fromkeys(map(name_key, self.keys.split(","))))


def _make_chart_commands(table: str) -> tuple[KeyCommand, ...]:
    """Return the keys of a chart. Only the chart's own screen has room for them in the footer."""

    def command(keys: str, action: str, help_text: str, footer: str = "", *arguments: int) -> KeyCommand:
        footer = footer if table == "chart" else ""
        return KeyCommand(table, keys, action, f"chart: {help_text}", footer, arguments)

    return (
        command("right", "cursor", "move the cursor right; show its values", "cursor", 1),
        command("left", "cursor", "move the cursor left", "", -1),
        command("right_square_bracket,shift+right", "cursor", "move the cursor far right", "", 8),
        command("left_square_bracket,shift+left", "cursor", "move the cursor far left", "", -8),
        command("plus,equals_sign", "zoom", "zoom in at the cursor or at the end", "zoom", 1),
        command("minus", "zoom", "zoom out", "", -1),
        command("0", "whole", "show all steps, no cursor", "whole"),
        command("y", "log_scale", "switch to a logarithmic axis and back", "log"),
        command("w", "smooth", "smooth more, or not at all", "smooth"),
        command("M", "metric", "show the previous metric", "", -1),
    )


BACK: Final = "q,escape,backspace"
REMEDY_KEYS: Final = 5
"""Remedies that have a key at the gate. In the retry dialog, all have one."""

COMMANDS: Final = (
    # Session
    KeyCommand("session", "g", "gate", "open the gate: evidence and decision", "go/no-go"),
    KeyCommand("session", "e", "outcome", "show the session's result", "result"),
    KeyCommand("session", "K", "keep", "keep the pod after the session's end", "keep pod"),
    KeyCommand("session", "l", "log", "show the phase's log: search, follow, save, copy", "log"),
    KeyCommand("session", "s", "samples", "show sample outputs of the phase", "samples"),
    KeyCommand("session", "p", "plan", "show plan and parameters of the phase", "plan"),
    KeyCommand("session", "k", "stop_phase", "stop the running phase at a checkpoint", "stop phase"),
    KeyCommand("session", "d", "detach", "close the screen; the session keeps running", "detach"),
    KeyCommand("session", "question_mark,h", "help", "show all keys", "help"),
    KeyCommand("session", "q", "quit", "detach, stop the session, or stay", "quit"),
    KeyCommand("session", "m", "metric", "show the next metric in the chart", "metric", (1,)),
    KeyCommand("session", "c", "decisions", "show past decisions with their reasons", "decisions"),
    KeyCommand("session", "o", "hold", "hold before the next phase, or cancel that", "hold"),
    KeyCommand("session", "z", "chart", "open the chart full screen", "zoom"),
    KeyCommand("session", "u", "machine", "show GPUs and host: processes, memory, peaks", "GPU"),
    KeyCommand("session", "a", "artifacts", "list the files that phases wrote", "artifacts"),
    KeyCommand("session", "i", "preflight", "run the preflight checks again", "preflight"),
    KeyCommand("session", "t", "ask", "ask the models at the open gate", "ask the models"),
    *_make_chart_commands("session"),
    KeyCommand("session", "down,j", "choose", "select the next phase", arguments=(1,)),
    KeyCommand("session", "up", "choose", "select the previous phase", arguments=(-1,)),
    KeyCommand("session", "f,home", "follow", "select the running phase"),
    # Gate
    KeyCommand("gate", "g", "decide", "go: start the next phase", "go", ("go",)),
    KeyCommand("gate", "r", "decide", "run the phase again with changed parameters", "retry", ("retry",)),
    KeyCommand("gate", "b", "decide", "run the phase for another batch", "batch", ("batch",)),
    KeyCommand(
        "gate",
        "s",
        "decide",
        "drop the result of this phase, and continue",
        "skip",
        ("skip",),
    ),
    KeyCommand("gate", "x", "decide", "end the session here", "stop", ("stop",)),
    KeyCommand("gate", "t", "ask", "ask the models that exist so far", "ask the models"),
    KeyCommand("gate", "1", "remedy", "run the phase again with remedy 1", "remedy", (1,)),
    *(
        KeyCommand("gate", str(n), "remedy", f"run the phase again with remedy {n}", arguments=(n,))
        for n in range(2, REMEDY_KEYS + 1)
    ),
    KeyCommand("gate", "right,greater_than_sign,full_stop", "turn", "show the next sample", "sample", (1,)),
    KeyCommand("gate", "left,less_than_sign,comma", "turn", "show the previous sample", arguments=(-1,)),
    KeyCommand(
        "gate", "f", "filter", "answers: all, got worse, got better, or unchanged", "filter", ("change",)
    ),
    KeyCommand("gate", "F", "filter", "answers: all, or those that fail or follow", arguments=("verdict",)),
    KeyCommand("gate", "y", "filter", "answers: of all categories, or of the next", arguments=("category",)),
    KeyCommand("gate", "c", "curves", "switch between samples and chart", "curves"),
    KeyCommand("gate", "m", "metric", "show the next metric in the chart", arguments=(1,)),
    KeyCommand("gate", "z", "chart", "open the chart full screen"),
    KeyCommand("gate", "u", "machine", "show GPUs and host: memory over time, peaks"),
    KeyCommand("gate", "question_mark,h", "help", "show all keys", "help"),
    KeyCommand("gate", BACK, "back", "go back to the session; the gate stays open", "back"),
    KeyCommand("gate", "l", "log", "show the phase's log", "log"),
    KeyCommand("gate", "a", "artifacts", "list the files that phases wrote", "artifacts"),
    KeyCommand("gate", "v", "samples", "open the samples full screen", "view samples"),
    KeyCommand("gate", "down,j", "scroll_rows", "scroll the evidence down", arguments=(1,)),
    KeyCommand("gate", "up,k", "scroll_rows", "scroll the evidence up", arguments=(-1,)),
    KeyCommand("gate", "pagedown,space", "page", "scroll the evidence down by a page", arguments=(1,)),
    KeyCommand("gate", "pageup", "page", "scroll the evidence up by a page", arguments=(-1,)),
    # Questions to the models
    KeyCommand("ask", "i,enter,slash", "write_question", "write a question; Enter asks it", "write"),
    KeyCommand("ask", "s,ctrl+s", "sample", "sample the answers, or decode greedily", "sample"),
    KeyCommand("ask", "m,ctrl+o", "models", "ask all models, or one of them", "model"),
    KeyCommand("ask", "p,ctrl+r", "prompts", "pick a prompt of the suite; its answers are checked", "suite"),
    KeyCommand("ask", "x", "cancel", "end the answers to the question", "cancel"),
    KeyCommand("ask", "c,y", "copy", "copy questions and answers", "copy"),
    KeyCommand("ask", "w", "write", "write questions and answers to a file", "write file"),
    KeyCommand("ask", BACK, "back", "go back; the models stay loaded", "back"),
    KeyCommand("ask", "question_mark,h", "help", "show all keys", "help"),
    KeyCommand("ask", "down,j", "scroll_rows", "scroll down", arguments=(1,)),
    KeyCommand("ask", "up,k", "scroll_rows", "scroll up", arguments=(-1,)),
    KeyCommand("ask", "pagedown,space", "page", "scroll down by a page", arguments=(1,)),
    KeyCommand("ask", "pageup", "page", "scroll up by a page", arguments=(-1,)),
    # Prompts of the suite
    KeyCommand("prompts", "down", "choose", "select the next prompt", arguments=(1,)),
    KeyCommand("prompts", "up", "choose", "select the previous prompt", arguments=(-1,)),
    KeyCommand("prompts", "pagedown", "choose", "move down by ten prompts", arguments=(10,)),
    KeyCommand("prompts", "pageup", "choose", "move up by ten prompts", arguments=(-10,)),
    KeyCommand("prompts", "escape", "back", "go back", "back"),
    # Chart
    KeyCommand("chart", "g", "gate", "open the gate: evidence and decision", "go/no-go"),
    KeyCommand("chart", "m", "metric", "show the next metric", "metric", (1,)),
    KeyCommand("chart", BACK, "back", "go back", "back"),
    KeyCommand("chart", "question_mark,h", "help", "show all keys", "help"),
    *_make_chart_commands("chart"),
    # GPUs and host
    KeyCommand("machine", "c,y", "copy", "copy the screen as text", "copy"),
    KeyCommand("machine", "w", "write", "write the screen to a file", "write"),
    KeyCommand("machine", BACK, "back", "go back", "back"),
    KeyCommand("machine", "question_mark,h", "help", "show all keys", "help"),
    # Log
    KeyCommand("log", "slash", "search", "search; Enter goes to the latest match", "search"),
    KeyCommand("log", "n", "find", "go to the previous match", "before", (-1,)),
    KeyCommand("log", "N", "find", "go to the next match", "after", (1,)),
    KeyCommand("log", "f,end,G", "follow", "follow the end of the log", "follow"),
    KeyCommand("log", "i", "filter", "show only matching lines, or all", "filter"),
    KeyCommand("log", "w", "write", "write the lines to a file", "write"),
    KeyCommand("log", "c,y", "copy", "copy the lines on the screen", "copy"),
    KeyCommand("log", BACK, "back", "go back", "back"),
    KeyCommand("log", "question_mark,h", "help", "show all keys", "help"),
    KeyCommand("log", "down,j", "scroll_rows", "scroll down", arguments=(1,)),
    KeyCommand("log", "up,k", "scroll_rows", "scroll up", arguments=(-1,)),
    KeyCommand("log", "pagedown,space", "page", "scroll down by a page", arguments=(1,)),
    KeyCommand("log", "pageup", "page", "scroll up by a page", arguments=(-1,)),
    KeyCommand("log", "home", "start", "go to the first line in memory"),
    KeyCommand("log", "right", "scroll_columns", "scroll right", arguments=(16,)),
    KeyCommand("log", "left", "scroll_columns", "scroll left", arguments=(-16,)),
    # Samples
    KeyCommand(
        "samples", "right,greater_than_sign,full_stop,n,space", "turn", "show the next sample", "next", (1,)
    ),
    KeyCommand("samples", "left,less_than_sign,comma,p", "turn", "show the previous sample", "before", (-1,)),
    KeyCommand("samples", "f", "failed", "show only failed samples, or all", "failed only"),
    KeyCommand("samples", "c,y", "copy", "copy the sample", "copy"),
    KeyCommand("samples", "w", "write", "write the sample to a file", "write"),
    KeyCommand("samples", BACK, "back", "go back", "back"),
    KeyCommand("samples", "question_mark,h", "help", "show all keys", "help"),
    KeyCommand("samples", "down,j", "scroll_rows", "scroll down", arguments=(1,)),
    KeyCommand("samples", "up,k", "scroll_rows", "scroll up", arguments=(-1,)),
    KeyCommand("samples", "pagedown", "page", "scroll down by a page", arguments=(1,)),
    KeyCommand("samples", "pageup", "page", "scroll up by a page", arguments=(-1,)),
    # Artifacts
    KeyCommand("artifacts", "down,j", "choose", "select the next file", arguments=(1,)),
    KeyCommand("artifacts", "up,k", "choose", "select the previous file", arguments=(-1,)),
    KeyCommand("artifacts", "pagedown,space", "choose", "move down by ten files", arguments=(10,)),
    KeyCommand("artifacts", "pageup", "choose", "move up by ten files", arguments=(-10,)),
    KeyCommand("artifacts", "enter,right", "peek", "show the first rows, or a folder's files", "first rows"),
    KeyCommand("artifacts", "c,y", "copy", "copy the path", "copy path"),
    KeyCommand("artifacts", "w", "write", "write the list to a file", "write"),
    KeyCommand("artifacts", BACK, "back", "go back", "back"),
    KeyCommand("artifacts", "question_mark,h", "help", "show all keys", "help"),
    # Preflight
    KeyCommand("preflight", "r", "again", "run the checks again; sends a notification", "run again"),
    KeyCommand("preflight", "c,y", "copy", "copy the results", "copy"),
    KeyCommand("preflight", "w", "write", "write the results to a file", "write"),
    KeyCommand("preflight", BACK, "back", "go back", "back"),
    KeyCommand("preflight", "question_mark,h", "help", "show all keys", "help"),
    KeyCommand("preflight", "down,j", "scroll_rows", "scroll down", arguments=(1,)),
    KeyCommand("preflight", "up,k", "scroll_rows", "scroll up", arguments=(-1,)),
    KeyCommand("preflight", "pagedown,space", "page", "scroll down by a page", arguments=(1,)),
    KeyCommand("preflight", "pageup", "page", "scroll up by a page", arguments=(-1,)),
    # Pages of text: plan, decisions, result, help
    KeyCommand("text", "K", "keep", "keep the pod (on the result)", "keep pod"),
    KeyCommand("text", "down,j", "scroll_rows", "scroll down", arguments=(1,)),
    KeyCommand("text", "up,k", "scroll_rows", "scroll up", arguments=(-1,)),
    KeyCommand("text", "pagedown,space", "page", "scroll down by a page", "page down", (1,)),
    KeyCommand("text", "pageup", "page", "scroll up by a page", "page up", (-1,)),
    KeyCommand("text", "right", "scroll_columns", "scroll right if a row is cut", arguments=(16,)),
    KeyCommand("text", "left", "scroll_columns", "scroll left", arguments=(-16,)),
    KeyCommand("text", "c", "copy", "copy the text", "copy"),
    KeyCommand("text", "w", "write", "write the text to a file", "write"),
    KeyCommand("text", BACK, "back", "go back", "back"),
    KeyCommand("text", "question_mark,h", "help", "show all keys", "help"),
    # Dialogs
    KeyCommand("decide", "y", "send", "send the decision", "send"),
    KeyCommand("decide", "n,escape", "back", "go back without a decision", "no, back"),
    KeyCommand("decide", "e", "reason", "write the reason", "reason"),
    KeyCommand("decide", "c", "later", "with go: change or leave out later phases", "change later phases"),
    KeyCommand("parameters", "down,j", "choose", "select the next parameter", arguments=(1,)),
    KeyCommand("parameters", "up,k", "choose", "select the previous parameter", arguments=(-1,)),
    KeyCommand("parameters", "enter", "edit", "change the parameter", "change"),
    KeyCommand("parameters", "u", "undo", "undo the change", "undo"),
    KeyCommand("later", "down,j", "choose", "select the next row", arguments=(1,)),
    KeyCommand("later", "up,k", "choose", "select the previous row", arguments=(-1,)),
    KeyCommand("later", "enter", "edit", "show parameters of the phase, or change one", "open, change"),
    KeyCommand("later", "o,space", "leave_out", "leave the phase out, or let it run", "leave out"),
    KeyCommand("later", "u", "undo", "undo the change, or all changes of the phase", "undo"),
    KeyCommand("later_dialog", "escape,n", "back", "return to the decision with the changes", "keep, back"),
    KeyCommand("quit", "d,enter", "detach", "close the screen; the session keeps running", "detach"),
    KeyCommand("quit", "x", "stop", "stop the session", "stop the session"),
    KeyCommand("quit", "c,escape,q,n", "cancel", "stay", "cancel"),
    KeyCommand("confirm", "y", "yes", "answer yes", "yes"),
    KeyCommand("confirm", "n,escape,q,c", "no", "answer no", "no"),
    # Everywhere
    KeyCommand("app", "T", "change_theme", "choose the color theme"),
    KeyCommand("app", "ctrl+p", "command_palette", "list all commands by name"),
    KeyCommand("app", "ctrl+l", "repaint", "repaint the screen"),
    KeyCommand("app", "ctrl+c,ctrl+q", "quit_dialog", "detach, stop the session, or stay"),
)

TABLE_TITLES: Final = {
    "session": "Session",
    "gate": "Gate",
    "ask": "Questions to the models",
    "prompts": "Prompts of the suite",
    "chart": "Chart",
    "machine": "GPUs and host",
    "decide": "Decision",
    "parameters": "Parameters of a retry",
    "later": "Later phases of a go",
    "later_dialog": "Later phases of a go: the dialog",
    "log": "Log",
    "samples": "Samples",
    "artifacts": "Artifacts",
    "preflight": "Preflight",
    "text": "Plan, decisions, result, help",
    "quit": "Quit",
    "app": "Everywhere",
}


def select_commands(table: str, key_map: Mapping[str, str] = {}) -> tuple[KeyCommand, ...]:
    """Return the commands of a table in its order, with the keys of the operator's map."""
    return tuple(
        replace(command, keys=key_map[command.id]) if command.id in key_map else command
        for command in COMMANDS
        if command.table == table
    )


def make_bindings(table: str) -> list[Binding]:
    """Return the commands of a table as Textual's bindings."""
    return [
        Binding(
            command.keys,
            command.action_call,
            command.footer or command.help,
            show=bool(command.footer),
            tooltip=command.help,
            id=command.id,
            priority=command.has_priority,
        )
        for command in select_commands(table)
    ]
