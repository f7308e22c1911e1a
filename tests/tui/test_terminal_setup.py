"""What is sent to the terminal itself."""

from app.tui.terminal import notification, title


def test_a_notification_is_for_both_kinds_of_terminals_and_holds_no_command() -> None:
    assert notification("gate; verdict GO\x07", tmux=False) == (
        "\x1b]9;gate, verdict GO\N{REPLACEMENT CHARACTER}\x07"
        "\x1b]777;notify;gonogo;gate, verdict GO\N{REPLACEMENT CHARACTER}\x07"
    )


def test_tmux_hands_a_notification_on() -> None:
    assert notification("gate", tmux=True) == (
        "\x1bPtmux;\x1b\x1b]9;gate\x07\x1b\x1b]777;notify;gonogo;gate\x07\x1b\\"
    )


def test_a_title_holds_no_command() -> None:
    assert (
        title("a\x1b]52;c;x\x07") == "\x1b]2;a\N{REPLACEMENT CHARACTER}]52;c;x\N{REPLACEMENT CHARACTER}\x07"
    )
