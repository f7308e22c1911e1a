"""Build the kinds of things from WordNet: `python -m tools.suites.kinds /usr/share/wordnet`.

It writes `phases/verifiers/kinds.txt`: for each kind the names of everything that WordNet lists below it.
They complete the closed sets, which are written by hand. WordNet 3.0 is Debian's package wordnet-base.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from phases.contract import files
from phases.verifiers.item_names import make_key
from phases.verifiers.kinds import KINDS
from tools.suites.thesaurus import INSTANCE, KIND_OF, WordNet, read_license, read_wordnet

SENSES: Final[dict[str, tuple[tuple[str, int], ...]]] = {
    "birds": (("bird", 1),),
    "board games": (("board_game", 1),),
    "body parts": (("body_part", 1),),
    "bowed instruments": (("bowed_stringed_instrument", 1),),
    "clothes": (("clothing", 1),),
    "colours": (("chromatic_color", 1), ("achromatic_color", 1)),
    "conifers": (("conifer", 1),),
    "cooking things": (("cooking_utensil", 1), ("kitchen_utensil", 1), ("kitchen_appliance", 1)),
    "dairy products": (("dairy_product", 1),),
    "flying animals": (
        ("bird", 1),
        ("bat", 1),
        ("bee", 1),
        ("beetle", 1),
        ("dipterous_insect", 1),
        ("lepidopterous_insect", 1),
        ("odonate", 1),
        ("wasp", 2),
        ("mayfly", 1),
        ("lacewing", 1),
        ("locust", 1),
    ),
    "flowers": (("flower", 1),),
    "fruits": (("edible_fruit", 1),),
    "furniture": (("furniture", 1),),
    "insects": (("insect", 1),),
    "instruments": (("musical_instrument", 1),),
    "jobs": (("skilled_worker", 1), ("professional", 1), ("artist", 1), ("performer", 1), ("craftsman", 3)),
    "metals": (("metallic_element", 1), ("alloy", 1)),
    "nuts": (("edible_nut", 1),),
    "percussion": (("percussion_instrument", 1),),
    "pets": (("dog", 1), ("domestic_cat", 1)),
    "reptiles": (("reptile", 1),),
    "savanna animals": (("antelope", 1),),
    "spices": (("spice", 2), ("herb", 2)),
    "sports": (("sport", 1), ("athletic_game", 1)),
    "trees": (("tree", 1), ("conifer", 1)),
    "vegetables": (("vegetable", 1),),
    "wind instruments": (("wind_instrument", 1),),
}
"""The senses of nouns below which WordNet lists the things of a kind."""
NAMED: Final = {"rivers": (("river", 1),), "scientists": (("scientist", 1),)}
"""Kinds of which only things with a name are wanted."""
_NOT_A_THING: Final = re.compile(r"(?:family|genus|order) ")
_OTHER_KINDS: Final = {
    "flying animals": (("ratite", 1), ("penguin", 1), ("dodo", 2), ("great_auk", 1)),
    "spices": (("tea", 5),),
}
"""Nouns below a kind that most people do not count among it, with all that is below them."""
_NOTICE: Final = """\
# Names of things by their kind, built from WordNet 3.0 by tools/suites/kinds.py. The license of WordNet:
#
"""


def list_members(net: WordNet, kind: str, word: str, sense: int) -> Iterator[list[str]]:
    """Yield the names of each thing of a kind that is below a sense of a noun."""
    named = kind in NAMED
    seen = {net.senses[noun][0][place - 1] for noun, place in _OTHER_KINDS.get(kind, ())}
    pending = [net.senses[word][0][sense - 1]]
    while pending:
        _, pointers = net.synsets[pending.pop()]
        for symbol, other, *_ in pointers:
            if symbol in {KIND_OF, INSTANCE} and other not in seen:
                seen.add(other)
                pending.append(other)
                names = [make_key(name.replace("_", " ")) for name in net.synsets[other][0]]
                if (symbol == INSTANCE) == named and not any(map(_NOT_A_THING.match, names)):
                    yield names


def list_verbs(net: WordNet) -> list[str]:
    """Return the words that are a verb more often than anything else in tagged texts."""
    return sorted(
        word for word, count in net.verbs.items() if word.isalpha() and 2 * count > net.counts[word]
    )


def main() -> int:
    """Write the kinds."""
    folder = Path(sys.argv[1])
    net = read_wordnet(folder)
    lines = []
    for kind, senses in (SENSES | NAMED).items():
        things = [names for sense in senses for names in list_members(net, kind, *sense)]
        items = sorted({"|".join(dict.fromkeys(names)) for names in things})
        lines.append(f"{kind}: {', '.join(items)}\n")
    lines.append(f"verbs: {', '.join(list_verbs(net))}\n")
    files.write_atomically(KINDS, "".join([_NOTICE, read_license(folder), *sorted(lines)]).encode())
    sys.stdout.write(f"{KINDS}: {len(lines)} kinds\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
