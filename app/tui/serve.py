"""The cockpit in a browser: `gonogo serve`, on this machine's loopback interface only.

Anyone who can open the page can use all of it, so it is read-only unless the operator allows
decisions. It answers no page of another site, which a browser would otherwise let send requests.
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


def build_command(folder: Path, *, may_decide: bool) -> str:
    """Return the shell command that shows a session, outside a tmux that the server may run in."""
    words = [sys.executable, "-P", "-m", "app.cli", "attach", "--session", str(folder.absolute())]
    return shlex.join(["env", "-u", "TMUX", *words, *([] if may_decide else ["--read-only"])])


def is_same_site(request: web.Request, port: int) -> bool:
    """Return whether a request names this page's host, and comes from this page or from no page."""
    names = {f"{HOST}:{port}", f"localhost:{port}"}
    origin = request.headers.get("Origin")
    return request.host in names and (origin is None or urlsplit(origin).netloc in names)


class LoopbackServer(Server):
    """A server of the cockpit that answers only its own page."""

    async def _make_app(self) -> web.Application:
        app = await super()._make_app()

        @web.middleware
        async def refuse_other_sites(request: web.Request, handler: Handler) -> web.StreamResponse:
            if not is_same_site(request, self.port):
                raise web.HTTPForbidden(text="This page is only for this machine.")
            return await handler(request)

        app.middlewares.append(refuse_other_sites)
        return app

    def initialize_logging(self) -> None:
        """Log only failures."""

    async def on_startup(self, app: web.Application) -> None:
        """Print nothing: `serve` has already printed the address."""


def serve(folder: Path, port: int, say: Callable[[str], None], *, may_decide: bool) -> int:
    """Serve the screens of a session until interrupted.

    Raises:
        SessionError: the port is taken.
    """
    server = LoopbackServer(
        build_command(folder, may_decide=may_decide), host=HOST, port=port, title="gonogo"
    )
    say(f"gonogo: http://{HOST}:{port} shows the session; Ctrl+C ends the page, not the session")
    try:
        server.serve()
    except (OSError, OverflowError) as error:
        reason = error.strerror if isinstance(error, OSError) else "expected 0 to 65535"
        raise SessionError(f"port {port}: {reason}; choose another with --port") from None
    return 0
