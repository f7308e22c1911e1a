"""Prompts and completions, as every engine takes and returns them."""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec


class Sampling(msgspec.Struct, frozen=True):
    """Sampling parameters of a completion. Cache keys are computed from the fields.

    Attributes:
        max_new_tokens: tokens after which a completion is cut off.
        temperature: 0 decodes greedily.
        top_p: sample from the smallest set of most likely tokens with this probability.
        stop: a completion ends before the first of these strings.
    """

    max_new_tokens: int
    temperature: float = 0.0
    top_p: float = 1.0
    stop: tuple[str, ...] = ()


@dataclass(frozen=True)
class PromptGroup:
    """Prompts that share their sampling parameters, with one seed per prompt."""

    prompts: Sequence[str]
    seeds: Sequence[int]
    sampling: Sampling


@dataclass(frozen=True)
class Completion:
    """The text a model wrote after a prompt, without the end-of-text token or stop string.

    Attributes:
        text: the decoded text, special tokens included.
        finished: whether the model ended it, as opposed to the token limit.
        tokens: number of generated tokens, the ending included.
        stopped: whether a stop string ended it, as opposed to the end-of-text token.
    """

    text: str
    finished: bool
    tokens: int
    stopped: bool = False


IndexedCompletions = list[tuple[int, Completion]]
"""Completions with the index of their prompt, counted from 0 across all groups of a request."""
