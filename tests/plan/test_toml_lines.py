"""Every key of a document has its line."""

import tomllib

import tomlkit
from hypothesis import given, settings
from hypothesis import strategies as st

from app.plan.toml_lines import Path, find_lines

SOURCE = """\
a.b = 1 # a comment
[session]
"quoted key" = "x"

[[phase]]
id = "one"
list = [ # a comment
  { x = 1 },
  { y = [1,
         2] },
]
[phase.gate]
ask = "always"
[[phase.gate.rule]]
when = '''
many
lines'''
[[phase]]
id = "two"
[profile.small]
phase.one.params = { n = 1 }
"""


def test_the_lines_of_keys() -> None:
    found = find_lines(SOURCE)
    assert {path: line for path, line in found.items() if path[0] != "session"} == {
        ("a",): 1,
        ("a", "b"): 1,
        ("phase",): 5,
        ("phase", 0): 5,
        ("phase", 0, "id"): 6,
        ("phase", 0, "list"): 7,
        ("phase", 0, "list", 0): 8,
        ("phase", 0, "list", 0, "x"): 8,
        ("phase", 0, "list", 1): 9,
        ("phase", 0, "list", 1, "y"): 9,
        ("phase", 0, "list", 1, "y", 0): 9,
        ("phase", 0, "list", 1, "y", 1): 10,
        ("phase", 0, "gate"): 12,
        ("phase", 0, "gate", "ask"): 13,
        ("phase", 0, "gate", "rule"): 14,
        ("phase", 0, "gate", "rule", 0): 14,
        ("phase", 0, "gate", "rule", 0, "when"): 15,
        ("phase", 1): 18,
        ("phase", 1, "id"): 19,
        ("profile",): 20,
        ("profile", "small"): 20,
        ("profile", "small", "phase"): 21,
        ("profile", "small", "phase", "one"): 21,
        ("profile", "small", "phase", "one", "params"): 21,
        ("profile", "small", "phase", "one", "params", "n"): 21,
    }
    assert found["session", "quoted key"] == 3


def paths(value: object, above: Path = ()) -> set[Path]:
    items: dict[str | int, object] = {}
    if isinstance(value, dict):
        items = value
    elif isinstance(value, list):
        items = dict(enumerate(value))
    return {above} | {path for key, item in items.items() for path in paths(item, (*above, key))}


KEYS = st.one_of(st.sampled_from(["a", "b", "a b", "a.b", "é", "'", '"']), st.text(max_size=3))
VALUES = st.recursive(
    st.one_of(st.integers(-9, 9), st.booleans(), st.text(max_size=5)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3)),
    max_leaves=8,
)


@settings(max_examples=200, deadline=None)
@given(document=st.dictionaries(KEYS, VALUES, max_size=4))
def test_all_paths_of_any_document_are_found(document: dict[str, object]) -> None:
    source = tomlkit.dumps(document)
    found = find_lines(source)
    assert paths(tomllib.loads(source)) - {()} <= set(found)
    assert all(1 <= line <= source.count("\n") + 1 for line in found.values())
