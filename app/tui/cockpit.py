"""The part of the app that screens use: the latest frame, requests to the session, clipboard and files."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from pkgutil import resolve_name
from threading import Event
from typing import Any, Final

from textual import work
from textual.app import App
from textual.screen import Screen

from app.session.client import SessionClient
from app.session.requests import AnyRequest, Refused
from app.tui import terminal
from app.tui.feed import SessionFeed
from app.tui.keys import KeyCommand, select_commands
from widgets.frame import Frame
from widgets.preflight import PreflightResult
from widgets.text import replace_controls

READ_ONLY: Final = "This screen is read-only: nothing was changed."

# Importing these with the first screen would add 50 to 80 ms, 12 %, to the start, so they are imported when
# they are opened. Names also let a screen open another that imports it.
SCREENS: Final = {
    "ask": "app.tui.screens.ask:AskScreen",
    "artifacts": "app.tui.screens.artifacts:ArtifactsScreen",
    "chart": "app.tui.screens.chart:ChartScreen",
    "confirm": "app.tui.screens.dialogs:ConfirmDialog",
    "decisions": "app.tui.screens.text:DecisionsScreen",
    "gate": "app.tui.screens.gate:GateScreen",
    "help": "app.tui.screens.text:HelpScreen",
    "later_phases": "app.tui.screens.later_phases:LaterPhasesScreen",
    "log": "app.tui.screens.log:LogScreen",
    "machine": "app.tui.screens.machine:MachineScreen",
    "outcome": "app.tui.screens.text:OutcomeScreen",
    "peek": "app.tui.screens.artifacts:PeekScreen",
    "plan": "app.tui.screens.text:PlanScreen",
    "preflight": "app.tui.screens.preflight:PreflightScreen",
    "prompts": "app.tui.screens.prompts:PromptsScreen",
    "quit": "app.tui.screens.dialogs:QuitDialog",
    "samples": "app.tui.screens.samples:SamplesScreen",
}


class Cockpit(App[None]):
    """A Textual app over one session, without its screens.

    Attributes:
        session: the client that sends requests.
        feed: makes the frames; None in tests.
        frame: the latest frame.
        read_only: refuse everything that changes the session or writes a file.
        checks: run the preflight checks.
    """

    def __init__(
        self,
        session: SessionClient,
        feed: SessionFeed | None = None,
        frame: Frame | None = None,
        *,
        read_only: bool = False,
        key_map: Mapping[str, str] = {},
        checks: Callable[[], Iterator[PreflightResult]] = lambda: iter(()),
    ) -> None:
        super().__init__()
        self.session = session
        self.feed = feed
        self.frame = frame
        self.read_only = read_only
        self.checks = checks
        self._key_map = key_map
        self._stopping = Event()
        self.set_keymap(dict(key_map))

    def make_screen(self, name: str, *arguments: Any) -> Screen[Any]:
        """Return a new screen by its name in `SCREENS`."""
        screen: Screen[Any] = resolve_name(SCREENS[name])(*arguments)
        return screen

    def open_screen(self, name: str, *arguments: Any) -> None:
        """Push a new screen by its name in `SCREENS`."""
        self.push_screen(self.make_screen(name, *arguments))

    def look_at(self, phase: str | None) -> None:
        """Select a phase; None selects the running one."""
        if self.feed is not None:
            self.feed.look_at(phase)

    def send(self, request: AnyRequest, description: str) -> None:
        """Send a request to the session in a thread, and show whether it was accepted.

        Without a description, only a refusal is shown.
        """
        if self.read_only:
            self.show_message(READ_ONLY, is_error=True)
        else:
            self._send(request, description)

    @work(thread=True, group="send")
    def _send(self, request: AnyRequest, description: str) -> None:
        try:
            self.session.send(request)
        except (Refused, OSError) as error:
            self.call_from_thread(self.show_message, f"Not done: {error}", is_error=True)
        else:
            if description:
                self.call_from_thread(self.show_message, f"Done: {description}")

    def confirm(
        self,
        title: str,
        text: str,
        request: AnyRequest,
        description: str,
        *,
        is_current: Callable[[Frame], bool],
    ) -> None:
        """Ask yes or no, and send a request after a yes.

        Args:
            title: the question.
            text: what the request does.
            request: to send.
            description: shown when the request was accepted.
            is_current: whether the question still applies to a later frame; the dialog closes if not.
        """

        def send_if_confirmed(confirmed: bool | None) -> None:
            if confirmed:
                self.send(request, description)

        self.push_screen(self.make_screen("confirm", title, text, is_current), send_if_confirmed)

    def show_message(self, text: str, *, is_error: bool = False) -> None:
        """Show a short message in place of the previous one, so that messages do not cover the screen."""
        self.clear_notifications()
        self.notify(replace_controls(text), severity="error" if is_error else "information", markup=False)

    def copy(self, text: str, name: str) -> None:
        """Copy a text through tmux if it holds the clipboard, else ask the terminal (OSC 52)."""
        if terminal.is_in_tmux() and terminal.copy_to_tmux(text):
            self.show_message(f"Copied {name} to tmux's buffer, and to the clipboard if possible.")
            return
        self.copy_to_clipboard(text)
        alternative = "" if self.read_only else "; if the terminal does not allow it, w writes a file"
        self.show_message(f"Copied {name}{alternative}.")

    def write(self, name: str, text: str) -> None:
        """Write a text to the session's `exports` folder."""
        folder = Path(self.frame.snapshot.folder) / "exports" if self.frame else Path()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
        except OSError as error:
            self.show_message(f"Not written: {error}", is_error=True)
        else:
            self.show_message(f"Wrote {folder / name}")

    @work(thread=True, group="peek", exclusive=True)
    def peek(self, path: str) -> None:
        """Show the first rows of a file that a phase wrote, or the names in a folder."""
        if self.feed is None or self.frame is None:
            return
        try:
            lines = self.feed.read_first_rows(self.frame.snapshot, path)
        except OSError as error:
            self.call_from_thread(self.show_message, f"{path}: {error.strerror}", is_error=True)
        else:
            self.call_from_thread(self.open_screen, "peek", path, lines)

    def list_commands(self, table: str) -> tuple[KeyCommand, ...]:
        """Return the commands of a key table, with the operator's own keys."""
        return select_commands(table, self._key_map)

    def detach(self) -> None:
        """Close the cockpit; the session keeps running."""
        self._stopping.set()
        self.exit()
