"""Where a generated text ends: at a token that ends texts, or before a stop string."""

from collections.abc import Sequence

from transformers import GenerationConfig

from phases.generation.completion import Completion
from phases.models.tokenizer import Tokenizer


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
