"""What all screens share: the app that they may ask, and how a new view reaches their widgets."""

from collections.abc import Callable, Iterator, Sequence
from threading import Event
from typing import ClassVar, Protocol, TypeVar, cast

from textual.screen import ModalScreen, Screen

from app.session.requests import AnyRequest, KeepPod, current_user
from app.session.snapshot import OVER, SessionSnapshot
from app.tui.keys import Command
from app.units import format_usd
from widgets.frame import Frame
from widgets.key_bar import Key, KeyBar
from widgets.rows import FrameWidget, RowWidget

Answer = TypeVar("Answer")


class Session(Protocol):
    """What the screens need of a session: to see it and to act on it; every act may be refused."""

    def snapshot(self) -> SessionSnapshot:
        """Return the session as it stands."""

    def watch(self, stopping: Event) -> Iterator[SessionSnapshot]:
        """Yield it now, on each change and at least once a second, until asked to stop."""

    def request_snapshot(self) -> None:
        """Let who watches have the session at once."""

    def send(self, request: AnyRequest) -> object:
        """Send a request to the conductor."""


class Cockpit(Protocol):
    """The app, as the screens know it."""

    frame: Frame | None
    read_only: bool

    def look_at(self, phase: str | None) -> None:
        """Show the record of a phase; None follows the phase that runs."""

    def act(self, what: str, action: Callable[[Session], object]) -> None:
        """Act on the session without holding up the screen; a refusal is shown."""

    def say(self, text: str, *, trouble: bool = False) -> None:
        """Show a short message."""

    def copy(self, text: str, what: str) -> None:
        """Put a text into the clipboard, as far as the terminal lets it."""

    def write(self, name: str, text: str) -> None:
        """Write a text to a file that the operator finds again."""

    def preflight(self) -> None:
        """Look for what would fail later."""

    def peek(self, path: str) -> None:
        """Show the first rows of a file that a phase wrote, or what a folder holds."""

    def commands(self, table: str) -> tuple[Command, ...]:
        """Return a part of the table of keys, with the operator's own keys."""

    def detach(self) -> None:
        """Leave the screen; the session goes on."""


def _pod_waits(frame: Frame) -> bool:
    return frame.snapshot.state in OVER and frame.snapshot.stops_at is not None


class CockpitScreen(Screen[None]):
    """A screen that draws views; `table` names its part of the table of keys."""

    AUTO_FOCUS = ""  # nothing: keys go to the screen
    table: ClassVar[str]

    @property
    def cockpit(self) -> Cockpit:
        """The app."""
        return cast("Cockpit", self.app)

    @property
    def frame(self) -> Frame | None:
        """The latest view."""
        return self.cockpit.frame

    def key_bar(self) -> KeyBar:
        """Return the last row, made from the table of keys."""
        return KeyBar(self.keys)

    def keys(self) -> Sequence[Key]:
        """Return the keys that mean something now."""
        mark = [Key("READ-ONLY", "")] if self.cockpit.read_only else []
        return mark + [
            Key(c.key, c.footer, self.loud(c.action))
            for c in self.cockpit.commands(self.table)
            if c.footer and self.check_action(*c.call) and not (c.acts and self.cockpit.read_only)
        ]

    def loud(self, action: str) -> bool:
        """Return whether a key is what the operator is waited for."""
        return False

    def show(self, frame: Frame) -> None:
        """Draw a new view."""
        for widget in self.walk_children(RowWidget):
            if isinstance(widget, FrameWidget):
                widget.show(frame)
            elif isinstance(widget, KeyBar):
                widget.refresh_rows()

    def on_screen_resume(self) -> None:
        """Draw what has changed while another screen was on top."""
        if self.frame is not None:
            self.show(self.frame)

    def on_mount(self) -> None:
        """Draw the first view."""
        if self.frame is not None:
            self.show(self.frame)

    def may_keep(self) -> bool:
        """Say whether the session is over and its pod waits to be stopped."""
        return self.frame is not None and _pod_waits(self.frame)

    def action_keep(self) -> None:
        """Ask, then keep the pod."""
        from app.tui.screens.dialogs import Confirm

        if self.frame is None:
            return

        def answered(yes: bool | None) -> None:
            if yes:
                self.cockpit.act("the pod is kept", lambda session: session.send(KeepPod(by=current_user())))

        rate = format_usd(self.frame.snapshot.money.usd_per_hour)
        text = f"Nothing stops it then: it goes on and costs {rate} an hour until you stop it yourself."
        self.app.push_screen(Confirm("Keep the pod?", text, _pod_waits), answered)

    def action_back(self) -> None:
        """Leave this screen."""
        self.dismiss()

    def action_help(self) -> None:
        """Show all keys."""
        from app.tui.screens.text import HelpScreen

        self.app.push_screen(HelpScreen(self.table))

    def action_gate(self) -> None:
        """Open the gate."""
        from app.tui.screens.gate import GateScreen

        self.app.push_screen(GateScreen())

    def action_log(self) -> None:
        """Open the log."""
        from app.tui.screens.log import LogScreen

        self.app.push_screen(LogScreen())

    def action_machine(self) -> None:
        """Open the machine."""
        from app.tui.screens.machine import MachineScreen

        self.app.push_screen(MachineScreen())

    def action_artifacts(self) -> None:
        """Open what the phases wrote."""
        from app.tui.screens.artifacts import ArtifactsScreen

        self.app.push_screen(ArtifactsScreen())

    def action_samples(self) -> None:
        """Open the samples."""
        from app.tui.screens.samples import SamplesScreen

        self.app.push_screen(SamplesScreen())


class Dialog(ModalScreen[Answer]):
    """A question in a box above the screen."""

    AUTO_FOCUS = ""  # nothing: keys go to the screen

    @property
    def cockpit(self) -> Cockpit:
        """The app."""
        return cast("Cockpit", self.app)

    def show(self, frame: Frame) -> None:
        """Draw a new view."""
        for widget in self.walk_children(FrameWidget):
            widget.show(frame)

    def on_mount(self) -> None:
        """Draw the first view."""
        if self.cockpit.frame is not None:
            self.show(self.cockpit.frame)
