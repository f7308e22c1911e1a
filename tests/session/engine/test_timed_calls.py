import asyncio
import subprocess
import sys
import threading
import time

import pytest

from app.session.engine.timed_calls import TimedCalls
from app.timeouts import HangingError


def test_a_result_and_an_exception_reach_the_caller() -> None:
    def fail() -> None:
        raise KeyError("x")

    async def main() -> None:
        calls = TimedCalls("it", 5.0)
        assert await calls.call(max, 1, 2) == 2
        with pytest.raises(KeyError):
            await calls.call(fail)

    asyncio.run(main())


def test_a_call_that_hangs_is_left_behind_and_further_ones_fail_at_once() -> None:
    release = threading.Event()

    async def main() -> None:
        calls = TimedCalls("the driver", 0.1)
        with pytest.raises(HangingError, match="the driver did not respond within 0 s"):
            await calls.call(release.wait)
        started = time.monotonic()
        with pytest.raises(HangingError, match="does not respond"):
            await calls.call(release.wait)
        assert time.monotonic() - started < 0.1
        release.set()
        while True:
            try:
                assert await calls.call(max, 1, 2) == 2
                return
            except HangingError:
                await asyncio.sleep(0.01)

    asyncio.run(main())


def test_a_thread_that_cannot_start_is_an_error_and_blocks_no_later_call(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    async def main() -> None:
        calls = TimedCalls("the driver", 5.0)
        with monkeypatch.context() as limited:
            limited.setattr(threading.Thread, "start", fail)
            with pytest.raises(RuntimeError):
                await calls.call(max, 1, 2)
        assert await calls.call(max, 1, 2) == 2

    asyncio.run(main())


PROGRAM = """
import asyncio, time
from app.session.engine.timed_calls import TimedCalls
from app.timeouts import HangingError

async def main():
    try:
        await TimedCalls("it", 0.1).call(time.sleep, 600)
    except HangingError:
        print("left")

asyncio.run(main())
"""


def test_a_hanging_thread_does_not_keep_the_process() -> None:
    argv = [sys.executable, "-c", PROGRAM]
    assert subprocess.run(argv, capture_output=True, text=True, timeout=30, check=True).stdout == "left\n"
