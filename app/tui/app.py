"""The cockpit: the Textual app over one session. Closing it does not stop the session.

A reader thread makes immutable frames and posts them as messages, and the screens draw them. No widget reads
a file, a clock or a GPU.
"""

import asyncio
import gc
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path, PurePath
from threading import Event, Thread
from typing import ClassVar, Final, cast

from rich.console import RenderableType
from textual import work
from textual._compositor import ChopsUpdate, LayoutUpdate
from textual.actions import ActionParseResult
from textual.app import SystemCommand
from textual.binding import Binding
from textual.command import CommandPalette
from textual.dom import DOMNode
from textual.filter import LineFilter, NoColor
from textual.message import Message
from textual.screen import Screen
from textual.theme import Theme
from textual.worker import WorkerFailed

from app.errors import UserError
from app.session.client import SessionClient
from app.session.requests import Refused, StopSession, get_current_user
from app.session.snapshot import OVER
from app.tui import crash, screens, terminal
from app.tui.ascii_filter import AsciiFilter
from app.tui.cockpit import READ_ONLY, Cockpit
from app.tui.farewell import describe_leaving, describe_session, describe_stop
from app.tui.feed import SessionFeed
from app.tui.keys import COMMANDS, make_bindings
from app.tui.repaint import DifferenceUpdate, TerminalContent
from app.tui.screens.screen import CockpitScreen, Dialog
from app.tui.screens.session import SessionScreen
from app.tui.theme_setting import ThemeChoices, save_theme
from app.tui.themes import DARK, THEMES, complete_theme
from widgets import styles
from widgets.frame import Frame
from widgets.header import select_session_badge
from widgets.preflight import PreflightResult
from widgets.text import replace_controls

GARBAGE_DELAY: Final = 1.0
STYLE_SHEETS: Final = (
    Path(__file__).with_suffix(".tcss"),
    *sorted(Path(screens.__file__).parent.glob("*.tcss")),
)
REFUSED_ACTIONS: Final = frozenset(command.action_call for command in COMMANDS if command.needs_write_access)


class CockpitApp(Cockpit):
    """The screens over one session; `frame` is the first frame, `feed` makes the others."""

    BINDINGS: ClassVar[list[Binding]] = make_bindings("app")  # type: ignore[assignment]
    # All at once: for the style sheet of a screen that is opened, Textual would parse all others again.
    CSS_PATH: ClassVar[list[str | PurePath]] = [*STYLE_SHEETS]
    TITLE = "gonogo"
    ENABLE_COMMAND_PALETTE = True

    class FrameReady(Message):
        """A new frame; one that has not been drawn yet is dropped for a newer one."""

        def __init__(self, frame: Frame) -> None:
            super().__init__()
            self.frame = frame

        def can_replace(self, message: Message) -> bool:
            """Return whether this message replaces an older one."""
            return isinstance(message, CockpitApp.FrameReady)

    def __init__(
        self,
        session: SessionClient,
        feed: SessionFeed | None = None,
        frame: Frame | None = None,
        *,
        read_only: bool = False,
        theme: str = DARK.name,
        key_map: Mapping[str, str] = {},
        checks: Callable[[], Iterator[PreflightResult]] = lambda: iter(()),
        report_crash: Callable[[BaseException], str] = crash.report_crash,
    ) -> None:
        super().__init__(session, feed, frame, read_only=read_only, key_map=key_map, checks=checks)
        self._report_crash = report_crash
        self.crash_report = ""
        self._terminal_content = TerminalContent()
        self._has_painted = Event()
        self._announced: tuple[str, float] | None = None
        for each in THEMES:
            self.register_theme(each)
        self.theme = theme
        self.animation_level = "none"

    def get_default_screen(self) -> Screen[None]:
        """Return the session's screen as the bottom of the stack."""
        return SessionScreen()

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Return the cockpit's colors, so that they exist in every theme."""
        return DARK.variables

    def get_theme(self, theme_name: str) -> Theme | None:
        """Return a theme with the cockpit's colors, which are computed when it is first used."""
        return complete_theme(theme_name) or super().get_theme(theme_name)

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Return the filters that remove color or non-ASCII characters if the terminal needs that."""
        filters: list[LineFilter] = [NoColor()] if self.no_color else []
        if styles.terminal.ascii:
            filters.append(AsciiFilter())
        return [*super().get_line_filters(), *filters]

    def on_load(self) -> None:
        """Start to read early, so that the first paint may already have a frame."""
        if self.feed is not None:
            self._read_frames(self.feed)

    def on_mount(self) -> None:
        """Detach on a signal, and draw the first frame."""
        self.set_timer(GARBAGE_DELAY, _enable_garbage_collection)
        if not self.is_headless:
            for number in (signal.SIGTERM, signal.SIGHUP):
                asyncio.get_running_loop().add_signal_handler(number, self.detach)
            Thread(target=self._detach_at_hangup, args=(asyncio.get_running_loop(),), daemon=True).start()
        if self.frame is not None:
            self.call_after_refresh(self.show, self.frame)

    def _detach_at_hangup(self, loop: asyncio.AbstractEventLoop) -> None:
        """Detach when the terminal is gone.

        The kernel sends SIGHUP only to the first process of a terminal, such as make, which may not pass it
        on. Textual would read the closed terminal again and again, which keeps a core busy.
        """
        if sys.__stdin__ is not None and sys.__stdin__.isatty():
            terminal.wait_for_hangup(sys.__stdin__.fileno())
            with suppress(RuntimeError):  # The loop is closed.
                loop.call_soon_threadsafe(self.detach)

    def on_unmount(self) -> None:
        """Stop the reader, and every thread that waits for keys.

        When a terminal goes away, the kernel also sends SIGCONT. Textual then starts a second input thread,
        and may stop only one of the two: the other would keep the process, and a core busy.
        """
        self._stopping.set()
        self._has_painted.set()
        input_ends = getattr(self._driver, "exit_event", None)
        if input_ends is not None:
            input_ends.set()

    @work(thread=True, exit_on_error=True)
    def _read_frames(self, feed: SessionFeed) -> None:
        try:
            for frame in feed.make_frames(self._stopping):
                if self._stopping.is_set():
                    return
                self.frame = self.frame or frame  # The screen draws the frame once mounted.
                self.post_message(self.FrameReady(frame))
                self._has_painted.wait()  # Reading files would delay the first paint.
        except Refused as error:
            message = f"gonogo: {replace_controls(str(error))}"
            self.call_from_thread(self.exit, return_code=1, message=message)

    def on_cockpit_app_frame_ready(self, message: FrameReady) -> None:
        """Draw a new frame."""
        self.show(message.frame)

    def show(self, frame: Frame) -> None:
        """Draw a frame on the top screen, and announce a new gate or the end of the session."""
        self.frame = frame
        for screen in reversed(self.screen_stack):  # A dialog does not cover the screen below it.
            # A screen that is not mounted yet draws the frame when it is.
            if isinstance(screen, CockpitScreen | Dialog) and screen.is_mounted:
                screen.show(frame)
            if isinstance(screen, Dialog) and screen is not self.screen:
                screen.refresh()  # Textual caches what is seen through a dialog below another.
            if not screen.is_modal:
                break
        self._announce(frame)

    def _announce(self, frame: Frame) -> None:
        snapshot = frame.snapshot
        state = select_session_badge(snapshot).word.lower()
        phase, phases = frame.position
        self._set_title(f"gonogo {snapshot.name}: {state} {phase}/{phases}")
        if snapshot.gate is not None:
            event, screen = ("gate", snapshot.gate.opened), "gate"
        elif snapshot.state in OVER:
            event, screen = ("over", 0.0), "outcome"
        else:
            return
        if event == self._announced:
            return
        self._announced = event
        self.bell()
        summary = describe_session(snapshot).splitlines()[0]
        self._write_to_terminal(terminal.show_notification(summary, in_tmux=terminal.is_in_tmux()))
        if isinstance(self.screen, SessionScreen):
            self.open_screen(screen)
        elif not (isinstance(self.screen, CockpitScreen) and self.screen.table == "gate"):
            self.show_message(summary)

    def _set_title(self, title: str) -> None:
        if title != self.title:
            self.title = title
            self._write_to_terminal(terminal.set_title(title))

    def _write_to_terminal(self, sequence: str) -> None:
        if self._driver is not None and not self.is_headless:
            self._driver.write(sequence)

    def _display(self, screen: Screen[object], renderable: RenderableType | None) -> None:
        """Send only the cells that have changed."""
        if isinstance(renderable, ChopsUpdate | LayoutUpdate):
            renderable = cast("RenderableType", DifferenceUpdate(self._terminal_content, renderable))
        super()._display(screen, renderable)
        if self.frame is not None:
            self._has_painted.set()

    def on_resize(self) -> None:
        """Repaint everything: after a resize, the content of the terminal is unknown."""
        self._terminal_content.forget()

    def action_repaint(self) -> None:
        """Repaint everything, after another program has written to the terminal."""
        self._terminal_content.forget()
        self.screen.refresh()

    def _fatal_error(self) -> None:
        """Close the screen and keep a report; Textual's own would print variables, and so secrets."""
        error = self._exception
        if error is not None and not self.crash_report:  # Later errors follow from the first.
            self.crash_report = self._report_crash(error.error if isinstance(error, WorkerFailed) else error)
        self._close_messages_no_wait()

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Yield every command that has a key on the current screen, for the palette."""
        targets: list[tuple[str, CockpitScreen | CockpitApp]] = []
        if isinstance(screen, CockpitScreen):
            targets.append((screen.table, screen))
        targets.append(("app", self))
        for table, target in targets:
            for command in self.list_commands(table):
                if command.action == "command_palette" or (self.read_only and command.needs_write_access):
                    continue
                if target.check_action(command.action, command.arguments):
                    run = partial(target.run_action, command.action_call)
                    yield SystemCommand(command.title, f"key {command.key}", partial(self.call_later, run))

    def search_themes(self) -> None:
        """Open the list of themes."""
        self.push_screen(CommandPalette(providers=[ThemeChoices], placeholder="Search for themes…"))

    def choose_theme(self, name: str) -> None:
        """Switch to a theme, and remember it unless the screen is read-only."""
        self.theme = name
        if self.read_only:
            return
        try:
            save_theme(name)
        except (OSError, UserError) as error:
            self.show_message(f"The theme is not remembered: {error}", is_error=True)

    async def run_action(
        self,
        action: "str | ActionParseResult",
        default_namespace: DOMNode | None = None,
        namespaces: Mapping[str, DOMNode] | None = None,
    ) -> bool:
        """Run an action; a read-only screen refuses those that change the session, before any other check."""
        if self.read_only and action in REFUSED_ACTIONS:
            self.show_message(READ_ONLY, is_error=True)
            return True
        return await super().run_action(action, default_namespace, namespaces)

    def action_quit_dialog(self) -> None:
        """Ask whether to detach, to stop the session, or to stay."""
        if any(isinstance(screen, Dialog) and screen.table == "quit" for screen in self.screen_stack):
            return

        def act_on(choice: str | None) -> None:
            if choice == "detach":
                self.detach()
            elif choice == "stop":
                self._confirm_stop()

        snapshot = self.frame.snapshot if self.frame else None
        lines = describe_leaving(snapshot, read_only=self.read_only)
        self.push_screen(self.make_screen("quit", "Leave?", *lines), act_on)

    def _confirm_stop(self) -> None:
        if self.frame is None:
            return
        consequence = describe_stop(self.frame.snapshot)
        self.confirm(
            "Stop the session?",
            f"{consequence} Everything written so far is kept. A stopped session cannot be resumed.",
            StopSession(by=get_current_user()),
            "stopping the session",
            is_current=lambda frame: describe_stop(frame.snapshot) == consequence,
        )


def _enable_garbage_collection() -> None:
    """Collect garbage from now on, but never search what was loaded before the first paint."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()
