"""The cockpit in a browser: `gonogo serve`, on this machine's loopback interface only.

Every user of the machine can reach that interface, so the address contains a token, and nothing is answered
without it. The page is read-only unless the operator allows decisions. It answers no page of another site,
cannot be shown inside one, loads nothing from elsewhere, and tells no other site its address.
"""

import secrets
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from textual_serve.server import Server

from app.session.registry import SessionError

HOST: Final = "127.0.0.1"
_TOKEN_BYTES: Final = 24


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

    def __init__(self, command: str, port: int) -> None:
        super().__init__(command, host=HOST, port=port, title="gonogo")
        self._token = secrets.token_urlsafe(_TOKEN_BYTES)

    @property
    def path(self) -> str:
        """The path of the page, with the token that every request needs."""
        return f"/{self._token}/"

    async def _make_app(self) -> web.Application:
        app = web.Application(middlewares=[self._make_guard()])
        app.add_subapp(self.path, await super()._make_app())
        app.on_response_prepare.append(self._protect)
        return app

    def _make_guard(self) -> Middleware:
        @web.middleware
        async def refuse_others(request: web.Request, handler: Handler) -> web.StreamResponse:
            token = request.path.encode().split(b"/")[1]
            if not secrets.compare_digest(token, self._token.encode()):
                raise web.HTTPForbidden(text="Open the complete address that `gonogo serve` has printed.")
            if not is_same_site(request, self.port):
                raise web.HTTPForbidden(text="This page is only for this machine.")
            return await handler(request)

        return refuse_others

    async def _protect(self, request: web.Request, response: web.StreamResponse) -> None:
        """Tell the browser what the page may load, who may show it, and to keep its address."""
        hosts = (f"{HOST}:{self.port}", f"localhost:{self.port}")
        own_sources = " ".join(("'self'", *(f"http://{host}" for host in hosts)))
        sockets = " ".join(f"ws://{host}" for host in hosts)
        policy = {
            "default-src": "'none'",
            "script-src": f"{own_sources} 'unsafe-inline'",  # The page of textual-serve has scripts in it.
            "style-src": f"{own_sources} 'unsafe-inline'",
            "img-src": f"{own_sources} data:",
            "font-src": own_sources,
            "connect-src": f"{own_sources} {sockets}",
            "frame-ancestors": "'none'",
            "base-uri": "'none'",
            "form-action": "'none'",
        }
        response.headers["Content-Security-Policy"] = "; ".join(f"{key} {policy[key]}" for key in policy)
        response.headers["X-Frame-Options"] = "DENY"
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["Cache-Control"] = "no-store"

    def initialize_logging(self) -> None:
        """Log only failures."""

    async def on_startup(self, app: web.Application) -> None:
        """Print nothing: `serve` has already printed the address."""


def serve(folder: Path, port: int, say: Callable[[str], None], *, may_decide: bool) -> int:
    """Serve the screens of a session until interrupted.

    Raises:
        SessionError: the port is taken.
    """
    server = LoopbackServer(build_command(folder, may_decide=may_decide), port)
    say(f"gonogo: {server.public_url}{server.path} shows the session; Ctrl+C ends the page, not the session")
    say("Anyone with this address can use the page, so keep it secret.")
    try:
        server.serve()
    except (OSError, OverflowError) as error:
        reason = error.strerror if isinstance(error, OSError) else "expected 0 to 65535"
        raise SessionError(f"port {port}: {reason}; choose another with --port") from None
    return 0
