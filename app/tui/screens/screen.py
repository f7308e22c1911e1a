"""The base classes of screens and dialogs: access to the app, new frames, and the actions that all share."""

from collections.abc import Sequence
from typing import ClassVar, TypeVar, cast

from textual._styles_cache import StylesCache
from textual.events import Key
from textual.screen import ModalScreen, Screen

from app.session.requests import KeepPod, get_current_user
from app.session.snapshot import OVER
from app.tui.cockpit import Cockpit
from app.units import format_usd
from widgets.frame import Frame
from widgets.key_bar import KeyBar, KeyHint
from widgets.rows import FrameWidget, RowWidget

DialogResult = TypeVar("DialogResult")


def is_pod_waiting(frame: Frame) -> bool:
    """Return whether the session is over and its pod will be stopped at a known time."""
    return frame.snapshot.state in OVER and frame.snapshot.stops_at is not None


def release_rendered_lines() -> None:
    """Release what closed screens have drawn; a cache of Textual would keep a thousand widgets' lines."""
    StylesCache.get_inner_outer.cache_clear()


class CockpitScreen(Screen[None]):
    """A screen that draws frames; `table` names its key table."""

    AUTO_FOCUS = ""  # Keys go to the screen.
    table: ClassVar[str]

    @property
    def cockpit(self) -> Cockpit:
        """The app."""
        return cast("Cockpit", self.app)

    @property
    def frame(self) -> Frame | None:
        """The latest frame."""
        return self.cockpit.frame

    def make_key_bar(self) -> KeyBar:
        """Return the last row, made from the key table."""
        return KeyBar(self.list_key_hints)

    def list_key_hints(self) -> Sequence[KeyHint]:
        """Return the keys that do something now."""
        hints = [KeyHint("READ-ONLY", "")] if self.cockpit.read_only else []
        for command in self.cockpit.list_commands(self.table):
            if not command.footer or (command.needs_write_access and self.cockpit.read_only):
                continue
            if command.action == "ask" and not self._has_models_to_ask():
                continue  # The key explains why not.
            if self.check_action(command.action, command.arguments):
                hints.append(KeyHint(command.key, command.footer, self.should_highlight(command.action)))
        return hints

    def _has_models_to_ask(self) -> bool:
        asking = self.frame.snapshot.asking if self.frame else None
        return asking is not None and not asking.unavailable

    def should_highlight(self, action: str) -> bool:
        """Return whether the session waits for this action."""
        return False

    def show(self, frame: Frame) -> None:
        """Draw a new frame."""
        for widget in self.walk_children(RowWidget):
            if isinstance(widget, FrameWidget):
                widget.show(frame)
            elif isinstance(widget, KeyBar):
                widget.refresh_rows()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer to ask the models while a gate is open."""
        if action == "ask":
            return self.frame is not None and self.frame.snapshot.asking is not None
        return super().check_action(action, parameters)

    def on_key(self, event: Key) -> None:
        """Answer a key that the help lists but that has nothing to act on now."""
        commands = [
            each for each in self.cockpit.list_commands(self.table) if event.key in each.keys.split(",")
        ]
        if commands and not any(self.check_action(each.action, each.arguments) for each in commands):
            self.cockpit.show_message(f"Not available now: {commands[0].help}")

    def on_screen_resume(self) -> None:
        """Draw what changed while another screen was on top."""
        if self.frame is not None:
            self.show(self.frame)

    def on_mount(self) -> None:
        """Draw the first frame."""
        if self.frame is not None:
            self.show(self.frame)

    def on_unmount(self) -> None:
        """Release the lines that were drawn."""
        release_rendered_lines()

    def action_keep(self) -> None:
        """Keep the pod, after a confirmation."""
        if self.frame is None:
            return
        rate = format_usd(self.frame.snapshot.money.usd_per_hour)
        self.cockpit.confirm(
            "Keep the pod?",
            f"Nothing will stop it: it keeps running and costs {rate} an hour until you stop it yourself.",
            KeepPod(by=get_current_user()),
            "the pod is kept",
            is_current=is_pod_waiting,
        )

    def action_back(self) -> None:
        """Close this screen."""
        self.dismiss()

    def action_help(self) -> None:
        """Show all keys."""
        self.cockpit.open_screen("help", self.table)

    def action_gate(self) -> None:
        """Open the gate."""
        self.cockpit.open_screen("gate")

    def action_ask(self) -> None:
        """Open the questions to the models."""
        self.cockpit.open_screen("ask")

    def action_log(self) -> None:
        """Open the log."""
        self.cockpit.open_screen("log")

    def action_machine(self) -> None:
        """Open GPUs and host."""
        self.cockpit.open_screen("machine")

    def action_artifacts(self) -> None:
        """Open the list of files."""
        self.cockpit.open_screen("artifacts")

    def action_samples(self) -> None:
        """Open the samples."""
        self.cockpit.open_screen("samples")


class Dialog(ModalScreen[DialogResult]):
    """A question in a box above a screen; `table` names its key table."""

    AUTO_FOCUS = ""  # Keys go to the dialog.
    table: ClassVar[str]

    @property
    def cockpit(self) -> Cockpit:
        """The app."""
        return cast("Cockpit", self.app)

    def show(self, frame: Frame) -> None:
        """Draw a new frame."""
        for widget in self.walk_children(FrameWidget):
            widget.show(frame)

    def on_mount(self) -> None:
        """Draw the first frame."""
        if self.cockpit.frame is not None:
            self.show(self.cockpit.frame)

    def on_unmount(self) -> None:
        """Release the lines that were drawn."""
        release_rendered_lines()
