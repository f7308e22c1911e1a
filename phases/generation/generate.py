"""Text from a model: greedy or sampled, each row a function of its prompt and its seed alone.

A sampled row draws from its own stream of random numbers, so neither the other rows of its batch nor the
order of the work change it (beyond the rounding of the hardware).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import torch
from transformers import GenerationConfig

from phases.generation.decoder import decoder
from phases.generation.sampling import draw, noise_of, stream_of
from phases.models import distributed
from phases.models.loader import LoadedModel
from phases.models.tokenizer import Tokenizer


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
    on_step: Callable[[], None] = lambda: None,
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
    ids_of = {text: loaded.tokenizer.encode_prompt(text) for text in dict.fromkeys(prompts)}
    order = sorted(range(len(prompts)), key=lambda i: (-len(ids_of[prompts[i]]), i))
    stops = _StopStrings(loaded.tokenizer, stop, loaded.device) if stop else None
    ends = end_ids(loaded)
    for first in range(0, len(order), batch_size):
        batch = order[first : first + batch_size]
        choose = _greedy
        if temperature > 0:
            noise = [noise_of(stream_of(prompts[i], seeds[i]), max_new_tokens, top_p) for i in batch]
            choose = _Sampler(torch.stack(noise).to(loaded.device), temperature, top_p)
        rows = [ids_of[prompts[i]] for i in batch]
        with torch.inference_mode():
            new_tokens = _generate_ids(
                loaded, rows, max_new_tokens, choose, ends=ends, stops=stops, on_step=on_step
            )
        for index, ids in zip(batch, new_tokens, strict=True):
            yield index, completion(loaded.tokenizer, ends, ids, stop)


def end_ids(loaded: LoadedModel) -> list[int]:
    """Return the token ids that end a text: the tokenizer's and those of the model's generation settings."""
    return all_end_ids(loaded.tokenizer, loaded.model.generation_config)


def all_end_ids(tokenizer: Tokenizer, settings: GenerationConfig) -> list[int]:
    """Return the token ids that end a text, from a model's generation settings."""
    configured = settings.eos_token_id
    more = configured if isinstance(configured, list) else [configured]
    return sorted({tokenizer.eos_id, *(i for i in more if i is not None)})


def pad_left(rows: Sequence[Sequence[int]], pad: int, device: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the rows as one [rows, longest] tensor, padded on the left, and its attention mask."""
    longest = max(len(row) for row in rows)
    ids = torch.tensor([[pad] * (longest - len(row)) + list(row) for row in rows], device=device)
    mask = torch.tensor([[0] * (longest - len(row)) + [1] * len(row) for row in rows], device=device)
    return ids, mask


Choose = Callable[[torch.Tensor, torch.Tensor, int], torch.Tensor]
"""Chooses a token of each row, [rows, 1], from logits, [rows, vocabulary], rows' numbers and a step."""


def _generate_ids(
    loaded: LoadedModel,
    prompts: Sequence[Sequence[int]],
    max_new_tokens: int,
    choose: Choose,
    *,
    ends: Sequence[int],
    stops: "_StopStrings | None",
    on_step: Callable[[], None],
) -> list[list[int]]:
    """Return the new tokens of each prompt; once half of the rows have ended, the others go on alone."""
    ids, mask = pad_left(prompts, loaded.tokenizer.pad_id, loaded.device)
    last = torch.tensor(ends, device=loaded.device)
    passes = decoder(loaded, ids, mask, max_new_tokens)
    new = torch.full((len(prompts), max_new_tokens), loaded.tokenizer.pad_id, device=loaded.device)
    rows = torch.arange(len(prompts), device=loaded.device)
    done = torch.zeros(len(prompts), dtype=torch.bool, device=loaded.device)
    logits = passes.read()
    for step in range(max_new_tokens):
        tokens = torch.where(done[:, None], loaded.tokenizer.pad_id, choose(logits, rows, step))
        if loaded.sharded:  # all go on alike: their passes must be as many
            distributed.broadcast_from_main(tokens)
        new[rows, step] = tokens[:, 0]
        done |= torch.isin(tokens[:, 0], last)
        if stops:
            done |= stops(new[rows, : step + 1])
        on_step()
        left = len(rows) - int(done.sum())
        if step + 1 == max_new_tokens or not left:
            break
        if 2 * left <= len(rows) and len(rows) > passes.fewest:
            unfinished = (~done).nonzero()[:, 0]
            passes.keep(unfinished)
            rows, tokens, done = rows[unfinished], tokens[unfinished], done[unfinished]
        logits = passes.step(tokens)
    return new[:, : step + 1].tolist()


def _greedy(logits: torch.Tensor, rows: torch.Tensor, step: int) -> torch.Tensor:
    return logits.argmax(dim=-1, keepdim=True)


def completion(tokenizer: Tokenizer, ends: Sequence[int], ids: list[int], stop: Sequence[str]) -> Completion:
    """Return what new token ids say, whichever engine made them; they may run on after the end.

    Args:
        tokenizer: the model's.
        ends: ids that end a text.
        ids: the new tokens.
        stop: a completion ends before the first of these strings.
    """
    length = next((n for n, token in enumerate(ids) if token in ends), None)
    text = tokenizer.decode(ids[:length])
    cuts = [cut for cut in (text.find(string) for string in stop) if cut >= 0]
    if cuts:
        text = text[: min(cuts)]
        return Completion(text, True, _tokens_until(tokenizer, ids, stop), stopped=True)
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


class _Sampler:
    """Draws each row's next token by the row's own numbers."""

    def __init__(self, noise: torch.Tensor, temperature: float, top_p: float) -> None:
        self.noise = noise  # [rows, steps, tries]
        self.temperature = temperature
        self.top_p = top_p

    def __call__(self, logits: torch.Tensor, rows: torch.Tensor, step: int) -> torch.Tensor:
        return draw(logits, self.noise[rows, step], self.temperature, self.top_p)


class _StopStrings:
    """Says of each row whether its new text holds one of the strings.

    Text is decoded only for rows whose newest token can complete a string: few in each step.
    """

    def __init__(self, tokenizer: Tokenizer, stop: Sequence[str], device: str) -> None:
        self.tokenizer = tokenizer
        self.stop = tuple(stop)
        # A string of n characters can end no more than n tokens after it began; one more may precede it.
        self.window = max(len(string.encode()) for string in stop) + 1
        self.completing = _completing(tokenizer, self.stop, device)

    def __call__(self, new: torch.Tensor) -> torch.Tensor:
        newest = new[:, -1].clamp(max=len(self.completing) - 1)
        done = torch.zeros(len(new), dtype=torch.bool, device=new.device)
        rows = self.completing[newest].nonzero().squeeze(-1)
        if len(rows):
            recent = new[rows, -self.window :].tolist()
            texts = self.tokenizer.hf.batch_decode(recent, skip_special_tokens=False)
            found = [any(string in text for string in self.stop) for text in texts]
            done[rows] = torch.tensor(found, device=new.device)
        return done


@lru_cache(maxsize=4)
def _completing(tokenizer: Tokenizer, stop: tuple[str, ...], device: str) -> torch.Tensor:
    """Return `completing` as [vocabulary + 1]; the last place stands for ids unknown to the tokenizer."""
    return torch.tensor([*completing(tokenizer, stop), True], device=device)


def completing(tokenizer: Tokenizer, stop: Sequence[str]) -> list[bool]:
    """Say of each token of a vocabulary whether a text that ends in it may have just completed a string.

    It does so where it holds the string's last character. Spaces and characters of several bytes may be
    spread over tokens or come and go with their neighbours: for those any token may complete the string.
    """
    last = {string[-1] for string in stop}
    if not all(character.isascii() and character != " " for character in last):
        return [True] * len(tokenizer.token_texts)
    return [not last.isdisjoint(piece) for piece in tokenizer.token_texts]
