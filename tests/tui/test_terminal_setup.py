"""What is sent to the terminal itself."""

from app.tui.terminal import set_title, show_notification


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
