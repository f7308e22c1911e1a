import asyncio
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from app.monitor import gpu
from app.monitor.gpu import GpuReader
from app.session import notify, reproduce, start
from app.session.clock import SystemClock
from app.session.engine import attempt_runner, observer
from app.session.engine.conductor import Conductor
from app.session.pod import guard
from tests.session.conftest import FAST
from tests.session.pod.plans import GUARDED, format_head

Phase = Callable[..., dict[str, Any]]


def test_a_process_that_is_stuck_in_the_driver_does_not_hide_the_end_of_a_phase(
    toy: Any, sh: Phase, monkeypatch: pytest.MonkeyPatch
) -> None:
    hanging = threading.Event()
    monkeypatch.setattr(attempt_runner, "find_recent_holders", lambda seconds: hanging.wait())
    monkeypatch.setattr(attempt_runner, "_HOLDERS_SECONDS", 0.1)
    plan = toy.plan(sh("true", gate={"ask": "never"}))
    folder = start.open_session(plan, approved="test", settings=FAST)
    conductor = Conductor(folder, SystemClock(), {"PATH": "/usr/bin:/bin"})
    try:
        asyncio.run(asyncio.wait_for(conductor.run(), 30))
    finally:
        hanging.set()
    assert conductor.build_snapshot().state == "finished"


def test_a_hanging_driver_and_webhook_do_not_delay_the_stop_of_the_pod(
    toy: Any, sh: Phase, monkeypatch: pytest.MonkeyPatch
) -> None:
    hanging = threading.Event()

    def hang(*arguments: object) -> Any:
        hanging.wait()

    monkeypatch.setattr(GpuReader, "read", hang)
    monkeypatch.setattr(reproduce, "read_gpu_names", partial(gpu.read_gpu_names, 0.1))
    monkeypatch.setattr(notify, "send_notification", hang)
    monkeypatch.setattr(observer.calibration, "calibrate", hang)
    head = format_head(toy, "1 s") + '[notify]\nurls = ["NO_SUCH_URL"]\n'
    plan = toy.plan(sh("true", gate={"ask": "always"}), head=head)
    folder = start.open_session(plan, approved="test", settings=GUARDED)

    async def conduct() -> None:
        conductor = Conductor(folder, SystemClock(), {"PATH": "/usr/bin:/bin"})
        running = asyncio.create_task(conductor.run())
        deadline = time.monotonic() + 20
        while not (toy.root / "stops").exists():
            assert time.monotonic() < deadline
            await asyncio.sleep(0.05)
        assert conductor.build_snapshot().state == "gate"
        conductor._leave()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    try:
        asyncio.run(conduct())
    finally:
        hanging.set()
    assert (folder / guard.ORDERS_FILE).exists()
    record = (folder / reproduce.RECORD).read_text()
    assert "unknown: the GPU driver did not respond within 0 s" in record
