"""Text generation with transformers, greedy or sampled.

Each row depends only on its prompt and seed: a sampled row has its own random number generator, so neither
its neighbors in the batch nor the order of the work change it, apart from rounding.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache

import torch

from phases.generation.completion import Completion
from phases.generation.decoder import Decoder, make_decoder
from phases.generation.endings import decode_completion, list_end_token_ids
from phases.generation.prefixes import split_prefixes
from phases.generation.sampling import derive_row_seed, draw_noise, sample_tokens
from phases.models import distributed
from phases.models.loader import LoadedModel
from phases.models.tokenizer import Tokenizer


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
    on_tokens: Callable[[list[int]], None] | None = None,
) -> Iterator[tuple[int, Completion]]:
    """Yield the index of each prompt with its completion, batch by batch, longest prompts first.

    Args:
        loaded: the model.
        prompts: complete texts; nothing is added to them.
        seeds: one per prompt; ignored by greedy decoding.
        max_new_tokens: tokens after which a completion is cut off.
        temperature: 0 decodes greedily.
        top_p: sample from the smallest set of most likely tokens with this probability.
        stop: a completion ends before the first of these strings.
        batch_size: rows in a batch.
        on_step: called after each token of a batch, to report progress.
        on_tokens: called after each step with the newest token of each row of the batch, to stream answers.
    """
    if len(seeds) != len(prompts):
        raise ValueError(f"{len(prompts)} prompts but {len(seeds)} seeds")
    ids_by_text = {text: loaded.tokenizer.encode_prompt(text) for text in dict.fromkeys(prompts)}
    order = sorted(range(len(prompts)), key=lambda i: (-len(ids_by_text[prompts[i]]), i))
    stop_criterion = _StopStringCriterion(loaded.tokenizer, stop, loaded.device) if stop else None
    end_ids = list_end_token_ids(loaded.tokenizer, loaded.model.generation_config)
    for first in range(0, len(order), batch_size):
        batch = order[first : first + batch_size]
        choose_tokens: TokenChooser = _choose_greedily
        if temperature > 0:
            noise = [draw_noise(derive_row_seed(prompts[i], seeds[i]), max_new_tokens, top_p) for i in batch]
            choose_tokens = _TopPSampler(torch.stack(noise).to(loaded.device), temperature, top_p)
        rows = [ids_by_text[prompts[i]] for i in batch]
        with torch.inference_mode():
            new_ids = _generate_ids(
                loaded,
                rows,
                max_new_tokens,
                choose_tokens,
                end_ids=end_ids,
                stop_criterion=stop_criterion,
                on_step=on_step,
                on_tokens=on_tokens,
            )
        for index, ids in zip(batch, new_ids, strict=True):
            yield index, decode_completion(loaded.tokenizer, end_ids, ids, stop)


def pad_left(rows: Sequence[Sequence[int]], pad: int, device: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the rows as one [rows, longest] tensor, padded on the left, and its attention mask."""
    longest = max(len(row) for row in rows)
    ids = torch.tensor([[pad] * (longest - len(row)) + list(row) for row in rows], device=device)
    mask = torch.tensor([[0] * (longest - len(row)) + [1] * len(row) for row in rows], device=device)
    return ids, mask


TokenChooser = Callable[[torch.Tensor, torch.Tensor, int], torch.Tensor]
"""Takes logits, [rows, vocabulary], the rows' indices and the step; returns a token per row, [rows, 1]."""


def _generate_ids(
    loaded: LoadedModel,
    prompts: Sequence[Sequence[int]],
    max_new_tokens: int,
    choose_tokens: TokenChooser,
    *,
    end_ids: Sequence[int],
    stop_criterion: "_StopStringCriterion | None",
    on_step: Callable[[], None],
    on_tokens: Callable[[list[int]], None] | None,
) -> list[list[int]]:
    """Return the new token ids of each prompt.

    Finished rows leave the batch at once or, where this copies the others, when they are half of it.
    """
    # Samples of one prompt share its first pass.
    prompt_numbers = {prompt: n for n, prompt in enumerate(dict.fromkeys(map(tuple, prompts)))}
    decoder, logits = _read_prompts(loaded, list(prompt_numbers), max_new_tokens)
    end = torch.tensor(end_ids, device=loaded.device)
    new_ids = torch.full((len(prompts), max_new_tokens), loaded.tokenizer.pad_id, device=loaded.device)
    rows = torch.arange(len(prompts), device=loaded.device)
    done = torch.zeros(len(prompts), dtype=torch.bool, device=loaded.device)
    if len(prompt_numbers) < len(prompts):
        copies = torch.tensor([prompt_numbers[tuple(prompt)] for prompt in prompts], device=loaded.device)
        decoder.select_rows(copies)
        logits = logits[copies]
    for step in range(max_new_tokens):
        tokens = torch.where(done[:, None], loaded.tokenizer.pad_id, choose_tokens(logits, rows, step))
        if loaded.sharded:  # All processes must run the same number of forward passes.
            distributed.broadcast_from_main(tokens)
        new_ids[rows, step] = tokens[:, 0]
        done |= torch.isin(tokens[:, 0], end)
        if stop_criterion:
            done |= stop_criterion(new_ids[rows, : step + 1])
        on_step()
        if on_tokens is not None:
            on_tokens(tokens[:, 0].tolist())
        remaining = len(rows) - int(done.sum())
        if step + 1 == max_new_tokens or not remaining:
            break
        drops_now = decoder.drops_at_once or 2 * remaining <= len(rows)
        if drops_now and remaining < len(rows) and len(rows) > decoder.min_rows:
            unfinished = _list_unfinished(done, remaining)
            decoder.select_rows(unfinished)
            rows, tokens, done = rows[unfinished], tokens[unfinished], done[unfinished]
        logits = decoder.step(tokens)
    return new_ids[:, : step + 1].tolist()


def _list_unfinished(done: torch.Tensor, remaining: int) -> torch.Tensor:
    """Return the unfinished rows, the last of them in the places of finished ones."""
    rows = torch.arange(remaining, device=done.device)
    rows[done[:remaining]] = remaining + (~done[remaining:]).nonzero()[:, 0]
    return rows


def _read_prompts(
    loaded: LoadedModel, prompts: Sequence[tuple[int, ...]], max_new_tokens: int
) -> tuple[Decoder, torch.Tensor]:
    """Read different prompts and return a decoder with a row for each, and the logits of the first new token.

    Prefixes that many prompts share, such as solved examples, are read once.
    """

    def pad(rows: Sequence[Sequence[int]]) -> tuple[torch.Tensor, torch.Tensor]:
        return pad_left(rows, loaded.tokenizer.pad_id, loaded.device)

    if split := split_prefixes(prompts):
        decoder = make_decoder(loaded, split.width, max_new_tokens)
        if decoder.allows_gaps:
            decoder.read(*pad(split.prefixes))
            decoder.select_rows(torch.tensor(split.prefix_of_prompt, device=loaded.device))
            return decoder, decoder.read(*pad(split.remainders))
    decoder = make_decoder(loaded, max(map(len, prompts)), max_new_tokens)
    return decoder, decoder.read(*pad(prompts))


def _choose_greedily(logits: torch.Tensor, rows: torch.Tensor, step: int) -> torch.Tensor:
    return logits.argmax(dim=-1, keepdim=True)


class _TopPSampler:
    """Samples each row's next token with the row's own random numbers."""

    def __init__(self, noise: torch.Tensor, temperature: float, top_p: float) -> None:
        self._noise = noise  # [rows, steps, tries]
        self._temperature = temperature
        self._top_p = top_p

    def __call__(self, logits: torch.Tensor, rows: torch.Tensor, step: int) -> torch.Tensor:
        return sample_tokens(logits, self._noise[rows, step], self._temperature, self._top_p)


class _StopStringCriterion:
    """Finds the rows whose new text contains a stop string.

    Only rows whose newest token can complete a stop string are decoded, which are few in each step.
    """

    def __init__(self, tokenizer: Tokenizer, stop: Sequence[str], device: str) -> None:
        self._tokenizer = tokenizer
        self._stop = tuple(stop)
        # A string of n bytes spans at most n tokens; one more token of context decodes the first correctly.
        self._window = max(len(string.encode()) for string in stop) + 1
        self._can_complete = _make_completing_tokens_tensor(tokenizer, self._stop, device)

    def __call__(self, new_ids: torch.Tensor) -> torch.Tensor:
        """Return whether each row of [rows, tokens] has just been completed: [rows]."""
        newest = new_ids[:, -1].clamp(max=len(self._can_complete) - 1)
        done = torch.zeros(len(new_ids), dtype=torch.bool, device=new_ids.device)
        rows = self._can_complete[newest].nonzero().squeeze(-1)
        if len(rows):
            recent = new_ids[rows, -self._window :].tolist()
            texts = self._tokenizer.hf.batch_decode(recent, skip_special_tokens=False)
            stopped = [any(string in text for string in self._stop) for text in texts]
            done[rows] = torch.tensor(stopped, device=new_ids.device)
        return done


@lru_cache(maxsize=4)
def _make_completing_tokens_tensor(tokenizer: Tokenizer, stop: tuple[str, ...], device: str) -> torch.Tensor:
    """Return `find_completing_tokens` as [vocabulary + 1]; the last entry is for ids beyond the tokenizer."""
    return torch.tensor([*find_completing_tokens(tokenizer, stop), True], device=device)


def find_completing_tokens(tokenizer: Tokenizer, stop: Sequence[str]) -> list[bool]:
    """Return for each token of the vocabulary whether it can complete a stop string.

    A token can do so if it contains the last character of the string. Spaces and multi-byte characters may
    depend on neighboring tokens, so for stop strings that end in one, any token counts.
    """
    last_characters = {string[-1] for string in stop}
    if not all(character.isascii() and character != " " for character in last_characters):
        return [True] * len(tokenizer.token_texts)
    return [not last_characters.isdisjoint(piece) for piece in tokenizer.token_texts]
