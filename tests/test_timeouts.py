import threading
import time

import pytest

from app.timeouts import HangingError, call_within


def test_a_result_and_an_exception_reach_the_caller() -> None:
    assert call_within(5.0, "it", lambda: 3) == 3
    assert call_within(5.0, "it", lambda: None) is None
    with pytest.raises(ZeroDivisionError):
        call_within(5.0, "it", lambda: 1 // 0)


def test_a_call_that_hangs_is_left_behind() -> None:
    release = threading.Event()
    started = time.monotonic()
    with pytest.raises(HangingError, match="the driver did not respond within 0 s"):
        call_within(0.1, "the driver", release.wait)
    assert time.monotonic() - started < 5.0
    release.set()
