"""Prefixes that several prompts share, such as the solved examples before them: they are read once."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from operator import eq
from typing import Final

_MIN_SHARED: Final = 32
"""Prompts that share fewer tokens have a prefix each."""


@dataclass(frozen=True)
class PrefixSplit:
    """Prompts in two parts, of which the first ones are shared.

    Attributes:
        prefixes: token ids of each different prefix.
        prefix_of_prompt: the index of each prompt's prefix.
        remainders: token ids of each prompt after its prefix; at least one.
    """

    prefixes: list[tuple[int, ...]]
    prefix_of_prompt: list[int]
    remainders: list[tuple[int, ...]]

    @property
    def width(self) -> int:
        """Number of tokens of the longest prefix and of the longest remainder together."""
        return max(map(len, self.prefixes)) + max(map(len, self.remainders))


def split_prefixes(prompts: Sequence[tuple[int, ...]]) -> PrefixSplit | None:
    """Split prompts into shared prefixes and remainders, or return None if that saves less than half.

    Args:
        prompts: token ids of different prompts.
    """
    order = sorted(range(len(prompts)), key=prompts.__getitem__)
    prefixes: list[tuple[int, ...]] = []
    prefix_of_prompt = [0] * len(prompts)
    for n in order:
        shared = _count_shared(prefixes[-1], prompts[n]) if prefixes else 0
        if shared >= _MIN_SHARED:
            prefixes[-1] = prefixes[-1][:shared]
        else:
            prefixes.append(prompts[n][:-1])
        prefix_of_prompt[n] = len(prefixes) - 1
    remainders = [prompt[len(prefixes[p]) :] for prompt, p in zip(prompts, prefix_of_prompt, strict=True)]
    split = PrefixSplit(prefixes, prefix_of_prompt, remainders)
    read = len(prefixes) * max(map(len, prefixes)) + len(prompts) * max(map(len, remainders))
    return split if 2 * read <= len(prompts) * max(map(len, prompts)) else None


def _count_shared(first: Sequence[int], second: Sequence[int]) -> int:
    """Return the number of equal tokens at the start of both."""
    return sum(takewhile(bool, map(eq, first, second)))
