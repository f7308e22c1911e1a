"""Prompts are split into prefixes that they share and remainders."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from phases.generation.prefixes import split_prefixes

STEMS = [tuple(range(100 * n, 100 * n + 40)) for n in range(3)]


@given(
    st.lists(
        st.tuples(st.sampled_from(STEMS), st.integers(0, 40), st.lists(st.integers(0, 2), max_size=3)),
        min_size=1,
    )
)
def test_prefix_and_remainder_are_the_prompt(parts: list[tuple[tuple[int, ...], int, list[int]]]) -> None:
    prompts = list(dict.fromkeys((*stem[:length], *tail, 9) for stem, length, tail in parts))
    if split := split_prefixes(prompts):
        assert all(split.remainders)
        assert prompts == [
            split.prefixes[n] + remainder
            for n, remainder in zip(split.prefix_of_prompt, split.remainders, strict=True)
        ]
        read = len(split.prefixes) * max(map(len, split.prefixes))
        assert 2 * read <= len(prompts) * max(map(len, prompts))


def test_prompts_with_the_same_examples_share_a_prefix() -> None:
    prompts = [(*stem, number, 7) for stem in STEMS for number in range(10)]
    split = split_prefixes(Random(1).sample(prompts, len(prompts)))
    assert split is not None
    assert split.prefixes == STEMS
    assert {len(remainder) for remainder in split.remainders} == {2}


def test_prompts_with_little_in_common_are_not_split() -> None:
    assert split_prefixes([(1, 2, 3, *stem) for stem in STEMS]) is None
    assert split_prefixes([STEMS[0]]) is None
    assert split_prefixes([(*STEMS[0], 1), *STEMS[1:]]) is None
