"""The cockpit in a browser: `gonogo serve`, on this machine's loopback alone.

Whoever may open the page may do what it offers, so it only shows, unless it is told otherwise; and it answers
no page of another site, which a browser would let talk to it as well.
"""

import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler
from textual_serve.server import Server

from app.session.registry import SessionError

HOST: Final = "127.0.0.1"


def command(folder: Path, *, may_decide: bool) -> str:
    """Return the shell's words that show a session; tmux, which may be around the server, is not."""
    words = [sys.executable, "-P", "-m", "app.cli", "attach", "--session", str(folder.absolute())]
    return shlex.join(["env", "-u", "TMUX", *words, *([] if may_decide else ["--read-only"])])


def is_ours(request: web.Request, port: int) -> bool:
    """Return whether a request is for this page by its own name, and comes from it or from no page."""
    names = {f"{HOST}:{port}", f"localhost:{port}"}
    origin = request.headers.get("Origin")
    return request.host in names and (origin is None or urlsplit(origin).netloc in names)


class LoopbackServer(Server):
    """A server of the cockpit that answers only its own page."""

    async def _make_app(self) -> web.Application:
        app = await super()._make_app()

        @web.middleware
        async def only_ours(request: web.Request, handler: Handler) -> web.StreamResponse:
            if not is_ours(request, self.port):
                raise web.HTTPForbidden(text="This page is for this machine alone.")
            return await handler(request)

        app.middlewares.append(only_ours)
        return app

    def initialize_logging(self) -> None:
        """Log nothing but what fails."""

    async def on_startup(self, app: web.Application) -> None:
        """Say nothing before it is there: `serve` has said where the page is."""


def serve(folder: Path, port: int, say: Callable[[str], None], *, may_decide: bool) -> int:
    """Serve the screens of a session until interrupted.

    Raises:
        SessionError: the port is taken.
    """
    server = LoopbackServer(command(folder, may_decide=may_decide), host=HOST, port=port, title="gonogo")
    say(f"gonogo: http://{HOST}:{port} shows the session; Ctrl+C ends the page, not the session")
    try:
        server.serve()
    except OSError as error:
        raise SessionError(f"port {port}: {error.strerror}; choose another with --port") from None
    return 0
