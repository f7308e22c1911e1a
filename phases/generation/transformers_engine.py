"""The transformers engine: batches of rows padded to the longest."""

import contextlib
from collections.abc import Callable, Collection, Iterator, Sequence
from types import TracebackType
from typing import Any, Self

import torch

from phases.generation.completion import IndexedCompletions, PromptGroup
from phases.generation.generate import generate
from phases.generation.scoring import score_continuations, score_next_tokens
from phases.models.loader import LoadedModel
from phases.models.provenance import build_provenance
from phases.models.tokenizer import Tokenizer


class TransformersEngine:
    """Generates and scores with a model loaded in this process."""

    def __init__(self, loaded: LoadedModel, batch_size: int, why: str = "requested") -> None:
        self.loaded = loaded
        self._batch_size = batch_size
        self._why = why

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        del self.loaded
        if torch.cuda.is_initialized():
            torch.cuda.empty_cache()

    @property
    def tokenizer(self) -> Tokenizer:
        """The model's tokenizer."""
        return self.loaded.tokenizer

    def generate(
        self,
        groups: Sequence[PromptGroup],
        *,
        skip: Collection[int] = (),
        base: bool = False,
        on_step: Callable[[], None] = lambda: None,
    ) -> Iterator[IndexedCompletions]:
        """Yield completions batch by batch, the longest prompts of each group first.

        Batches do not depend on `skip`, and a batch is generated completely or not at all. After a restart
        each row has the same neighbors as before, so even rounding is reproducible.
        """
        for indices, batch in split_groups(groups, self._batch_size, skip):
            with self._without_adapter() if base else contextlib.nullcontext():
                completions = generate(
                    self.loaded,
                    batch.prompts,
                    seeds=batch.seeds,
                    max_new_tokens=batch.sampling.max_new_tokens,
                    temperature=batch.sampling.temperature,
                    top_p=batch.sampling.top_p,
                    stop=batch.sampling.stop,
                    batch_size=self._batch_size,
                    on_step=on_step,
                )
                indexed = [(indices[i], completion) for i, completion in completions]
            yield indexed

    def score_next_tokens(
        self,
        rows: Sequence[Sequence[int]],
        tokens: Sequence[int],
        *,
        base: bool = False,
        on_step: Callable[[], None] = lambda: None,
    ) -> list[list[float]]:
        """Return the log-probability of each of the tokens after each row of ids: [rows][tokens]."""
        scores: dict[int, list[float]] = {}
        with self._without_adapter() if base else contextlib.nullcontext():
            for batch in split_by_length(rows, self._batch_size):
                values = score_next_tokens(
                    self.loaded, [rows[i] for i in batch], batch_size=self._batch_size, tokens=tokens
                )
                scores.update(zip(batch, values.tolist(), strict=True))
                on_step()
        return [scores[i] for i in range(len(rows))]

    def score_continuations(
        self,
        prompts: Sequence[str],
        continuations: Sequence[str],
        *,
        prefix: str = "",
        base: bool = False,
        on_step: Callable[[], None] = lambda: None,
    ) -> list[float]:
        """Return the mean log-probability per token of each continuation after the prefix and its prompt."""
        with self._without_adapter() if base else contextlib.nullcontext():
            scores = score_continuations(
                self.loaded,
                prompts,
                continuations,
                prefix=prefix,
                batch_size=self._batch_size,
                on_step=on_step,
            )
        return [score.mean for score in scores]

    def describe_provenance(self, **more: object) -> dict[str, Any]:
        """Return the model, its weights as loaded, the engine and its settings."""
        weights = "nf4" if self.loaded.four_bit else self.loaded.dtype
        engine = {"name": "transformers", "why": self._why, "weights": weights}
        return build_provenance(self.loaded, engine=engine, **more)

    @contextlib.contextmanager
    def _without_adapter(self) -> Iterator[None]:
        if not self.loaded.source.base:
            yield
            return
        with self.loaded.model.disable_adapter():
            yield


def split_groups(
    groups: Sequence[PromptGroup], batch_size: int, skip: Collection[int] = ()
) -> Iterator[tuple[list[int], PromptGroup]]:
    """Yield the batches of groups with the indices of their prompts, unless all are skipped."""
    offset = 0
    for group in groups:
        for batch in split_by_length(group.prompts, batch_size):
            indices = [offset + i for i in batch]
            if not all(index in skip for index in indices):
                prompts = [group.prompts[i] for i in batch]
                yield indices, PromptGroup(prompts, [group.seeds[i] for i in batch], group.sampling)
        offset += len(group.prompts)


def split_by_length(rows: Sequence[Sequence[Any]], batch_size: int) -> Iterator[list[int]]:
    """Yield the indices of the rows of each batch, the longest rows first."""
    order = sorted(range(len(rows)), key=lambda i: (-len(rows[i]), i))
    for first in range(0, len(order), batch_size):
        yield order[first : first + batch_size]
