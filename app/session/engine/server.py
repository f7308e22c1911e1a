"""The conductor's socket server: it answers requests and sends snapshots to subscribers."""

import asyncio
import os
import resource
import socket
import struct
from collections.abc import Callable
from pathlib import Path

import msgspec

from app.session.requests import LONGEST_REQUEST, AnyRequest, Refused, Response, Subscribe
from app.session.snapshot import SessionSnapshot

_MAX_BACKLOG = 1 << 20


class SessionServer:
    """Serves one session on a unix socket, to processes of the same user and root.

    `handle` carries out a request or raises `Refused`; `snapshot` returns the session.
    """

    def __init__(self, handle: Callable[[AnyRequest], None], snapshot: Callable[[], SessionSnapshot]) -> None:
        self._handle = handle
        self._snapshot = snapshot
        self._subscribers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self._path: Path | None = None
        self._clients = 0
        # Most descriptors are for the session itself.
        self._most_clients = max(4, min(256, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 4))

    async def start(self, path: Path) -> None:
        """Listen on a socket at this path; a socket that a dead conductor left there is replaced."""
        path.unlink(missing_ok=True)
        self._server = await asyncio.start_unix_server(self._serve, path, limit=LONGEST_REQUEST)
        self._path = path
        path.chmod(0o600)

    async def stop(self) -> None:
        """Remove the socket and close all connections."""
        if self._server is None or self._path is None:
            return
        self._path.unlink(missing_ok=True)
        self._server.close()
        for subscriber in self._subscribers:
            subscriber.close()
        await asyncio.sleep(0)  # Let the event loop close the transports.

    def publish(self) -> None:
        """Send the session to all subscribers, except those that have not read the previous snapshots."""
        if not self._subscribers:
            return
        line = _encode_line(Response(snapshot=self._snapshot()))
        for subscriber in self._subscribers:
            if subscriber.transport.get_write_buffer_size() < _MAX_BACKLOG:
                subscriber.write(line)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._clients += 1
        try:
            if _read_peer_uid(writer) not in (os.getuid(), 0):
                return
            if self._clients > self._most_clients:
                writer.write(_encode_line(Response(refused="too many clients; close some and try again")))
                return
            while line := await reader.readline():
                writer.write(_encode_line(self._respond(line, writer)))
                await writer.drain()
        except (ConnectionError, ValueError):  # ValueError: the line is longer than any request.
            pass
        finally:
            self._clients -= 1
            self._subscribers.discard(writer)
            writer.close()

    def _respond(self, line: bytes, writer: asyncio.StreamWriter) -> Response:
        try:
            request: AnyRequest = msgspec.json.decode(line, type=AnyRequest)
            self._handle(request)
        except (msgspec.MsgspecError, RecursionError) as error:
            return Response(refused=f"not a request: {error}")
        except Refused as refused:
            return Response(refused=str(refused))
        except OSError as error:
            return Response(refused=f"the request could not be recorded, please try again: {error}")
        if isinstance(request, Subscribe):
            self._subscribers.add(writer)
        return Response(snapshot=self._snapshot())


def _encode_line(response: Response) -> bytes:
    return msgspec.json.encode(response) + b"\n"


def _read_peer_uid(writer: asyncio.StreamWriter) -> int:
    peer: socket.socket = writer.get_extra_info("socket")
    credentials = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return int(struct.unpack("3i", credentials)[1])
