"""The cockpit in a browser: on loopback only, read-only by default, for its own page only."""

import asyncio
import shlex
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest
from aiohttp import WSServerHandshakeError
from aiohttp.test_utils import TestClient, TestServer

from app.tui.serve import HOST, LoopbackServer, build_command


@pytest.mark.parametrize("may_decide", [False, True])
def test_it_is_read_only_by_default(may_decide: bool) -> None:
    words = shlex.split(build_command(Path("a folder"), may_decide=may_decide))
    assert words[words.index("--session") + 1] == str(Path("a folder").absolute())
    assert ("--read-only" in words) is not may_decide


async def client(shown: str) -> tuple[Any, str]:
    server = LoopbackServer(shown, 0)
    listening = TestServer(await server._make_app(), host=HOST)
    await listening.start_server()
    assert listening.port is not None
    server.port, server.public_url = listening.port, f"http://{HOST}:{listening.port}"
    return TestClient(listening), server.path


async def test_it_answers_its_own_page_and_no_other() -> None:
    page, path = await client("true")
    async with page:
        port = page.port
        assert (await page.get(path)).status == 200
        assert (await page.get(path, headers={"Origin": f"http://localhost:{port}"})).status == 200
        assert (await page.get(path, headers={"Origin": "http://elsewhere.example"})).status == 403
        assert (await page.get(path, headers={"Host": f"elsewhere.example:{port}"})).status == 403
        with pytest.raises(WSServerHandshakeError, match="403"):
            await page.ws_connect(f"{path}ws", headers={"Origin": "http://elsewhere.example"})


async def test_it_answers_only_requests_with_its_token() -> None:
    page, path = await client("true")
    assert len(path) > 30
    other = LoopbackServer("true", 0).path
    assert other != path
    async with page:
        paths = ("/", "/ws", "/static/js/textual.js", "/download/x", other, f"{path[:-2]}/", f"/x{path}")
        for wrong in paths:
            response = await page.get(wrong)
            assert response.status == 403, wrong
            assert path.strip("/") not in await response.text()
        for wrong in ("/ws", f"{other}ws"):
            with pytest.raises(WSServerHandshakeError, match="403"):
                await page.ws_connect(wrong)
        assert (await page.get(f"{path}static/js/textual.js")).status == 200


async def test_no_other_page_shows_it_or_learns_its_address() -> None:
    page, path = await client("true")
    async with page:
        for place in (path, "/", f"{path}static/css/xterm.css"):
            answer = await page.get(place)
            policy = answer.headers["Content-Security-Policy"]
            assert "frame-ancestors 'none'" in policy
            assert "default-src 'none'" in policy
            assert f"connect-src 'self' http://127.0.0.1:{page.port}" in policy
            assert "googleapis" not in policy
            assert answer.headers["X-Frame-Options"] == "DENY"
            assert answer.headers["Referrer-Policy"] == "no-referrer"
            assert answer.headers["Cache-Control"] == "no-store"


async def test_a_page_shows_the_screens_and_ends_them_when_it_is_closed() -> None:
    shown = shlex.join([sys.executable, "-m", "tests.tui.fake", "running"])
    page, path = await client(shown)
    async with page, page.ws_connect(f"{path}ws?width=80&height=24") as socket:
        sent = b""
        while b"PHASES" not in sent:
            sent += await socket.receive_bytes(timeout=60)
        children = psutil.Process().children()
        # A child of another test may be a zombie, which has no command line.
        living = [child for child in children if child.status() != psutil.STATUS_ZOMBIE]
        [viewer] = [child for child in living if "tests.tui.fake" in " ".join(child.cmdline())]
        await socket.close()
        async with asyncio.timeout(60):
            while viewer.is_running():
                await asyncio.sleep(0.01)
