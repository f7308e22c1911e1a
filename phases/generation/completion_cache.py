"""On-disk cache of completions and scores, keyed by everything they depend on.

A phase that generates data is a pure function of its models' output. It always runs from the beginning and
reads cached output instead of generating it again, so a killed phase resumes without losing, repeating or
changing a row.
"""

import hashlib
import itertools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from phases.contract.files import RowWriter, read_rows
from phases.generation.completion import Completion, PromptGroup
from phases.generation.engine import Engine


def compute_cache_key(*parts: object) -> str:
    """Return a key for a result that depends on the given JSON-serialisable parts."""
    return hashlib.sha256(msgspec.json.encode(parts)).hexdigest()[:32]


def derive_seed(*parts: object) -> int:
    """Return a 63-bit seed that depends only on the given JSON-serialisable parts."""
    return int(hashlib.sha256(msgspec.json.encode(parts)).hexdigest()[:16], 16) >> 1


class CompletionCache:
    """Key-value pairs in an append-only JSONL file; a value is on disk before anyone can read it."""

    def __init__(self, path: Path) -> None:
        rows = read_rows(path) if path.exists() else ()
        self._values: dict[str, Any] = {row["key"]: row["value"] for row in rows}
        self._writer = RowWriter(path)

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def __getitem__(self, key: str) -> Any:
        return self._values[key]

    def add(self, values: Mapping[str, Any]) -> None:
        """Store values under new keys; values of existing keys never change."""
        new = {key: value for key, value in values.items() if key not in self._values}
        if new:
            self._writer.write([{"key": key, "value": value} for key, value in new.items()])
            self._values.update(new)

    def close(self) -> None:
        """Close the file."""
        self._writer.close()


def complete_with_cache(
    cache: CompletionCache,
    get_engine: Callable[[], Engine],
    model_sha256: str,
    groups: Sequence[PromptGroup],
    *,
    base: bool = False,
    on_completions: Callable[[int], None] = lambda tokens: None,
    on_step: Callable[[], None] = lambda: None,
) -> list[list[Completion]]:
    """Return the completion of every prompt of every group, from the cache or from the model.

    Args:
        cache: holds earlier completions and stores new ones.
        get_engine: loads the model; called only if a completion is missing.
        model_sha256: identity of the model, part of each completion's key.
        groups: prompts to complete.
        base: use the base model of an adapter.
        on_completions: called with the number of generated tokens whenever completions were stored.
        on_step: called after each step of the engine.
    """
    keys = [
        [
            compute_cache_key(model_sha256, group.sampling, *row)
            for row in zip(group.prompts, group.seeds, strict=True)
        ]
        for group in groups
    ]
    flat_keys = list(itertools.chain.from_iterable(keys))
    cached = {index for index, key in enumerate(flat_keys) if key in cache}
    if len(cached) < len(flat_keys):
        for completions in get_engine().generate(groups, skip=cached, base=base, on_step=on_step):
            cache.add({flat_keys[i]: [c.text, c.finished, c.tokens] for i, c in completions})
            on_completions(sum(completion.tokens for _, completion in completions))
    return [[Completion(*cache[key]) for key in group_keys] for group_keys in keys]
