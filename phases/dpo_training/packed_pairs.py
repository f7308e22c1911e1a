"""Packed preference pairs: several pairs in one sequence, and the prompt of a pair computed once.

A pair takes three runs of tokens: the prompt without its last token, then for each answer the prompt's last
token followed by the answer without its last token. Positions of both answers continue from the prompt, and
an answer attends to its prompt and to itself alone. Each token of an answer is then predicted by exactly one
position, as in two separate rows.

Prefix sharing: Wang and Hegde, Accelerating Direct Preference Optimization with Prefix Sharing,
arXiv 2410.20305.

A model whose attention takes no mask, such as one with recurrent layers, gets two separate rows for a pair.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import torch

from phases.models.packed_attention import PackedRuns, Run, pack_runs

IGNORED: Final = -100
PROMPT: Final = 0
CHOSEN: Final = 1
REJECTED: Final = 2
PADDING: Final = -1
_MASKED_LAYERS: Final = frozenset({"full_attention", "sliding_attention"})


class PairTokens(Protocol):
    """The token ids of a pair; the prompt has at least one."""

    @property
    def prompt(self) -> Sequence[int]:
        """Ids of the prompt."""

    @property
    def chosen(self) -> Sequence[int]:
        """Ids of the chosen answer."""

    @property
    def rejected(self) -> Sequence[int]:
        """Ids of the rejected answer."""


def count_packed_tokens(pair: PairTokens) -> int:
    """Return the tokens that a pair takes in a packed sequence."""
    return len(pair.prompt) - 1 + len(pair.chosen) + len(pair.rejected)


def count_row_tokens(pair: PairTokens) -> int:
    """Return the tokens of the longer of a pair's two separate rows."""
    return len(pair.prompt) - 1 + max(1, len(pair.chosen), len(pair.rejected))


def can_share_prompts(model: Any) -> bool:
    """Return whether a model's attention takes a mask of any pattern."""
    config = model.config.get_text_config()
    return set(getattr(config, "layer_types", None) or ()) <= _MASKED_LAYERS


@dataclass
class _Cell:
    """Tokens that follow each other in a sequence: parallel lists, one entry a token.

    `answers` has the number of the answer (0 chosen, 1 rejected) and the place of its first prediction.
    """

    pair: int
    ids: list[int]
    positions: list[int]
    segments: list[int]
    labels: list[int]
    answers: list[tuple[int, int, int]]


def _share_prompt(number: int, pair: PairTokens) -> list[_Cell]:
    prompt, last = list(pair.prompt[:-1]), pair.prompt[-1]
    before = len(prompt)
    cell = _Cell(number, prompt, list(range(before)), [PROMPT] * before, [IGNORED] * before, [])
    for segment, answer in ((CHOSEN, pair.chosen), (REJECTED, pair.rejected)):
        cell.answers.append((segment - CHOSEN, len(cell.ids), len(answer)))
        cell.ids.extend([last, *answer][: len(answer)])
        cell.positions.extend(range(before, before + len(answer)))
        cell.segments.extend([segment] * len(answer))
        cell.labels.extend(answer)
    return [cell]


def _separate_rows(number: int, pair: PairTokens) -> list[_Cell]:
    cells = []
    for index, answer in enumerate((pair.chosen, pair.rejected)):
        ids = [*pair.prompt, *answer[:-1]]
        before = len(ids) - len(answer)
        labels = [IGNORED] * before + list(answer)
        answers = [(index, before, len(answer))]
        cells.append(_Cell(number, ids, list(range(len(ids))), [PROMPT] * len(ids), labels, answers))
    return cells


def collate_pairs(
    pairs: Sequence[PairTokens],
    sequences: Sequence[Sequence[int]],
    *,
    length: int,
    pad_id: int,
    share_prompts: bool = True,
) -> dict[str, torch.Tensor]:
    """Return pairs as a rectangle of tokens.

    Args:
        pairs: the pairs.
        sequences: the indices of the pairs of each sequence, each pair once.
        length: tokens of a sequence, padding included.
        pad_id: the id that fills sequences; padding attends to itself alone.
        share_prompts: whether to compute a prompt once; otherwise each sequence takes two rows.

    Returns:
        `input_ids`, `position_ids`, `shift_labels`, `pair_ids` and `segment_ids`, all [rows, length], and
        `answer_places` and `answer_mask`, both [2 * pairs, longest answer]: for each token of each answer,
        the chosen ones first and in the order of `sequences`, the flat place of the position that predicts
        it, and whether there is such a token.
    """
    order = [index for sequence in sequences for index in sequence]
    if share_prompts:
        numbers = iter(range(len(order)))
        rows = [
            [cell for i in sequence for cell in _share_prompt(next(numbers), pairs[i])]
            for sequence in sequences
        ]
    else:
        rows = [[cell] for number, i in enumerate(order) for cell in _separate_rows(number, pairs[i])]
    shape = (len(rows), length)
    batch = {
        "input_ids": torch.full(shape, pad_id),
        "position_ids": torch.zeros(shape, dtype=torch.long),
        "shift_labels": torch.full(shape, IGNORED),
        "pair_ids": torch.full(shape, PADDING),
        "segment_ids": torch.full(shape, PROMPT),
    }
    longest = max(max(1, len(pairs[i].chosen), len(pairs[i].rejected)) for i in order)
    places = torch.zeros((2 * len(order), longest), dtype=torch.long)
    mask = torch.zeros((2 * len(order), longest), dtype=torch.bool)
    for row, cells in enumerate(rows):
        start = 0
        for cell in cells:
            tokens = slice(start, start + len(cell.ids))
            batch["input_ids"][row, tokens] = torch.tensor(cell.ids, dtype=torch.long)
            batch["position_ids"][row, tokens] = torch.tensor(cell.positions, dtype=torch.long)
            batch["shift_labels"][row, tokens] = torch.tensor(cell.labels, dtype=torch.long)
            batch["segment_ids"][row, tokens] = torch.tensor(cell.segments, dtype=torch.long)
            batch["pair_ids"][row, tokens] = cell.pair
            for index, place, count in cell.answers:
                first = row * length + start + place
                answer = index * len(order) + cell.pair
                places[answer, :count] = torch.arange(first, first + count)
                mask[answer, :count] = True
            start += len(cell.ids)
    return {**batch, "answer_places": places, "answer_mask": mask}


def list_runs(pairs: Sequence[PairTokens], sequences: Sequence[Sequence[int]], length: int) -> PackedRuns:
    """Return the runs of a rectangle of pairs that are computed once.

    They are the prompt with the chosen answer, the rejected answer, which continues the prompt too, and the
    padding of each sequence.
    """
    runs: list[Run] = []
    for number, sequence in enumerate(sequences):
        place = number * length
        for pair in (pairs[i] for i in sequence):
            prompt = range(place, place + len(pair.prompt) - 1)
            runs += [Run(len(prompt) + len(pair.chosen)), Run(len(pair.rejected), prompt)]
            place += count_packed_tokens(pair)
        runs.append(Run((number + 1) * length - place))
    return pack_runs(runs)


def build_mask(batch: Mapping[str, torch.Tensor], window: int | None = None) -> torch.Tensor:
    """Return which position attends to which.

    Args:
        batch: of `collate_pairs`.
        window: how many positions a layer with a sliding window looks back on; None for all.

    Returns:
        True where the row attends to the column: [sequences, 1, length, length].
    """
    pairs, segments, positions = batch["pair_ids"], batch["segment_ids"], batch["position_ids"]
    length = pairs.shape[1]
    causal = torch.ones((length, length), dtype=torch.bool, device=pairs.device).tril()
    same_pair = pairs[:, :, None] == pairs[:, None, :]
    key_segment = segments[:, None, :]
    is_visible = (key_segment == PROMPT) | (segments[:, :, None] == key_segment)
    mask = causal & same_pair & is_visible & (pairs[:, :, None] != PADDING)
    if window is not None:
        mask &= positions[:, :, None] - positions[:, None, :] < window
    # A row that attends to nothing would be NaN.
    mask |= torch.eye(length, dtype=torch.bool, device=pairs.device)
    return mask[:, None]


def build_model_masks(model_config: Any, batch: Mapping[str, torch.Tensor], dtype: torch.dtype) -> Any:
    """Return the attention masks of packed pairs in the form that the model takes.

    Args:
        model_config: the configuration of the model.
        batch: of `collate_pairs`.
        dtype: number format of the model, for attention that adds its mask.
    """
    config = model_config.get_text_config()

    def mask(window: int | None) -> torch.Tensor:
        visible = build_mask(batch, window)
        if model_config._attn_implementation != "eager":
            return visible
        return torch.zeros_like(visible, dtype=dtype).masked_fill(~visible, torch.finfo(dtype).min)

    window = getattr(config, "sliding_window", None)
    layer_types = set(getattr(config, "layer_types", None) or ())
    if not layer_types:
        return mask(window)
    if layer_types == {"full_attention"}:
        return mask(None)
    return {"full_attention": mask(None), "sliding_attention": mask(window)}


def select_answers(values: torch.Tensor, batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """Return values of positions as values of answer tokens, zero where an answer has no such token.

    Args:
        values: [sequences, length].
        batch: of `collate_pairs`.

    Returns:
        [2 * pairs, longest answer], the chosen answers first.
    """
    return values.flatten()[batch["answer_places"]] * batch["answer_mask"]
