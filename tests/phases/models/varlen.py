"""Variable-length attention, one run after the other: what torch's kernels compute on a GPU."""

from itertools import pairwise

import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention

from phases.models import packed_attention


def attend_run_by_run(  # noqa: PLR0917 - the signature of torch
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    query_starts: torch.Tensor,
    key_starts: torch.Tensor,
    longest_query: int,
    longest_keys: int,
    *,
    scale: float | None = None,
    window_size: tuple[int, int] = (-1, -1),
) -> torch.Tensor:
    """Return the output of attention, [tokens, heads, size]; the last query of a run sees its last key."""
    back, ahead = window_size
    assert ahead == 0
    groups = query.shape[1] // key.shape[1]
    parts = []
    ends = zip(pairwise(query_starts.tolist()), pairwise(key_starts.tolist()), strict=True)
    for (first, last), (first_key, last_key) in ends:
        queries, keys = last - first, last_key - first_key
        assert 0 < queries <= longest_query
        assert queries <= keys <= longest_keys
        distance = torch.arange(keys - queries, keys)[:, None] - torch.arange(keys)[None]
        mask = (distance >= 0) & ((back < 0) | (distance <= back))
        q, k, v = (
            tensor.repeat_interleave(times, dim=1).transpose(0, 1)
            for tensor, times in (
                (query[first:last], 1),
                (key[first_key:last_key], groups),
                (value[first_key:last_key], groups),
            )
        )
        mask = mask.to(query.device)
        parts.append(scaled_dot_product_attention(q, k, v, attn_mask=mask, scale=scale).transpose(0, 1))
    assert int(query_starts[-1]) == len(query)
    assert int(key_starts[-1]) == len(key)
    return torch.cat(parts)


def allow_packed_attention(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let models attend within runs on a CPU, too."""
    monkeypatch.setattr(packed_attention, "_has_kernels", lambda model: True)
    monkeypatch.setattr(packed_attention, "_find_varlen_attention", lambda: attend_run_by_run)
