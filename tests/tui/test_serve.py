"""The cockpit in a browser: on loopback alone, read-only unless told otherwise, for its own page only."""

import asyncio
import shlex
import sys
from pathlib import Path

import psutil
import pytest
from aiohttp import WSServerHandshakeError
from aiohttp.test_utils import TestClient, TestServer

from app.tui.serve import HOST, LoopbackServer, build_command


@pytest.mark.parametrize("may_decide", [False, True])
def test_it_only_shows_unless_told_otherwise(may_decide: bool) -> None:
    words = shlex.split(build_command(Path("a folder"), may_decide=may_decide))
    assert words[words.index("--session") + 1] == str(Path("a folder").absolute())
    assert ("--read-only" in words) is not may_decide


async def client(shown: str) -> TestClient:  # type: ignore[type-arg]
    server = LoopbackServer(shown, host=HOST, port=0)
    listening = TestServer(await server._make_app(), host=HOST)
    await listening.start_server()
    assert listening.port is not None
    server.port, server.public_url = listening.port, f"http://{HOST}:{listening.port}"
    return TestClient(listening)


async def test_it_answers_its_own_page_and_no_other() -> None:
    async with await client("true") as page:
        port = page.port
        assert (await page.get("/")).status == 200
        assert (await page.get("/", headers={"Origin": f"http://localhost:{port}"})).status == 200
        assert (await page.get("/", headers={"Origin": "http://elsewhere.example"})).status == 403
        assert (await page.get("/", headers={"Host": f"elsewhere.example:{port}"})).status == 403
        with pytest.raises(WSServerHandshakeError, match="403"):
            await page.ws_connect("/ws", headers={"Origin": "http://elsewhere.example"})


async def test_a_page_shows_the_screens_and_ends_them_when_it_is_closed() -> None:
    shown = shlex.join([sys.executable, "-m", "tests.tui.fake", "running"])
    async with await client(shown) as page, page.ws_connect("/ws?width=80&height=24") as socket:
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
