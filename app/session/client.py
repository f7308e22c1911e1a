"""How the command line and the screens see a session: snapshots come, decisions go.

A client is disposable: it holds no state, and a session without a conductor can still be looked at.
"""

import contextlib
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from app.session import requests
from app.session.attempt import process
from app.session.clock import SystemClock
from app.session.folder import SessionFolder
from app.session.masking import Masker
from app.session.requests import AnyRequest, Refused, Response
from app.session.snapshot import SessionSnapshot

if TYPE_CHECKING:
    from app.plan.schema import Plan
    from app.session.journal.state import State

__all__ = ["Refused", "SessionClient"]

_TIMEOUT = 10.0
_RECONNECT = 0.5


class _Secrets(msgspec.Struct, frozen=True):
    secrets: list[str] = []


class _Urls(msgspec.Struct, frozen=True):
    urls: list[str] = []


class _Named(msgspec.Struct, frozen=True):
    """What a plan names of secrets; the whole plan takes longer to read than the first screen."""

    session: _Secrets
    notify: _Urls = _Urls()


class SessionClient:
    """A session, by its folder. Every method may be called from any thread."""

    def __init__(self, folder: Path, *, timeout: float = _TIMEOUT) -> None:
        self.folder = SessionFolder(folder.absolute())
        self._timeout = timeout
        self._watching: socket.socket | None = None
        self._cached: tuple[tuple[int, int], tuple[Plan, State]] | None = None

    def snapshot(self) -> SessionSnapshot:
        """Return the session as it stands: from its conductor, or from its journal if it has none."""
        try:
            return self._exchange(requests.GetSnapshot())
        except OSError:
            return self.snapshot_from_journal()

    def snapshot_from_journal(self) -> SessionSnapshot:
        """Return the session as its journal tells it, which is all there is when no conductor runs.

        Raises:
            Refused: the journal tells nothing yet.
        """
        from app.session import projection

        plan, state = self._replayed()
        clock = SystemClock()
        return projection.snapshot(
            self.folder.path, plan, state, projection.Live(), clock.wall(), clock.mono()
        )

    def _replayed(self) -> "tuple[Plan, State]":
        """Return the plan and what the journal tells, which is read again only when it has changed."""
        from app.plan.schema import Plan
        from app.session.journal import journal
        from app.session.journal.state import recover

        try:
            status = self.folder.journal.stat()
            version = (status.st_size, status.st_mtime_ns)
            if self._cached is not None and self._cached[0] == version:
                return self._cached[1]
            replay = journal.read_journal(self.folder.journal)
            plan = Plan.model_validate_json(self.folder.plan.read_bytes())
        except OSError as error:
            raise Refused(f"{self.folder.path} is not a session that was started: {error.strerror}") from None
        if not replay.entries:
            raise Refused(f"{self.folder.journal} is empty: {replay.damage or 'the session did not start'}")
        state, damage = recover(replay)
        if damage:
            note = f"Read-only: {damage}"
            state = msgspec.structs.replace(state, notices=(*state.notices, note))
        self._cached = (version, (plan, state))
        return plan, state

    def masker(self) -> Masker:
        """Return what masks the plan's secrets, as far as they are known here, in text that is shown."""
        named = msgspec.json.decode(self.folder.plan.read_bytes(), type=_Named)
        return Masker.of((*named.session.secrets, *named.notify.urls), self.environment())

    def environment(self) -> dict[str, str]:
        """Return this process's environment, and over it the conductor's: a new shell lacks the secrets."""
        record = self.folder.read_conductor()
        if record is None:
            return dict(os.environ)
        conductor = process.ProcessIdentity(
            record.boot_id, record.pid_namespace, record.pid, record.start_time
        )
        return {**os.environ, **process.read_environment(conductor)}

    def watch(self, stopping: threading.Event) -> Iterator[SessionSnapshot]:
        """Yield the session now, on each change and at least once a second, until `stopping` is set.

        When the conductor goes away, what the journal tells is yielded until there is one again.
        """
        while not stopping.is_set():
            try:
                with self._connect() as connection:
                    yield from self._subscription(connection, stopping)
            except OSError:
                pass
            if not stopping.is_set():
                yield self.snapshot_from_journal()
                stopping.wait(_RECONNECT)

    def _subscription(
        self, connection: socket.socket, stopping: threading.Event
    ) -> Iterator[SessionSnapshot]:
        connection.sendall(msgspec.json.encode(requests.Subscribe()) + b"\n")
        self._watching = connection
        try:
            with connection.makefile("rb") as lines:
                for line in lines:
                    if not line.endswith(b"\n"):  # the conductor died while it wrote
                        return
                    response = msgspec.json.decode(line, type=Response)
                    if response.snapshot is not None:
                        yield response.snapshot
                    if stopping.is_set():
                        return
        finally:
            self._watching = None

    def request_snapshot(self) -> None:
        """Have `watch` yield a snapshot at once, if a conductor is running."""
        connection = self._watching
        if connection is not None:
            with contextlib.suppress(OSError):  # The conductor has just ended.
                connection.sendall(msgspec.json.encode(requests.GetSnapshot()) + b"\n")

    def send(self, request: AnyRequest) -> SessionSnapshot:
        """Send a request to the conductor and return the snapshot that it responds with.

        Raises:
            Refused: the conductor refused the request, or no conductor is running.
        """
        try:
            return self._exchange(request)
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
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(self._timeout)
        try:
            connection.connect(record.socket)
        except OSError:
            connection.close()
            raise
        return connection
