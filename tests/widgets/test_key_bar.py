from widgets.key_bar import KeyHint, render_key_row

KEYS = [KeyHint("g", "go"), KeyHint("r", "retry"), KeyHint("x", "stop"), KeyHint("?", "help")]


def test_keys_stand_apart() -> None:
    assert render_key_row(KEYS, 80).plain == "  g go  r retry  x stop  ? help"


def test_keys_are_closer_where_that_lets_all_fit() -> None:
    assert render_key_row(KEYS, 27).plain == " g go r retry x stop ? help"


def test_of_too_many_keys_the_first_stand_apart() -> None:
    assert render_key_row(KEYS, 26).plain == "  g go  r retry  x stop"
