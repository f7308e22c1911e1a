"""The cockpit: the Textual app over one session. Closing it stops nothing.

A reader thread makes immutable views and posts them as messages; the screens draw them. No widget reads a
file, a clock or a GPU.
"""

import gc
import os
import shutil
import signal
import sys
import textwrap
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, ClassVar, Final, Protocol, cast

from rich.console import RenderableType
from textual import work
from textual._compositor import ChopsUpdate, LayoutUpdate
from textual.actions import ActionParseResult
from textual.app import App, SystemCommand
from textual.binding import Binding
from textual.dom import DOMNode
from textual.filter import LineFilter, NoColor
from textual.message import Message
from textual.screen import Screen
from textual.worker import WorkerFailed

from app.session.requests import Refused, StopSession, current_user
from app.session.snapshot import OVER, SessionSnapshot
from app.tui import crash, terminal
from app.tui.keys import ACTING, Command, bindings, commands
from app.tui.repaint import Changes, Shown
from app.tui.screens.screen import CockpitScreen, Dialog, Session
from app.tui.screens.session import SessionScreen
from app.tui.themes import ANSI, DARK, THEMES
from app.units import format_usd
from widgets import styles
from widgets.frame import Frame
from widgets.header import select_session_badge
from widgets.text import replace_controls

if TYPE_CHECKING:
    from widgets.preflight import Check

# What is not on the first screen is imported where it is opened: that takes as long as the first screen.

READ_ONLY: Final = "This view is read-only: nothing was done."


class Feed(Protocol):
    """Makes views of a session, in a thread."""

    def frames(self, stopping: Event) -> Iterator[Frame]:
        """Yield views, at most a few a second and at least one, until asked to stop."""

    def look_at(self, phase: str | None) -> None:
        """Read the record of this phase from now on; None is the phase that runs."""

    def read_first_rows(self, snapshot: SessionSnapshot, path: str) -> tuple[str, ...]:
        """Return the first rows of what a phase wrote; an OSError says why not."""


class CockpitApp(App[None]):
    """Screens over one session; `view` is the first picture, `feed` makes the others."""

    BINDINGS: ClassVar[list[Binding]] = bindings("app")  # type: ignore[assignment]
    CSS = "Screen { background: $background; color: $foreground; } Toast { max-width: 60; padding: 0 1; }"
    TITLE = "gonogo"
    ENABLE_COMMAND_PALETTE = True

    class Fresh(Message):
        """A new view; one that has not been drawn yet gives way to a newer one."""

        def __init__(self, frame: Frame) -> None:
            super().__init__()
            self.frame = frame

        def can_replace(self, message: Message) -> bool:
            """Return whether an older message may be dropped."""
            return isinstance(message, CockpitApp.Fresh)

    def __init__(
        self,
        session: Session,
        feed: Feed | None = None,
        frame: Frame | None = None,
        *,
        read_only: bool = False,
        theme: str = DARK.name,
        key_map: Mapping[str, str] = {},
        checks: "Callable[[], Iterator[Check]]" = lambda: iter(()),
        failed: Callable[[BaseException], str] = crash.told,
    ) -> None:
        super().__init__()
        self.session, self.feed, self.frame, self.read_only = session, feed, frame, read_only
        self._key_map, self._checks, self._failed = key_map, checks, failed
        self.failure = ""
        self.set_keymap(dict(key_map))
        self._stopping, self._shown = Event(), Shown()
        self._announced: tuple[str, float] | None = None
        for each in THEMES:
            self.register_theme(each)
        self.theme = theme
        self.animation_level = "none"

    def get_default_screen(self) -> Screen[None]:
        """Begin with the session's screen, below which there is none."""
        screen = SessionScreen()
        for path in screen.css_path:  # Textual reads only those of the screens that are pushed
            self.stylesheet.read(path)
        return screen

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Let the cockpit's colours be known under every theme."""
        return DARK.variables

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Take away what this terminal does not show: all colour where there is to be none, all but ASCII."""
        wanted: list[LineFilter] = [NoColor()] if self.no_color else []
        if styles.terminal.ascii:
            from app.tui.ascii_filter import Ascii

            wanted.append(Ascii())
        return [*super().get_line_filters(), *wanted]

    def on_load(self) -> None:
        """Begin to read, so that the first paint may have the first view."""
        if self.feed is not None:
            self._read(self.feed)

    def on_mount(self) -> None:
        """Let a signal detach, and draw the view that is there."""
        self.set_timer(1.0, _collect_garbage)
        if not self.is_headless:
            for number in (signal.SIGTERM, signal.SIGHUP):
                self._loop_signal(number)
        if self.frame is not None:
            self.call_after_refresh(self.show, self.frame)

    def _loop_signal(self, number: signal.Signals) -> None:
        import asyncio

        asyncio.get_running_loop().add_signal_handler(number, self.detach)

    @work(thread=True, exit_on_error=True)
    def _read(self, feed: Feed) -> None:
        try:
            for frame in feed.frames(self._stopping):
                if self._stopping.is_set():
                    return
                self.frame = self.frame or frame  # which the screen draws as soon as it is there
                self.post_message(self.Fresh(frame))
        except Refused as error:
            self.call_from_thread(self.exit, return_code=1, message=f"gonogo: {replace_controls(str(error))}")

    def on_cockpit_app_fresh(self, message: Fresh) -> None:
        """Draw a new view."""
        self.show(message.frame)

    def show(self, frame: Frame) -> None:
        """Draw a view on the screen that is on top; a new gate or the end calls for the operator."""
        self.frame = frame
        for screen in reversed(self.screen_stack):  # a dialog lets the screen below be seen
            if isinstance(screen, CockpitScreen | Dialog) and screen.is_mounted:  # or it draws when it is
                screen.show(frame)
            if not screen.is_modal:
                break
        self._announce(frame)

    def _announce(self, frame: Frame) -> None:
        snapshot = frame.snapshot
        state, (phase, phases) = select_session_badge(snapshot).word.lower(), frame.position
        self._set_title(f"gonogo {snapshot.name}: {state} {phase}/{phases}")
        if snapshot.gate is not None:
            news = ("gate", snapshot.gate.opened)
        elif snapshot.state in OVER:
            news = ("over", 0.0)
        else:
            return
        if news == self._announced:
            return
        self._announced = news
        self.bell()
        words = farewell(snapshot).splitlines()[0]
        self._tell_terminal(terminal.notification(words, terminal.in_tmux()))
        from app.tui.screens.gate import GateScreen
        from app.tui.screens.text import OutcomeScreen

        if isinstance(self.screen, SessionScreen):
            self.push_screen(GateScreen() if news[0] == "gate" else OutcomeScreen())
        elif not isinstance(self.screen, GateScreen):
            self.say(words)

    def _set_title(self, title: str) -> None:
        """Tell the terminal, and so tmux's status line, how the session stands."""
        if title != self.title:
            self.title = title
            self._tell_terminal(terminal.title(title))

    def _tell_terminal(self, sequence: str) -> None:
        if self._driver is not None and not self.is_headless:
            self._driver.write(sequence)

    def look_at(self, phase: str | None) -> None:
        """Show the record of a phase."""
        if self.feed is not None:
            self.feed.look_at(phase)

    def act(self, what: str, action: Callable[[Session], object]) -> None:
        """Act on the session in a thread; say what came of it."""
        if self.read_only:
            self.say(READ_ONLY, trouble=True)
        else:
            self._act(what, action)

    @work(thread=True, group="act")
    def _act(self, what: str, action: Callable[[Session], object]) -> None:
        try:
            action(self.session)
        except (Refused, OSError) as error:
            self.call_from_thread(self.say, f"Not done: {error}", trouble=True)
        else:
            self.call_from_thread(self.say, f"Done: {what}")

    def say(self, text: str, *, trouble: bool = False) -> None:
        """Show a short message, in place of the one before: they cover what they lie on."""
        self.clear_notifications()
        self.notify(replace_controls(text), severity="error" if trouble else "information", markup=False)

    def copy(self, text: str, what: str) -> None:
        """Copy through tmux where that is what holds the clipboard, else ask the terminal (OSC 52)."""
        if terminal.in_tmux() and terminal.into_tmux(text):
            self.say(f"Copied {what} to tmux's buffer, and to the clipboard where your terminal allows it.")
            return
        self.copy_to_clipboard(text)
        otherwise = "" if self.read_only else "; if your terminal does not allow it, w writes a file"
        self.say(f"Copied {what}{otherwise}.")

    def write(self, name: str, text: str) -> None:
        """Write a text beside the session's records."""
        folder = Path(self.frame.snapshot.folder) / "exports" if self.frame else Path()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
        except OSError as error:
            self.say(f"Not written: {error}", trouble=True)
        else:
            self.say(f"Written to {folder / name}")

    def commands(self, table: str) -> tuple[Command, ...]:
        """Return a part of the table of keys, with the operator's own keys."""
        return commands(table, self._key_map)

    def preflight(self) -> None:
        """Look for what would fail later."""
        from app.tui.screens.preflight import PreflightScreen

        self.push_screen(PreflightScreen(self._checks))

    @work(thread=True, group="peek", exclusive=True)
    def peek(self, path: str) -> None:
        """Show the first rows of a file that a phase wrote, or what a folder holds."""
        from app.tui.screens.artifacts import PeekScreen

        if self.feed is None or self.frame is None:
            return
        try:
            lines = self.feed.read_first_rows(self.frame.snapshot, path)
        except OSError as error:
            self.call_from_thread(self.say, f"{path}: {error.strerror}", trouble=True)
        else:
            self.call_from_thread(self.push_screen, PeekScreen(path, lines))

    def detach(self) -> None:
        """Leave the screen; the session goes on."""
        self._stopping.set()
        self.exit()

    def _display(self, screen: Screen[object], renderable: RenderableType | None) -> None:
        """Send what has changed, and no more."""
        if isinstance(renderable, ChopsUpdate | LayoutUpdate):
            renderable = cast("RenderableType", Changes(self._shown, renderable))
        super()._display(screen, renderable)

    def on_resize(self) -> None:
        """Know nothing of a terminal that was resized, and may have been so back and forth."""
        self._shown.forget()

    def action_repaint(self) -> None:
        """Send the whole screen again: something else has written to the terminal."""
        self._shown.forget()
        self.screen.refresh()

    def _fatal_error(self) -> None:
        """End the screen; Textual's own way shows the values of variables, and so secrets."""
        error = self._exception
        if error is not None and not self.failure:  # what else fails follows from the first
            self.failure = self._failed(error.error if isinstance(error, WorkerFailed) else error)
        self._close_messages_no_wait()

    def on_unmount(self) -> None:
        """Let the reader end."""
        self._stopping.set()

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Offer everything that a key does here and now, by name."""
        targets: tuple[tuple[str, Screen[object] | CockpitApp], ...] = (
            (getattr(screen, "table", ""), screen),
            ("app", self),
        )
        for table, target in targets:
            for command in self.commands(table):
                if command.action == "command_palette" or (self.read_only and command.acts):
                    continue
                if target.check_action(*command.call):
                    run = partial(target.run_action, command.action)
                    yield SystemCommand(command.help, f"key {command.key}", partial(self.call_later, run))

    def action_next_theme(self) -> None:
        """Go through the themes."""
        names = [each.name for each in THEMES]
        at = names.index(self.theme) if self.theme in names else -1
        self.theme = names[(at + 1) % len(names)]
        self.say(f"theme {self.theme}")

    async def run_action(
        self,
        action: "str | ActionParseResult",
        default_namespace: DOMNode | None = None,
        namespaces: Mapping[str, DOMNode] | None = None,
    ) -> bool:
        """Do what a key asks for; say so where one may only look, whatever else the key would need."""
        if self.read_only and isinstance(action, str) and action.partition("(")[0] in ACTING:
            self.say(READ_ONLY, trouble=True)
            return True
        return await super().run_action(action, default_namespace, namespaces)

    def action_quit_dialog(self) -> None:
        """Ask whether to detach, to stop the session where it goes on, or to stay."""
        from app.tui.screens.dialogs import Quit

        if any(isinstance(screen, Quit) for screen in self.screen_stack):
            return

        def answered(answer: str | None) -> None:
            if answer == "detach":
                self.detach()
            elif answer == "stop":
                self._confirm_stop()

        self.push_screen(
            Quit("Leave?", *leaving(self.frame.snapshot if self.frame else None, self.read_only)), answered
        )

    def _confirm_stop(self) -> None:
        from app.tui.screens.dialogs import Confirm

        if self.frame is None:
            return

        def answered(yes: bool | None) -> None:
            if yes:
                self.act("stopping the session", lambda session: session.send(StopSession(by=current_user())))

        ends = what_ends(self.frame.snapshot)
        text = f"{ends} What was written stays. A stopped session does not go on."
        question = Confirm("Stop the whole session?", text, lambda frame: what_ends(frame.snapshot) == ends)
        self.push_screen(question, answered)


def _collect_garbage() -> None:
    """Look for garbage from now on, but never again among what was loaded up to the first paint."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()


def what_ends(snapshot: SessionSnapshot) -> str:
    """Return what becomes of what runs or waits when the session is stopped; empty where it is over."""
    phase = snapshot.current
    if snapshot.state in OVER:
        return ""
    if phase is None:
        return "No phase runs now; none is opened any more."
    title = replace_controls(phase.title)
    if snapshot.gate is not None:
        return f"No phase runs now; the gate after {title} is closed without a decision."
    return f"{title} saves what it can and ends."


def leaving(snapshot: SessionSnapshot | None, read_only: bool) -> list[str]:
    """Return what it means to leave the screen, and, for who may do so, to stop the session."""
    if snapshot is not None and snapshot.state in OVER:
        return [f"The session is over; gonogo attach --session {snapshot.id} shows it again."]
    lines = ["Detach leaves this screen; the session goes on, and gonogo attach comes back to it."]
    if snapshot is not None and not read_only:
        lines.append(f"Stopping the session ends it for good. {what_ends(snapshot)}")
    return lines


def farewell(snapshot: SessionSnapshot | None, read_only: bool = False) -> str:
    """Return where the session stands and how to come back to it."""
    if snapshot is None:
        return "gonogo: the session was not reached."
    phase, money = snapshot.current, snapshot.money
    spent = f"{format_usd(money.spent_usd)} of {format_usd(money.budget_usd)} spent"
    title = replace_controls(phase.title) if phase else ""
    match snapshot.state:
        case "finished":
            stands = f"is finished, {spent}. Artifacts: {snapshot.artifacts}"
        case "stopped":
            stands = f"was stopped, {spent}. Artifacts: {snapshot.artifacts}"
        case "gate":
            waiting = f"Waiting costs {format_usd(money.usd_per_hour)} an hour."
            stands = f"waits for a decision after {title}, {spent}. {waiting}"
        case _:
            stands = f"goes on: {title or 'between phases'}, {spent}."
    back = "" if snapshot.state in OVER else "\nCome back with: gonogo attach"
    pod = ""
    if snapshot.stops_at is not None and not back:
        at = time.strftime("%H:%M", time.localtime(snapshot.stops_at))
        pod = f"\nThe pod goes on and is stopped at {at}, unless you keep it: gonogo keep"
    return f"gonogo: {replace_controls(snapshot.name)} {stands}{back}{pod}"


def _choose_theme(app: CockpitApp) -> str:
    """Return the theme that the operator set, or one for the colours that the terminal has."""
    wanted = os.environ.get("GONOGO_THEME", "")
    if wanted in app.available_themes or f"gonogo-{wanted}" in app.available_themes:
        return wanted if wanted in app.available_themes else f"gonogo-{wanted}"
    return ANSI.name if app.console.color_system == "standard" else DARK.name


def run(folder: Path, read_only: bool = False) -> int:
    """Show the session in this folder until the operator leaves; say then where it stands.

    Returns:
        0, or 1 where the screen itself failed.
    """
    from app.session.client import SessionClient
    from app.tui.feed import SessionFeed
    from app.tui.keymap import KeyMapError, load

    try:
        key_map = load()
    except KeyMapError as error:
        raise Refused(str(error)) from None
    client = SessionClient(folder)
    masker = cache(client.masker)

    def mask(data: bytes) -> bytes:
        return masker().data(data)  # it reads the plan, which is for after the first paint

    feed, checks = SessionFeed(client, mask=mask), partial(_checks, folder)
    failed = partial(crash.told, folder=folder, mask=mask)
    return show(CockpitApp(client, feed, read_only=read_only, key_map=key_map, checks=checks, failed=failed))


def _checks(folder: Path) -> "Iterator[Check]":
    """Yield what preflight finds for the plan of this session, as it is known."""
    from app.plan.schema import Plan
    from app.preflight.command import run_checks
    from app.preflight.probes import SystemProbes
    from app.session.folder import SessionFolder
    from widgets.preflight import Check

    plan = Plan.model_validate_json(SessionFolder(folder.absolute()).plan.read_bytes())
    for found in run_checks(plan, SystemProbes(os.environ)):
        yield Check(found.check, found.state, found.message, found.advice)


def show(app: CockpitApp) -> int:
    """Run the screen; whatever ends it, say then where the session stands.

    The mouse stays the terminal's, so that its own selection works; every key has its screen's footer.
    """
    terminal.choose_characters()
    app.theme = _choose_theme(app)
    app.run(mouse=False)
    try:
        if app.failure:
            print(app.failure, file=sys.stderr, flush=True)  # noqa: T201 - the screen is closed
        words = farewell(app.frame.snapshot if app.frame else None)
        for line in words.splitlines():
            print(textwrap.fill(line, shutil.get_terminal_size().columns), flush=True)  # noqa: T201
    except OSError:  # the terminal went away: nobody is to hear of it at exit either
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for stream in (sys.stdout, sys.stderr):
            os.dup2(nowhere, stream.fileno())
    return app.return_code or 0
