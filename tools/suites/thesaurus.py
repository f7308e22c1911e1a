"""Build the thesaurus of the suites from WordNet: `python -m tools.suites.thesaurus /usr/share/wordnet`.

It writes `phases/scoring/thesaurus.txt`: for each content word of a suite, the words that WordNet relates to
it; and `phases/scoring/occurrences.txt`: how often each common word occurs in WordNet's tagged texts. Both
have stems of words, because stemming all words when the filters start would take long. Build them again
after adding prompts. WordNet 3.0 is Debian's package wordnet-base.
"""

import itertools
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from phases.contract import files
from phases.scoring.paraphrase_terms import REQUEST_WORDS
from phases.scoring.suite import STAGE1, TEST_HALF, load_suite
from phases.scoring.thesaurus import OCCURRENCES, THESAURUS
from phases.verifiers.stems import FUNCTION_WORDS, fold_text, stem
from phases.verifiers.text import WORD_PART

_PARTS: Final = {"noun": "n", "verb": "v", "adj": "a", "adv": "r"}
_SENSES: Final = 2
"""The first senses of a word are by far the most frequent ones."""
_MIN_COUNT: Final = 2
"""Occurrences in WordNet's tagged texts from which a word counts as everyday English."""
_COMMON_COUNT: Final = 8
"""Occurrences from which a word is common."""
_VERB_SENSE: Final = "2:"
_DERIVED: Final = ("+", "\\")
_SIMILAR: Final = "&"
KIND_OF: Final = "~"
INSTANCE: Final = "~i"
_BROADER: Final = "@"
_MOST_SPECIFIC_COUNT: Final = 60
"""More frequent words relate too many others: act, person, place."""
_ENDINGS: Final = (
    ("s", ""),
    ("es", ""),
    ("ies", "y"),
    ("ed", ""),
    ("ed", "e"),
    ("ing", ""),
    ("ing", "e"),
    ("er", ""),
    ("er", "e"),
    ("est", ""),
    ("est", "e"),
)
_NOTICE: Final = """\
# {title}, built from WordNet 3.0 by tools/suites/thesaurus.py. The license of WordNet:
#
"""


@dataclass
class WordNet:
    """The parts of WordNet that relate words.

    Attributes:
        synsets: the words and pointers of each set of synonyms: symbol, other set, places of both words.
        senses: the sets of each word, the most frequent ones of each part of speech first.
        bases: the base forms of irregular forms.
        counts: the occurrences of each word in tagged texts.
        verbs: those of them in which the word is a verb.
    """

    synsets: dict[str, tuple[list[str], list[tuple[str, str, int, int]]]] = field(default_factory=dict)
    senses: dict[str, list[list[str]]] = field(default_factory=lambda: defaultdict(list))
    bases: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    counts: Counter[str] = field(default_factory=Counter)
    verbs: Counter[str] = field(default_factory=Counter)

    def list_bases(self, word: str) -> set[str]:
        """Return the words of which a word may be a form."""
        regular = {word[: -len(end)] + other for end, other in _ENDINGS if word.endswith(end)}
        return {base for base in {word, *regular, *self.bases.get(word, ())} if base in self.senses}

    def list_related(self, word: str) -> set[str]:
        """Return synonyms and similar words of a word's first senses, and words derived from these.

        Add the broader and the narrower words of its first sense, unless they are very common.
        """
        related: set[str] = set()
        for senses in self.senses.get(word, ()):
            for place_of_sense, key in enumerate(senses[:_SENSES]):
                words, pointers = self.synsets[key]
                related.update(words)
                for symbol, other, own_place, place in pointers:
                    others = self.synsets[other][0]
                    if symbol == _SIMILAR:
                        related.update(others)
                    elif symbol in _DERIVED and own_place:
                        related.add(others[place - 1])
                    elif symbol in (_BROADER, KIND_OF) and place_of_sense == 0:
                        related.update(word for word in others if self.counts[word] <= _MOST_SPECIFIC_COUNT)
        return related


def read_wordnet(folder: Path) -> WordNet:
    """Return the WordNet in a folder of its database files."""
    net = WordNet()
    for name, part in _PARTS.items():
        for fields in _read_records(folder / f"data.{name}"):
            count = int(fields[3], 16)
            words = [fields[4 + 2 * n].split("(")[0].lower() for n in range(count)]
            start = 5 + 2 * count
            rest = fields[start : start + 4 * int(fields[start - 1])]
            pointers = [
                (symbol, _join_key(other_part, offset), int(places[:2], 16), int(places[2:], 16))
                for symbol, offset, other_part, places in zip(*(rest[n::4] for n in range(4)), strict=True)
                if symbol in (*_DERIVED, _SIMILAR, _BROADER, KIND_OF, INSTANCE)
            ]
            net.synsets[_join_key(part, fields[0])] = (words, pointers)
        for fields in _read_records(folder / f"index.{name}"):
            offsets = fields[-int(fields[2]) :]
            net.senses[fields[0]].append([_join_key(part, offset) for offset in offsets])
        for line in (folder / f"{name}.exc").read_text(encoding="utf-8").splitlines():
            form, *bases = line.split()
            net.bases[form].update(bases)
    for line in (folder / "cntlist.rev").read_text(encoding="utf-8").splitlines():
        key, _, occurrences = line.split()
        word, sense = key.split("%")
        net.counts[word] += int(occurrences)
        net.verbs[word] += int(occurrences) * sense.startswith(_VERB_SENSE)
    return net


def read_license(folder: Path) -> str:
    """Return WordNet's license as comment lines; it must appear on every copy of the data."""
    lines = (folder / "data.noun").read_text(encoding="utf-8").splitlines()
    license_lines = itertools.takewhile(lambda line: line.startswith(" "), lines)
    return "".join(f"# {line.strip().partition(' ')[2]}".rstrip() + "\n" for line in license_lines)


def _read_records(path: Path) -> Iterator[list[str]]:
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.startswith(" "):  # The license is indented.
            yield line.split(" | ")[0].split()


def _join_key(part: str, offset: str) -> str:
    return f"{'a' if part == 's' else part}{offset}"


def relate_words(words: set[str], net: WordNet) -> dict[str, list[str]]:
    """Return the stems of the related words of each word that has any, by its stem.

    Words of everyday English are related in both directions, unless they are very common.
    """
    everyday = {word for word, count in net.counts.items() if count >= _MIN_COUNT and word.isalpha()}
    forms: dict[str, set[str]] = defaultdict(set)
    for form, bases in net.bases.items():
        for base in bases:
            forms[base].add(form)
    inverse: dict[str, set[str]] = defaultdict(set)
    for word in everyday:
        if net.counts[word] <= _MOST_SPECIFIC_COUNT:
            for other in net.list_related(word):
                inverse[other].add(word)
    related: dict[str, set[str]] = defaultdict(set)
    for word in words:
        bases = net.list_bases(word)
        others = {
            *bases,
            *(form for base in bases for form in forms[base]),
            *(other for base in bases for other in net.list_related(base) | inverse[base]),
        }
        related[stem(word)].update(stem(other) for other in others if other.isalpha() and _is_content(other))
    distinct = {stemmed: sorted(related[stemmed] - {stemmed}) for stemmed in sorted(related)}
    return {stemmed: others for stemmed, others in distinct.items() if others}


def list_common_words(net: WordNet) -> dict[str, int]:
    """Return the occurrences of common words and of their irregular forms by the stems of the words."""
    common = {word: count for word, count in net.counts.items() if count >= _COMMON_COUNT and word.isalpha()}
    irregular = {
        form: max(counts)
        for form, bases in net.bases.items()
        if form not in common and (counts := [common[base] for base in bases if base in common])
    }
    occurrences: Counter[str] = Counter()
    for word, count in (common | irregular).items():
        occurrences[stem(word)] += count
    return dict(sorted(occurrences.items()))


def _is_content(word: str) -> bool:
    return word not in FUNCTION_WORDS and stem(word) not in REQUEST_WORDS and not word[0].isdigit()


def main() -> int:
    """Write the thesaurus."""
    folder = Path(sys.argv[1])
    suites = (load_suite(STAGE1), load_suite(STAGE1 + TEST_HALF))
    texts = [prompt.instruction for suite in suites for prompt in suite.prompts]
    words = {word for text in texts for word in WORD_PART.findall(fold_text(text)) if _is_content(word)}
    net = read_wordnet(folder)
    related = [" ".join((word, *others)) for word, others in relate_words(words, net).items()]
    _write(THESAURUS, "Stems of related words", folder, related)
    common = [f"{word} {count}" for word, count in list_common_words(net).items()]
    _write(OCCURRENCES, "Stems of words with their occurrences in tagged texts", folder, common)
    return 0


def _write(path: Path, title: str, folder: Path, lines: list[str]) -> None:
    text = "".join(line + "\n" for line in lines)
    files.write_atomically(path, (_NOTICE.format(title=title) + read_license(folder) + text).encode())
    sys.stdout.write(f"{path}: {len(lines)} words\n")


if __name__ == "__main__":
    raise SystemExit(main())
