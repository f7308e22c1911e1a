"""The kinds of things that complete the closed sets."""

import pytest

from phases.verifiers.items import index_names, make_key
from phases.verifiers.kinds import KINDS, list_kind
from phases.verifiers.registry import Check, follows
from tools.suites.closed_sets import CLOSED_SETS, allow
from tools.suites.kinds import NAMED, SENSES


@pytest.mark.parametrize("kind", [*SENSES, *NAMED])
def test_each_name_of_a_kind_can_be_found(kind: str) -> None:
    things = list_kind(kind)
    assert len(things) > 5
    assert all(name and make_key(f"the {name}") == name for names in things for name in names)


def test_a_kind_has_the_license_of_wordnet() -> None:
    assert "# WordNet 3.0 Copyright 2006 by Princeton University." in KINDS.read_text()


def test_a_kind_adds_names_to_the_items_of_a_set() -> None:
    names = index_names(("oak", ":trees"))
    assert names["oak"] == names["oak tree"] == "oak"
    assert names["hornbeam"] != names["oak"]
    assert allow("planets") == CLOSED_SETS["planets"]


@pytest.mark.parametrize(
    ("kind", "instruction", "right", "wrong"),
    [
        (
            "birds",
            "Name three birds.",
            "Kittiwakes, a bittern and a shoveler.",
            "Kittiwakes, a bittern and a bat.",
        ),
        ("trees", "Name three kinds of tree.", "Hornbeam, sassafras, tamarack", "Hornbeam, sassafras, tulip"),
        ("spices", "Name three spices.", "fenugreek\nmace\nstar anise", "fenugreek\nmace\nflour"),
        ("rivers", "Name three rivers.", "Aare, Adige, Allegheny", "Aare, Adige, Alps"),
        ("trees", "Name three trees.", "oak, ash, elm", "oak, oak tree, elm"),
    ],
)
def test_lists_may_have_items_that_no_table_foresees(
    kind: str, instruction: str, right: str, wrong: str
) -> None:
    check = Check("items", {"count": 3, "allowed": allow(kind)})
    assert follows(instruction, [check], right)
    assert not follows(instruction, [check], wrong, loose=True)
