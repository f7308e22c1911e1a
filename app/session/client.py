"""The client of a session: read its snapshots and send requests to its conductor.

A client holds no state and can be dropped at any time. It also reads a session that has no conductor.
"""

import contextlib
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from app.session import requests
from app.session.attempt import process
from app.session.clock import SystemClock
from app.session.folder import SessionFolder
from app.session.journal import journal
from app.session.journal.attempts_on_disk import describe_missing_lines
from app.session.journal.fold import fold, recover_file
from app.session.journal.state import State
from app.session.last_snapshot import load_last_snapshot
from app.session.requests import AnyRequest, Decide, Refused, Response
from app.session.snapshot import SessionSnapshot
from phases.contract import files

if TYPE_CHECKING:
    from app.plan.schema import Plan
    from app.session.gate.decision_preview import DecisionPreview
    from app.session.masking import Masker

_NOTHING = (State(), "")
_TIMEOUT = 10.0
_RECONNECT = 0.5
_RESTART_AFTER = 5.0  # Seconds; a guard replaces a dead conductor sooner.
_RESTART_AGAIN_AFTER = 30.0


class _Secrets(msgspec.Struct, frozen=True):
    secrets: list[str] = []


class _Urls(msgspec.Struct, frozen=True):
    urls: list[str] = []


class _PlanSecrets(msgspec.Struct, frozen=True):
    """The names of secrets in a plan; importing the complete schema would delay the first screen."""

    session: _Secrets
    notify: _Urls = _Urls()


class SessionClient:
    """Reads and controls the session in a folder. All methods are safe to call from any thread."""

    def __init__(
        self, folder: Path, *, timeout: float = _TIMEOUT, restart: Callable[[], None] | None = None
    ) -> None:
        """Read the session in a folder; `watch` calls `restart` if no conductor runs it for some seconds."""
        self.folder = SessionFolder(folder.absolute())
        self._timeout = timeout
        self._restart = restart
        self._conductor_gone_since: float | None = None
        self.is_conducted = True
        """Whether the last snapshot of `watch` came from a conductor."""
        self._watching: socket.socket | None = None
        self._cached: tuple[tuple[State, str], tuple[Plan, State]] | None = None

    def read_snapshot(self) -> SessionSnapshot:
        """Return the session from its conductor, or from its journal if no conductor is running."""
        try:
            return self._exchange(requests.GetSnapshot())
        except OSError:
            return self.snapshot_from_journal()

    def snapshot_from_journal(self) -> SessionSnapshot:
        """Return the session from its journal, without the running attempt's progress and machine.

        Raises:
            Refused: the folder is not a session, or its journal is empty.
        """
        from app.session import projection  # It imports the plan's schema.

        plan, state = self._replay()
        clock = SystemClock()
        return projection.project_session(
            self.folder.path, plan, state, projection.Live(), clock.wall(), clock.mono()
        )

    def preview(self, request: Decide) -> "DecisionPreview":
        """Return the effect of a decision at the open gate, without sending it.

        Raises:
            Refused: the gate does not accept the decision.
        """
        from app.session.gate.decision_preview import preview_decision  # It imports the plan's schema.

        plan, state = self._replay()
        machine, clock = self.read_snapshot().machine, SystemClock()
        gpus = machine.gpus if machine else ()
        return preview_decision(plan, state, request, gpus, clock.wall(), clock.mono())

    def _replay(self) -> "tuple[Plan, State]":
        """Return the plan and the state; the journal is read again only after it has changed."""
        from app.plan.schema import Plan  # pydantic is slow to import.

        try:
            recovered = self._recover()
            if self._cached is not None and self._cached[0] is recovered:
                return self._cached[1]
            plan = Plan.model_validate_json(self.folder.read_plan())
        except OSError as error:
            raise Refused(
                f"{error.filename or self.folder.path} cannot be read: {error.strerror}; expected the folder "
                "of a started session"
            ) from None
        except (ValueError, RecursionError) as error:
            raise Refused(f"{self.folder.plan}: cannot read the plan of this session: {error}") from None
        state, damage = recovered
        damage = damage or describe_missing_lines(self.folder, state)
        if missing := state.find_missing_phases(phase.id for phase in plan.phases):
            raise Refused(f"{self.folder.plan} was changed: it lacks the phases {missing} of the journal")
        if state.started is None and not damage:
            raise Refused(f"{self.folder.journal} is empty: the session did not start")
        if state.started is None:
            state = self._restore_start(plan)
        if damage:
            note = f"Read-only: {damage}"
            state = msgspec.structs.replace(state, notices=(*state.notices, note))
        self._cached = (recovered, (plan, state))
        return plan, state

    def _recover(self) -> tuple[State, str]:
        """Return what the journal gives; nothing if it is missing in a session's folder."""
        try:
            return recover_file(self.folder.journal)
        except FileNotFoundError:
            if not self.folder.info.exists():
                raise
            return _NOTHING

    def _restore_start(self, plan: "Plan") -> State:
        """Return the state of a session whose journal is lost: that it was started, and no more."""
        from app.session.engine.start_event import build_session_start  # It imports the plan's schema.

        start = build_session_start(self.folder.read_info(), plan)
        clock = SystemClock()
        started = self.folder.info.stat().st_mtime
        return fold([journal.Entry(1, 1, started, clock.mono() - max(0.0, clock.wall() - started), start)])

    def make_masker(self) -> "Masker":
        """Return a masker of the plan's secrets whose values are known in this environment."""
        # A screen masks nothing before its first paint.
        from app.session.fingerprints import read_fingerprints
        from app.session.masking import Masker

        try:
            plan = files.read_json(self.folder.plan, _PlanSecrets)
        except (OSError, ValueError) as error:
            raise Refused(f"cannot read the plan of this session: {error}") from None
        names = (*plan.session.secrets, *plan.notify.urls)
        return Masker.from_environment(names, self.read_environment(), read_fingerprints(self.folder.path))

    def read_environment(self) -> dict[str, str]:
        """Return this process's environment with the conductor's, since a new shell may lack the secrets."""
        record = self.folder.read_conductor()
        if record is None:
            return dict(os.environ)
        conductor = process.ProcessIdentity(
            record.boot_id, record.pid_namespace, record.pid, record.start_time
        )
        return {**os.environ, **process.read_environment(conductor)}

    def watch(self, stopping: threading.Event) -> Iterator[SessionSnapshot]:
        """Yield the session now, on each change and at least once a second, until `stopping` is set.

        While no conductor is running, snapshots come from the journal. The first of a session that is over
        may be the last one of its conductor, which is read sooner. If the guard does not replace a conductor
        that is gone or hangs, because it is gone or hangs itself, `restart` is called.
        """
        is_first = True
        while not stopping.is_set():
            try:
                with self._connect() as connection:
                    yield from self._receive(connection, stopping)
            except OSError:
                pass
            if not stopping.is_set():
                self.is_conducted = False
                self._restart_conductor_if_gone()
                last = load_last_snapshot(self.folder) if is_first else None
                yield last or self.snapshot_from_journal()
                is_first = False
                if last is not None:
                    continue
                stopping.wait(_RECONNECT)

    def _receive(self, connection: socket.socket, stopping: threading.Event) -> Iterator[SessionSnapshot]:
        connection.sendall(msgspec.json.encode(requests.Subscribe()) + b"\n")
        self._watching = connection
        try:
            with connection.makefile("rb") as lines:
                for line in lines:
                    if not line.endswith(b"\n"):  # The conductor died while writing.
                        return
                    response = msgspec.json.decode(line, type=Response)
                    if response.snapshot is not None:
                        self.is_conducted, self._conductor_gone_since = True, None
                        yield response.snapshot
                    if stopping.is_set():
                        return
        finally:
            self._watching = None

    def _restart_conductor_if_gone(self) -> None:
        """Call `restart`, in another thread, once the conductor has been gone for a while."""
        now = time.monotonic()
        if self._conductor_gone_since is None:
            self._conductor_gone_since = now
        if self._restart is not None and now - self._conductor_gone_since >= _RESTART_AFTER:
            self._conductor_gone_since = now + _RESTART_AGAIN_AFTER  # For the next attempt.
            threading.Thread(target=self._restart, daemon=True).start()

    def request_snapshot(self) -> None:
        """Have `watch` yield a snapshot at once, if a conductor is running."""
        connection = self._watching
        if connection is not None:
            with contextlib.suppress(OSError):  # The conductor has just ended.
                connection.sendall(msgspec.json.encode(requests.GetSnapshot()) + b"\n")

    def send(self, request: AnyRequest) -> SessionSnapshot:
        """Send a request to the conductor and return the snapshot that it responds with.

        Raises:
            Refused: the conductor refused the request or did not respond, or no conductor is running.
        """
        try:
            return self._exchange(request)
        except TimeoutError:
            raise Refused(
                f"the conductor did not respond within {self._timeout:g} s, and may still carry out the "
                "request; look at `gonogo status`, and send it again if it was not"
            ) from None
        except OSError:
            raise Refused(
                "no conductor is running for this session; start one with `gonogo attach`"
            ) from None

    def has_conductor(self) -> bool:
        """Return whether the session has a conductor that responds."""
        try:
            self._exchange(requests.GetSnapshot())
        except OSError:
            return False
        return True

    def _exchange(self, request: AnyRequest) -> SessionSnapshot:
        with self._connect() as connection:
            connection.sendall(msgspec.json.encode(request) + b"\n")
            with connection.makefile("rb") as lines:
                line = lines.readline()
        if not line.endswith(b"\n"):
            raise ConnectionError("the conductor closed the connection")
        response = msgspec.json.decode(line, type=Response)
        if response.snapshot is None:
            raise Refused(response.refused)
        return response.snapshot

    def _connect(self) -> socket.socket:
        record = self.folder.read_conductor()
        if record is None:
            raise ConnectionError("no conductor has started")
        if not self.folder.is_own_socket(Path(record.socket)):
            raise ConnectionError("the folder was copied from a session that runs elsewhere")
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(self._timeout)
        try:
            connection.connect(record.socket)
        except OSError:
            connection.close()
            raise
        return connection
