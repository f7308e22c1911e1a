"""The sequences that are sent to the terminal itself."""

import io
import sys
from pathlib import Path

import pytest

from app.tui import terminal
from app.tui.terminal import set_title, show_notification
from widgets import styles


def test_a_notification_is_for_both_kinds_of_terminals_and_holds_no_command() -> None:
    assert show_notification("gate; verdict GO\x07", in_tmux=False) == (
        "\x1b]9;gate, verdict GO\N{REPLACEMENT CHARACTER}\x07"
        "\x1b]777;notify;gonogo;gate, verdict GO\N{REPLACEMENT CHARACTER}\x07"
    )


def test_tmux_hands_a_notification_on() -> None:
    assert show_notification("gate", in_tmux=True) == (
        "\x1bPtmux;\x1b\x1b]9;gate\x07\x1b\x1b]777;notify;gonogo;gate\x07\x1b\\"
    )


def test_a_title_holds_no_command() -> None:
    assert (
        set_title("a\x1b]52;c;x\x07")
        == "\x1b]2;a\N{REPLACEMENT CHARACTER}]52;c;x\N{REPLACEMENT CHARACTER}\x07"
    )


@pytest.mark.parametrize("failing", ["missing", "broken", "hanging"])
def test_tmux_that_is_not_here_or_does_not_answer_leaves_the_locale_to_decide(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    monkeypatch.setenv("TMUX", "/tmp/tmux-0/default,1,0")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(terminal, "_TIMEOUT", 0.2)
    if failing != "missing":
        program = "exit 1" if failing == "broken" else "exec /bin/sleep 5"
        (tmp_path / "tmux").write_text(f"#!/bin/sh\n{program}\n")
        (tmp_path / "tmux").chmod(0o755)
    for locale, is_ascii in (("de_DE.UTF-8", False), ("de_DE.ISO-8859-1", True)):
        monkeypatch.setenv("LC_ALL", locale)
        terminal.choose_characters()
        assert styles.terminal.ascii is is_ascii
    assert terminal.copy_to_tmux("text") is False


@pytest.mark.parametrize(
    ("locale", "encoding", "is_ascii"),
    [
        ("en_US.UTF-8", "utf-8", False),
        ("en_US.UTF-8", "UTF8", False),
        ("en_US.UTF-8", "latin-1", True),
        ("C", "ascii", True),
        ("C", "utf-8", False),
        ("de_DE@euro", "utf-8", True),
        ("ja_JP.eucJP", "euc_jp", True),
    ],
)
def test_a_terminal_that_is_not_utf8_gets_ascii(
    monkeypatch: pytest.MonkeyPatch, locale: str, encoding: str, is_ascii: bool
) -> None:
    monkeypatch.setenv("LC_ALL", locale)
    monkeypatch.setattr(sys, "__stderr__", io.TextIOWrapper(io.BytesIO(), encoding=encoding))
    monkeypatch.setattr(sys, "__stdout__", None)
    terminal.choose_characters()
    assert styles.terminal.ascii is is_ascii
