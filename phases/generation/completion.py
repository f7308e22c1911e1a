"""Prompts and completions, as every engine takes and returns them."""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
from transformers import GenerationConfig

from phases.models.tokenizer import Tokenizer


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


def list_end_token_ids(tokenizer: Tokenizer, settings: GenerationConfig) -> list[int]:
    """Return the ids that end a text: the tokenizer's and those of the model's generation settings."""
    configured = settings.eos_token_id
    ids = configured if isinstance(configured, list) else [configured]
    return sorted({tokenizer.eos_id, *(i for i in ids if i is not None)})


def decode_completion(
    tokenizer: Tokenizer, end_ids: Sequence[int], ids: list[int], stop: Sequence[str]
) -> Completion:
    """Decode generated token ids, which may continue past the end of the completion.

    Args:
        tokenizer: the model's tokenizer.
        end_ids: ids that end a text.
        ids: the generated ids.
        stop: the completion ends before the first of these strings.
    """
    length = next((n for n, token in enumerate(ids) if token in end_ids), None)
    text = tokenizer.decode(ids[:length])
    cuts = [cut for cut in (text.find(string) for string in stop) if cut >= 0]
    if cuts:
        text = text[: min(cuts)]
        return Completion(text, True, _count_tokens_until_stop(tokenizer, ids, stop), stopped=True)
    return Completion(text, length is not None, len(ids) if length is None else length + 1)


def _count_tokens_until_stop(tokenizer: Tokenizer, ids: list[int], stop: Sequence[str]) -> int:
    low, high = 1, len(ids)
    while low < high:
        middle = (low + high) // 2
        text = tokenizer.decode(ids[:middle])
        if any(string in text for string in stop):
            high = middle
        else:
            low = middle + 1
    return low
