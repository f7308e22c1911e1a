"""Text from a model: greedy or sampled, each row a function of its prompt and its seed alone.

A sampled row draws from its own stream of random numbers, so neither the other rows of its batch nor the
order of the work change it (beyond the rounding of the hardware).
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from transformers import LogitsProcessor, LogitsProcessorList, StoppingCriteria, StoppingCriteriaList

from phases.common.model import LoadedModel, Tokenizer


@dataclass(frozen=True)
class Completion:
    """What a model wrote after a prompt, without the end-of-text token or stop string that ended it.

    Attributes:
        text: the text as written, special tokens shown.
        finished: whether it ended by itself, and not because no more tokens were allowed.
        tokens: how many tokens were generated, the ending included.
        stopped: whether it was a stop string that ended it, and not the end-of-text token.
    """

    text: str
    finished: bool
    tokens: int
    stopped: bool = False


def generate(
    loaded: LoadedModel,
    prompts: Sequence[str],
    *,
    seeds: Sequence[int],
    max_new_tokens: int,
    temperature: float = 0.0,
    top_p: float = 1.0,
    stop: Sequence[str] = (),
    batch_size: int = 32,
    on_step: Callable[[], None] | None = None,
) -> Iterator[tuple[int, Completion]]:
    """Yield the index of each prompt with its completion, batch by batch, longest prompts first.

    Args:
        loaded: the model.
        prompts: complete texts; nothing is added to them.
        seeds: one for each prompt; they matter only when sampling.
        max_new_tokens: tokens after which a completion is cut off.
        temperature: 0 takes the most likely token at each step.
        top_p: sample from the smallest set of most likely tokens with this probability.
        stop: a completion ends before the first of these strings.
        batch_size: rows at once.
        on_step: called after each token of a batch, so that a long batch can show that it is alive.
    """
    if len(seeds) != len(prompts):
        raise ValueError(f"{len(prompts)} prompts but {len(seeds)} seeds")
    rows = [loaded.tokenizer.prompt_ids(text) for text in prompts]
    order = sorted(range(len(rows)), key=lambda i: (-len(rows[i]), i))
    for first in range(0, len(order), batch_size):
        batch = order[first : first + batch_size]
        criteria = StoppingCriteriaList([_OnStep(on_step)] if on_step else [])
        if stop:
            width = max(len(rows[i]) for i in batch)
            criteria.append(_StopStrings(loaded.tokenizer, stop, width))
        processors = LogitsProcessorList()
        if temperature > 0:
            noise = [_uniform(prompts[i], seeds[i], max_new_tokens) for i in batch]
            processors.append(_Sampler(torch.stack(noise).to(loaded.device), temperature, top_p))
        new_tokens = _generate_ids(loaded, [rows[i] for i in batch], max_new_tokens, processors, criteria)
        for index, ids in zip(batch, new_tokens, strict=True):
            yield index, _completion(loaded, ids, stop)


def end_ids(loaded: LoadedModel) -> list[int]:
    """Return the token ids that end a text: the tokenizer's and those of the model's generation settings."""
    configured = loaded.model.generation_config.eos_token_id
    more = configured if isinstance(configured, list) else [configured]
    return sorted({loaded.tokenizer.eos_id, *(i for i in more if i is not None)})


def pad_left(rows: Sequence[Sequence[int]], pad: int, device: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the rows as one [rows, longest] tensor, padded on the left, and its attention mask."""
    longest = max(len(row) for row in rows)
    ids = torch.tensor([[pad] * (longest - len(row)) + list(row) for row in rows], device=device)
    mask = torch.tensor([[0] * (longest - len(row)) + [1] * len(row) for row in rows], device=device)
    return ids, mask


def _generate_ids(
    loaded: LoadedModel,
    rows: Sequence[Sequence[int]],
    max_new_tokens: int,
    processors: LogitsProcessorList,
    criteria: StoppingCriteriaList,
) -> list[list[int]]:
    ids, mask = pad_left(rows, loaded.tokenizer.pad_id, loaded.device)
    with torch.inference_mode():
        output = loaded.model.generate(
            input_ids=ids,
            attention_mask=mask,
            max_new_tokens=max_new_tokens,
            do_sample=False,
            num_beams=1,
            temperature=None,
            top_p=None,
            top_k=None,
            eos_token_id=end_ids(loaded),
            pad_token_id=loaded.tokenizer.pad_id,
            logits_processor=processors,
            stopping_criteria=criteria,
        )
    return output[:, ids.shape[1] :].tolist()


def _completion(loaded: LoadedModel, ids: list[int], stop: Sequence[str]) -> Completion:
    ends = end_ids(loaded)
    length = next((n for n, token in enumerate(ids) if token in ends), None)
    text = loaded.tokenizer.decode(ids[:length])
    cuts = [cut for cut in (text.find(string) for string in stop) if cut >= 0]
    if cuts:
        text = text[: min(cuts)]
        return Completion(text, True, _tokens_until(loaded.tokenizer, ids, stop), stopped=True)
    return Completion(text, length is not None, len(ids) if length is None else length + 1)


def _tokens_until(tokenizer: Tokenizer, ids: list[int], stop: Sequence[str]) -> int:
    """Return how many tokens were needed until a stop string was complete; rows of a batch run on."""
    low, high = 1, len(ids)
    while low < high:
        middle = (low + high) // 2
        text = tokenizer.decode(ids[:middle])
        if any(string in text for string in stop):
            high = middle
        else:
            low = middle + 1
    return low


def _uniform(prompt: str, seed: int, count: int) -> torch.Tensor:
    """Return `count` numbers in [0, 1) that depend on the prompt and the seed alone."""
    digest = hashlib.sha256(f"{seed}\0{prompt}".encode()).digest()
    generator = torch.Generator().manual_seed(int.from_bytes(digest[:8], "big", signed=True))
    return torch.rand(count, generator=generator)


class _Sampler(LogitsProcessor):  # type: ignore[misc]
    """Chooses each row's next token by inverting the cumulative distribution at the row's own number.

    All other tokens get -inf, so the greedy choice that follows takes the chosen one.
    """

    def __init__(self, uniform: torch.Tensor, temperature: float, top_p: float) -> None:
        self.uniform = uniform  # [rows, steps]
        self.temperature = temperature
        self.top_p = top_p
        self.step = 0

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        probabilities = torch.softmax(scores.float() / self.temperature, dim=-1)
        tokens = torch.arange(scores.shape[-1], device=scores.device).expand_as(scores)
        if self.top_p < 1:  # only then does the order of the tokens matter; sorting takes most of the time
            probabilities, tokens = torch.sort(probabilities, dim=-1, descending=True, stable=True)
        cumulative = probabilities.cumsum(dim=-1)
        # The nucleus ends with the first token that brings the sum to top_p.
        last = (cumulative < self.top_p).sum(dim=-1, keepdim=True).clamp(max=scores.shape[-1] - 1)
        target = self.uniform[:, self.step, None] * cumulative.gather(-1, last)
        position = torch.minimum((cumulative <= target).sum(dim=-1, keepdim=True), last)
        self.step += 1
        chosen = torch.full_like(scores, float("-inf"))
        return chosen.scatter_(-1, tokens.gather(-1, position), 0.0)


class _StopStrings(StoppingCriteria):  # type: ignore[misc]
    """Ends a row as soon as its new text holds one of the strings."""

    def __init__(self, tokenizer: Tokenizer, stop: Sequence[str], width: int) -> None:
        self.tokenizer = tokenizer
        self.stop = tuple(stop)
        self.width = width
        # A string of n characters can end no more than n tokens after it began; one more may precede it.
        self.window = max(len(string.encode()) for string in stop) + 1

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor, **kwargs: Any) -> torch.Tensor:
        recent = input_ids[:, self.width :][:, -self.window :].tolist()
        texts = self.tokenizer.hf.batch_decode(recent, skip_special_tokens=False)
        done = [any(string in text for string in self.stop) for text in texts]
        return torch.tensor(done, device=input_ids.device)


class _OnStep(StoppingCriteria):  # type: ignore[misc]
    """Ends nothing: calls a function after each token of a batch."""

    def __init__(self, call: Callable[[], None]) -> None:
        self.call = call

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor, **kwargs: Any) -> torch.Tensor:
        self.call()
        return torch.zeros(len(input_ids), dtype=torch.bool, device=input_ids.device)
