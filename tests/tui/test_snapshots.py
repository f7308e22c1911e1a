"""How the screens look. After a wanted change: `python -m pytest tests/tui --snapshot-update`; look."""

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from app.tui.app import CockpitApp
from tests.tui import fake
from widgets.frame import Frame

Compare = Callable[..., bool]
SMALL, MIDDLE, LARGE = (80, 24), (120, 40), (200, 50)


def app(frame: Frame, **options: object) -> CockpitApp:
    return CockpitApp(fake.FakeSession(frame.snapshot), None, frame, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("size", [SMALL, MIDDLE, LARGE], ids=["80x24", "120x40", "200x50"])
@pytest.mark.parametrize(
    "frame", [fake.running, fake.two_gpus, fake.gate_evaluated], ids=lambda v: v.__name__
)
def test_screens(snap_compare: Compare, frame: Callable[[], Frame], size: tuple[int, int]) -> None:
    assert snap_compare(app(frame()), terminal_size=size)


@pytest.mark.parametrize(
    "frame",
    [
        fake.gate_passes,
        fake.gate_compared,
        fake.gate_fails,
        fake.finished,
        fake.pod_waits,
        fake.starting,
        fake.no_gpu,
        fake.eight_gpus,
        fake.stalled,
        fake.out_of_memory,
        fake.over_budget,
        fake.all_nan,
    ],
    ids=lambda v: v.__name__,
)
def test_states(snap_compare: Compare, frame: Callable[[], Frame]) -> None:
    assert snap_compare(app(frame()), terminal_size=SMALL)


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["80x24", "200x50"])
def test_questions(snap_compare: Compare, size: tuple[int, int]) -> None:
    assert snap_compare(app(fake.gate_asked()), press=["t"], terminal_size=size)


def test_narrow(snap_compare: Compare) -> None:
    assert snap_compare(app(fake.running()), terminal_size=(60, 18))


@pytest.mark.parametrize("theme", ["gonogo-light", "gonogo-ansi"])
def test_themes(snap_compare: Compare, theme: str) -> None:
    assert snap_compare(app(fake.running(), theme=theme), terminal_size=SMALL)


@pytest.mark.parametrize(
    ("frame", "keys"),
    [
        pytest.param(fake.running, ["l", "slash", *"checkpoint", "enter"], id="log_search"),
        pytest.param(fake.running, ["s"], id="samples"),
        pytest.param(fake.running, ["p"], id="plan"),
        pytest.param(fake.running, ["c"], id="decisions"),
        pytest.param(fake.running, ["question_mark"], id="help"),
        pytest.param(fake.running, ["q"], id="quit"),
        pytest.param(fake.retried, ["z", "w", "right", "left_square_bracket", "plus"], id="chart"),
        pytest.param(fake.running, ["u"], id="machine"),
        pytest.param(fake.gate_passes, ["a", "down", "down"], id="artifacts"),
        pytest.param(fake.gate_fails, ["g"], id="go_against_verdict"),
        pytest.param(fake.gate_fails, ["r", "1", "down", "down", "down", "enter"], id="retry"),
    ],
)
def test_keys(snap_compare: Compare, frame: Callable[[], Frame], keys: list[str]) -> None:
    assert snap_compare(app(frame()), press=keys, terminal_size=SMALL)


def test_ascii(snap_compare: Compare, ascii_terminal: None) -> None:
    assert snap_compare(app(fake.running()), terminal_size=SMALL)


def test_preflight(snap_compare: Compare) -> None:
    frame = fake.running()
    cockpit = CockpitApp(fake.FakeSession(frame.snapshot), None, frame, checks=lambda: iter(fake.CHECKS))
    assert snap_compare(cockpit, press=["i"], terminal_size=SMALL)


def test_read_only_gate_offers_no_decision(snap_compare: Compare) -> None:
    frame = fake.gate_passes()
    quiet = replace(frame.snapshot, notices=("2 % of the disk is left",))
    assert snap_compare(app(Frame(quiet, frame.now, frame.output), read_only=True), terminal_size=SMALL)
