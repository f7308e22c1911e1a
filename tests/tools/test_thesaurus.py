"""The thesaurus of the suites is built from WordNet's files."""

from pathlib import Path

import pytest

from phases.scoring.thesaurus import OCCURRENCES, THESAURUS, load_occurrences, load_thesaurus
from tools.suites.kinds import list_members, list_verbs
from tools.suites.thesaurus import list_common_words, read_license, read_wordnet, relate_words

FILES = {
    "data.noun": "  1 The license is indented.  \n  2   \n  3 It has several lines.  \n"
    "00000001 13 n 02 beverage 0 drink 0 004 + 00000003 v 0202"
    " ~ 00000005 n 0000 ~i 00000006 n 0000 @ 00000007 n 0000 | a liquid\n"
    "00000005 13 n 02 green_tea 0 Teas 0 001 @ 00000001 n 0000 | leaves in water\n"
    "00000006 13 n 01 Nectar 0 000 | of the gods\n"
    "00000007 13 n 01 food 0 001 ~ 00000001 n 0000 | to eat or drink\n"
    "00000002 06 n 01 tooth 0 000 | hard and white\n",
    "data.verb": "00000003 34 v 02 imbibe 0 drink 0 001 + 00000001 n 0202 01 + 02 00 | take in liquids\n",
    "data.adj": "00000004 00 s 02 bold(p) 0 brave 0 000 | not afraid\n",
    "data.adv": "",
    "index.noun": "beverage n 1 1 + 1 1 00000001\ndrink n 1 1 + 1 1 00000001\ntooth n 1 0 1 1 00000002\n"
    "food n 1 1 ~ 1 1 00000007\nteas n 1 1 @ 1 1 00000005\n",
    "index.verb": "imbibe v 1 1 + 1 0 00000003\ndrink v 1 1 + 1 1 00000003\n",
    "index.adj": "bold a 1 0 1 1 00000004\nbrave a 1 0 1 1 00000004\n",
    "index.adv": "",
    "noun.exc": "teeth tooth\n",
    "verb.exc": "drank drink\n",
    "adj.exc": "",
    "adv.exc": "",
    "cntlist.rev": "beverage%1:13:00:: 1 9\ndrink%1:13:00:: 1 5\ntooth%1:06:00:: 1 3\nbrave%5:00:00:: 1 4\n"
    "bold%5:00:00:: 1 4\nimbibe%2:34:00:: 1 1\nfood%1:13:00:: 1 99\nteas%1:13:00:: 1 2\n",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def test_words_get_their_synonyms_narrower_words_and_irregular_forms(folder: Path) -> None:
    related = relate_words({"drinks", "teeth", "brave", "xylophone"}, read_wordnet(folder))
    assert related == {
        "drink": ["beverag", "drank", "imbib", "tea"],
        "teeth": ["tooth"],
        "brave": ["bold"],
    }


def test_common_words_are_listed_with_their_irregular_forms(folder: Path) -> None:
    assert list_common_words(read_wordnet(folder)) == {"beverag": 9, "food": 99}
    counts = folder / "cntlist.rev"
    counts.write_text(counts.read_text() + "tooth%1:06:00:: 2 20\n")
    assert list_common_words(read_wordnet(folder)) == {"beverag": 9, "food": 99, "teeth": 23, "tooth": 23}


def test_the_license_of_wordnet_is_copied(folder: Path) -> None:
    assert read_license(folder) == "# The license is indented.\n#\n# It has several lines.\n"
    for path in (THESAURUS, OCCURRENCES):
        assert "# WordNet 3.0 Copyright 2006 by Princeton University." in path.read_text()
        assert "# Permission to use, copy, modify and distribute this software and" in path.read_text()


def test_the_stored_thesaurus_relates_stems() -> None:
    thesaurus = load_thesaurus()
    assert "tooth" in thesaurus["teeth"]
    assert "courag" in thesaurus["brave"]
    assert all(word not in others for word, others in thesaurus.items())
    assert load_occurrences()["becom"] > load_occurrences()["tooth"]


def test_the_members_of_a_kind_are_below_it_with_all_their_names(folder: Path) -> None:
    net = read_wordnet(folder)
    assert list(list_members(net, "drinks", "beverage", 1)) == [["green tea", "tea"]]
    assert list(list_members(net, "rivers", "beverage", 1)) == [["nectar"]]


def test_verbs_are_verbs_more_often_than_anything_else(folder: Path) -> None:
    assert list_verbs(read_wordnet(folder)) == ["imbibe"]
