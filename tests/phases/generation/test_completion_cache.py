"""The completion cache: stable keys, values on disk, and the prompts passed to the engine."""

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any, cast

from phases.generation.completion import Completion, IndexedCompletions, PromptGroup, Sampling
from phases.generation.completion_cache import (
    CompletionCache,
    complete_with_cache,
    compute_cache_key,
    derive_seed,
)
from phases.generation.engine import Engine


class EchoEngine:
    """Completes each prompt with itself, one prompt at a time, and records the prompts it was given."""

    def __init__(self) -> None:
        self.prompts: list[str] = []

    def generate(
        self, groups: Sequence[PromptGroup], *, skip: Collection[int], **rest: Any
    ) -> Iterator[IndexedCompletions]:
        prompts = [prompt for group in groups for prompt in group.prompts]
        for index, prompt in enumerate(prompts):
            if index not in skip:
                self.prompts.append(prompt)
                yield [(index, Completion(prompt, True, len(prompt)))]


def complete(path: Path, engine: EchoEngine, *prompts: str, model: str = "m") -> list[str]:
    cache = CompletionCache(path)
    group = PromptGroup(prompts, [0] * len(prompts), Sampling(8))
    [completions] = complete_with_cache(cache, lambda: cast("Engine", engine), model, [group])
    cache.close()
    return [completion.text for completion in completions]


def test_keys_and_seeds_never_change() -> None:
    sampling = Sampling(8, 0.9, 0.95, ("\n\n",))
    assert compute_cache_key("model", sampling, "a", 1) == "b087499723d8f40b9f01c9afea3d77a5"
    assert derive_seed(1, "preference_pairs") == 2823514693886690442


def test_only_missing_completions_are_generated(tmp_path: Path) -> None:
    engine = EchoEngine()
    path = tmp_path / "cache.jsonl"
    assert complete(path, engine, "a", "b") == ["a", "b"]
    assert complete(path, engine, "b", "c", "a") == ["b", "c", "a"]
    assert engine.prompts == ["a", "b", "c"]
    assert complete(path, engine, "a", model="other") == ["a"]
    assert engine.prompts == ["a", "b", "c", "a"]


def test_completions_are_on_disk_before_the_next_ones_are_generated(tmp_path: Path) -> None:
    path = tmp_path / "cache.jsonl"
    stored: list[int] = []
    cache = CompletionCache(path)
    complete_with_cache(
        cache,
        lambda: cast("Engine", EchoEngine()),
        "m",
        [PromptGroup(["a", "b"], [0, 0], Sampling(8))],
        on_completions=lambda tokens: stored.append(len(path.read_bytes().splitlines())),
    )
    cache.close()
    assert stored == [1, 2]


def test_a_value_never_changes_and_a_torn_line_is_dropped(tmp_path: Path) -> None:
    path = tmp_path / "cache.jsonl"
    cache = CompletionCache(path)
    cache.add({"a": 1})
    cache.add({"a": 2, "b": 3})
    cache.close()
    with path.open("ab") as file:
        file.write(b'{"key":"c","va')
    reopened = CompletionCache(path)
    assert (reopened["a"], reopened["b"], "c" in reopened) == (1, 3, False)
    reopened.close()
