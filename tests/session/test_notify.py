"""Notifications of open gates."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.plan.values import Range
from app.session.notify import Notification, Reminders, build_notification, find_next_due, send_notification
from app.session.snapshot import GateView, Money, PhaseView, SessionSnapshot

GATE = GateView(
    phase="sft_evaluation",
    attempt=1,
    opened=0.0,
    because="plan",
    verdict="go",
    advice=(),
    criteria=(),
    metrics={},
)
SESSION = SessionSnapshot(
    id="s1",
    name="Stage 1",
    model="m",
    profile="",
    gpu="A100",
    folder="",
    artifacts="",
    state="gate",
    started=0.0,
    now=1.0,
    phases=(
        PhaseView(
            id="sft_evaluation",
            title="SFT evaluation",
            state="gate",
            critical=True,
            gate="always",
            estimate_hours=Range(1, 2),
            estimate_usd=Range(1, 2),
            headline="74 %",
        ),
    ),
    money=Money(
        usd_per_hour=1.74,
        budget_usd=25,
        spent_usd=8.31,
        idle_usd=0,
        idle_seconds=0,
        forecast_usd=Range(11, 14),
        ends_at=Range(0, 0),
    ),
    gate=GATE,
)
BETWEEN = msgspec.structs.replace(SESSION, gate=None, state="running")


class SteppedClock:
    def __init__(self) -> None:
        self.now = 1000.0

    def wall(self) -> float:
        return 0.0

    def mono(self) -> float:
        return self.now


def test_the_message_says_what_waits_and_what_it_costs() -> None:
    notification = build_notification(SESSION)
    assert notification == Notification(
        "gonogo: SFT evaluation waits for your decision",
        "Stage 1: verdict go. 74 %. Waiting costs $1.74 an hour; spent $8.31 of $25.",
    )
    assert build_notification(SESSION) == notification
    assert build_notification(BETWEEN) is None


def test_the_message_of_the_end_says_what_becomes_of_the_pod() -> None:
    over = msgspec.structs.replace(BETWEEN, state="finished")
    assert build_notification(over) == Notification(
        "gonogo: Stage 1 is finished", "The pod keeps running. It costs $1.74 an hour; spent $8.31 of $25."
    )
    notification = build_notification(msgspec.structs.replace(over, stops_at=0.0))
    assert notification is not None
    assert "will be stopped at" in notification.body
    assert "gonogo keep" in notification.body


def test_the_operator_is_notified_at_once_then_at_intervals() -> None:
    clock = SteppedClock()
    reminders = Reminders(clock, 900)
    seconds = []
    for second in range(2000):
        clock.now = 1000.0 + second
        if reminders.take_due(SESSION if second >= 10 else BETWEEN):
            seconds.append(second)
    assert seconds == [10, 910, 1810]


def test_another_gate_notifies_at_once_and_missed_reminders_are_skipped() -> None:
    clock = SteppedClock()
    reminders = Reminders(clock, 900)
    again = msgspec.structs.replace(SESSION, gate=msgspec.structs.replace(GATE, attempt=2))
    assert reminders.take_due(SESSION)
    assert reminders.take_due(again)
    clock.now += 100_000
    assert reminders.take_due(again)
    assert not reminders.take_due(again)
    assert not reminders.take_due(BETWEEN)
    assert reminders.take_due(msgspec.structs.replace(BETWEEN, state="finished"))


@given(st.floats(0, 1e9), st.none() | st.floats(0, 1e9), st.floats(0, 1e9), st.floats(1, 1e5))
def test_the_next_reminder_is_never_more_than_an_interval_away(
    opened: float, sent: float | None, now: float, every: float
) -> None:
    due = find_next_due(opened, sent, now, every)
    assert due == opened if sent is None else due <= now + every


@pytest.fixture
def received() -> Iterator[tuple[str, list[bytes]]]:
    bodies: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"json://127.0.0.1:{server.server_port}/secret-key", bodies
    server.shutdown()
    thread.join()
    server.server_close()


def test_apprise_delivers(received: tuple[str, list[bytes]]) -> None:
    url, bodies = received
    assert send_notification(["CHAT"], {"CHAT": url}, Notification("gate", "verdict go")) == ()
    assert b"verdict go" in bodies[0]


def test_a_failed_delivery_is_reported_without_the_url(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    environment = {"CLOSED": "json://127.0.0.1:9/secret-key", "ODD": "secret-key"}
    problems = send_notification(["CLOSED", "ODD", "UNSET"], environment, Notification("t", "b"))
    assert [next(n for n in ("CLOSED", "ODD", "UNSET") if n in p) for p in problems] == [
        "CLOSED",
        "ODD",
        "UNSET",
    ]
    shown = "".join((*problems, *capsys.readouterr(), caplog.text))
    assert "secret-key" not in shown
    assert send_notification([], environment, Notification("t", "b")) == ()
