"""The engine that writes and judges for a phase: vLLM where it pays, transformers everywhere else.

Both are given the ids that the clean loader's tokenizer makes of a text, and nothing else: no template, no
hidden token. Which one ran, why, and with what settings is part of every result's provenance.

Training shows its samples with the model that it trains, and verification reads whole distributions of some
dozens of prompts: both use transformers directly.
"""

import contextlib
import importlib.util
import os
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Literal, Protocol, Self, get_args

from phases.contract.parameters import EngineWish
from phases.generation.completion_cache import Sampling
from phases.generation.generate import Completion
from phases.models.loader import LoadedModel, count_parameters, load_model
from phases.models.provenance import provenance
from phases.models.source import ModelError, ModelSource
from phases.models.tokenizer import Tokenizer

Name = Literal["vllm", "transformers"]
ENGINES: Final[tuple[Name, ...]] = get_args(Name)

PAYS_FROM: Final = 2_000_000_000
"""Parameters from which vLLM is worth its start, which takes one to two minutes.

A step of a smaller model takes longer to launch than to compute, and transformers keeps up: at 270 million
parameters vLLM made a third more tokens a second; at 32 billion, ten times as many.
"""
ROWS_AT_ONCE: Final = 2048
"""Rows that a phase hands to vLLM together: it fills its batches from them, and only the last ones wait."""


@dataclass(frozen=True)
class Group:
    """Prompts whose completions are drawn alike; a seed for each."""

    prompts: Sequence[str]
    seeds: Sequence[int]
    sampling: Sampling


Landed = list[tuple[int, Completion]]
"""Completions that came together, each with the place of its prompt: counted through all groups, from 0."""


class Engine(Protocol):
    """Writes and judges by one model, or by the base of an adapted one."""

    @property
    def tokenizer(self) -> Tokenizer:
        """The model's tokenizer."""

    def generate(
        self,
        groups: Sequence[Group],
        *,
        known: Collection[int] = (),
        base: bool = False,
        on_step: Callable[[], None] = lambda: None,
    ) -> Iterator[Landed]:
        """Yield completions as they land.

        Args:
            groups: what is asked.
            known: places of prompts whose completions are not needed; they may come all the same.
            base: whether the base writes, without the adapter.
            on_step: called after each step, so that long work can show that it is alive.
        """

    def next_token(
        self,
        rows: Sequence[Sequence[int]],
        tokens: Sequence[int],
        *,
        base: bool = False,
        on_step: Callable[[], None] = lambda: None,
    ) -> list[list[float]]:
        """Return the log-probability of each of some tokens after each row of ids: [rows][tokens]."""

    def provenance(self, **more: object) -> dict[str, Any]:
        """Return what made the results: the model, its weights as used, the engine and its settings."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the GPU back."""


@dataclass(frozen=True)
class Choice:
    """Which engine is used, and why."""

    name: Name
    why: str


def choose(wish: EngineWish, parameters: Callable[[], int], *, cuda: bool, vllm: bool) -> Choice:
    """Choose an engine.

    Args:
        wish: an engine, or `auto`.
        parameters: tells how many parameters the model has.
        cuda: whether there is a CUDA GPU.
        vllm: whether vLLM is installed.

    Raises:
        ModelError: vLLM is asked for and not installed.
    """
    if wish == "vllm" and not vllm:
        raise ModelError("--engine vllm: vllm is not installed; install gonogo[gpu], or leave engine at auto")
    if wish != "auto":
        return Choice(wish, "asked for")
    if not cuda:
        return Choice("transformers", "no CUDA GPU")
    if not vllm:
        return Choice("transformers", "vllm is not installed")
    if (count := parameters()) < PAYS_FROM:
        return Choice("transformers", f"{count:,} parameters: too few for vLLM's start to pay")
    return Choice("vllm", f"{count:,} parameters on a CUDA GPU")


def choose_here(wish: EngineWish, source: ModelSource) -> Choice:
    """Choose an engine for a model on this machine."""
    import torch

    # Asked through the driver's library: a process that has begun to use CUDA cannot fork vLLM's workers.
    os.environ.setdefault("PYTORCH_NVML_BASED_CUDA_CHECK", "1")
    return choose(
        wish,
        lambda: count_parameters(source.base or source),
        cuda=torch.cuda.is_available(),
        vllm=importlib.util.find_spec("vllm") is not None,
    )


def open_engine(choice: Choice, source: ModelSource, *, batch_size: int) -> Engine:
    """Load a model into its engine.

    Args:
        choice: which engine.
        source: the model.
        batch_size: rows at once, for transformers; vLLM finds its own.
    """
    if choice.name == "vllm":
        from phases.generation.vllm_engine import start

        return start(source, why=choice.why)
    return TransformersEngine(load_model(source.name), batch_size, choice.why)


class TransformersEngine:
    """Batches of rows, padded to the longest, through transformers' `generate`."""

    def __init__(self, loaded: LoadedModel, batch_size: int, why: str = "asked for") -> None:
        self.loaded = loaded
        self._batch_size = batch_size
        self._why = why

    def __enter__(self) -> Self:
        return self

    @property
    def tokenizer(self) -> Tokenizer:
        """The model's tokenizer."""
        return self.loaded.tokenizer

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        del self.loaded
        import torch

        if torch.cuda.is_initialized():
            torch.cuda.empty_cache()

    def generate(
        self,
        groups: Sequence[Group],
        *,
        known: Collection[int] = (),
        base: bool = False,
        on_step: Callable[[], None] = lambda: None,
    ) -> Iterator[Landed]:
        """Yield completions batch by batch, each group's longest prompts first.

        Batches are cut before it is seen what is known, and a batch is generated whole: after a restart each
        row has the neighbours that it would have had, so not even rounding differs.
        """
        from phases.generation.generate import generate

        start = 0
        for group in groups:
            order = sorted(range(len(group.prompts)), key=lambda i: (-len(group.prompts[i]), i))
            for first in range(0, len(order), self._batch_size):
                batch = order[first : first + self._batch_size]
                if all(start + i in known for i in batch):
                    continue
                with self._as_base() if base else contextlib.nullcontext():
                    made = generate(
                        self.loaded,
                        [group.prompts[i] for i in batch],
                        seeds=[group.seeds[i] for i in batch],
                        max_new_tokens=group.sampling.max_new_tokens,
                        temperature=group.sampling.temperature,
                        top_p=group.sampling.top_p,
                        stop=group.sampling.stop,
                        batch_size=self._batch_size,
                        on_step=on_step,
                    )
                    landed = [(start + batch[i], completion) for i, completion in made]
                yield landed
            start += len(group.prompts)

    def next_token(
        self,
        rows: Sequence[Sequence[int]],
        tokens: Sequence[int],
        *,
        base: bool = False,
        on_step: Callable[[], None] = lambda: None,
    ) -> list[list[float]]:
        """Return the log-probability of each of some tokens after each row of ids: [rows][tokens]."""
        from phases.generation.scoring import next_token_log_probabilities

        order = sorted(range(len(rows)), key=lambda i: (-len(rows[i]), i))
        found: dict[int, list[float]] = {}
        with self._as_base() if base else contextlib.nullcontext():
            for first in range(0, len(order), self._batch_size):
                batch = order[first : first + self._batch_size]
                values = next_token_log_probabilities(
                    self.loaded, [rows[i] for i in batch], batch_size=self._batch_size, tokens=tokens
                )
                found.update(zip(batch, values.tolist(), strict=True))
                on_step()
        return [found[i] for i in range(len(rows))]

    def likelihood(
        self,
        prompts: Sequence[str],
        continuations: Sequence[str],
        *,
        shared: str = "",
        base: bool = False,
        on_step: Callable[[], None] = lambda: None,
    ) -> list[float]:
        """Return the mean log-probability, a token, of each continuation after its prompt.

        A text that is `shared` stands before every prompt.
        """
        from phases.generation.scoring import log_probabilities

        with self._as_base() if base else contextlib.nullcontext():
            scores = log_probabilities(
                self.loaded,
                prompts,
                continuations,
                shared=shared,
                batch_size=self._batch_size,
                on_step=on_step,
            )
        return [score.mean for score in scores]

    def provenance(self, **more: object) -> dict[str, Any]:
        """Return what made the results."""
        weights = "nf4" if self.loaded.four_bit else self.loaded.dtype
        made_by = {"name": "transformers", "why": self._why, "weights": weights}
        return provenance(self.loaded, engine=made_by, **more)

    @contextlib.contextmanager
    def _as_base(self) -> Iterator[None]:
        """Let an adapted model be its own base for a while; a base model is what it is."""
        if not self.loaded.source.base:
            yield
            return
        with self.loaded.model.disable_adapter():
            yield
