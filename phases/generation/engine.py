"""The interface of the engines that generate for a phase, and the choice between them: vLLM or transformers.

Both engines get the token ids of the clean loader's tokenizer and nothing else: no chat template, no hidden
tokens. Each result's provenance names the engine, the reason for choosing it and its settings.

Training (samples from the model being trained) and verification (full next-token distributions of a few
prompts) use transformers directly.
"""

import importlib.util
import os
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Literal, Protocol, Self, get_args

import torch

from phases.contract.parameters import EnginePreference
from phases.generation.completion import IndexedCompletions, PromptGroup
from phases.generation.gpus import list_visible_gpus
from phases.generation.transformers_engine import TransformersEngine
from phases.generation.transformers_pool import TransformersPool
from phases.generation.vllm_engine import start_vllm
from phases.models.loader import count_parameters, load_model
from phases.models.source import ModelError, ModelSource
from phases.models.tokenizer import Tokenizer

EngineName = Literal["vllm", "transformers"]
ENGINE_NAMES: Final[tuple[EngineName, ...]] = get_args(EngineName)

VLLM_MIN_PARAMETERS: Final = 2_000_000_000
"""Model size from which vLLM is worth its start-up time of one to two minutes.

Steps of smaller models take longer to launch than to compute, and transformers keeps up: vLLM generated a
third more tokens per second at 270 million parameters, but ten times as many at 32 billion.
"""
VLLM_ROWS_PER_CALL: Final = 2048
"""Rows that a phase passes to vLLM at once, so that its batches stay full until the last few rows."""


class Engine(Protocol):
    """Generates and scores text with a model or, for an adapter, its base model."""

    @property
    def tokenizer(self) -> Tokenizer:
        """The model's tokenizer."""

    def generate(
        self,
        groups: Sequence[PromptGroup],
        *,
        skip: Collection[int] = (),
        base: bool = False,
        on_step: Callable[[], None] = lambda: None,
    ) -> Iterator[IndexedCompletions]:
        """Yield completions as they finish.

        Args:
            groups: prompts to complete.
            skip: indices of prompts whose completions are not needed; they may still be yielded.
            base: use the base model without the adapter.
            on_step: called after each step, as a sign of life.
        """

    def score_next_tokens(
        self,
        rows: Sequence[Sequence[int]],
        tokens: Sequence[int],
        *,
        base: bool = False,
        on_step: Callable[[], None] = lambda: None,
    ) -> list[list[float]]:
        """Return the log-probability of each of the tokens after each row of ids: [rows][tokens]."""

    def describe_provenance(self, **more: object) -> dict[str, Any]:
        """Return the model, its weights as loaded, the engine and its settings."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Free the GPU."""


@dataclass(frozen=True)
class EngineChoice:
    """The chosen engine and the reason."""

    name: EngineName
    why: str


def choose_engine(
    wish: EnginePreference, count_parameters: Callable[[], int], *, cuda: bool, vllm: bool
) -> EngineChoice:
    """Choose an engine.

    Args:
        wish: an engine, or `auto`.
        count_parameters: returns the model's parameter count; called only if the choice depends on it.
        cuda: whether a CUDA GPU is available.
        vllm: whether vLLM is installed.

    Raises:
        ModelError: vLLM is requested but not installed.
    """
    if wish == "vllm" and not vllm:
        raise ModelError("--engine vllm: vllm is not installed; install gonogo[gpu] or use --engine auto")
    if wish != "auto":
        return EngineChoice(wish, "requested")
    if not cuda:
        return EngineChoice("transformers", "no CUDA GPU")
    if not vllm:
        return EngineChoice("transformers", "vllm is not installed")
    count = count_parameters()
    if count < VLLM_MIN_PARAMETERS:
        return EngineChoice("transformers", f"{count:,} parameters: too few to be worth vLLM's start-up time")
    return EngineChoice("vllm", f"{count:,} parameters on a CUDA GPU")


def choose_engine_here(wish: EnginePreference, source: ModelSource) -> EngineChoice:
    """Choose an engine for a model on this machine."""
    # Query NVML instead of CUDA: a process that has initialized CUDA cannot fork vLLM's workers.
    os.environ.setdefault("PYTORCH_NVML_BASED_CUDA_CHECK", "1")
    return choose_engine(
        wish,
        lambda: count_parameters(source.base or source),
        cuda=torch.cuda.is_available(),
        vllm=importlib.util.find_spec("vllm") is not None,
    )


def open_engine(choice: EngineChoice, source: ModelSource, *, batch_size: int) -> Engine:
    """Load a model into the chosen engine.

    Each engine runs on all visible GPUs, transformers with a copy of the model on each.

    Args:
        choice: the engine.
        source: the model.
        batch_size: rows per batch with transformers; vLLM chooses its own.

    Raises:
        ModelError: the engine does not start.
    """
    if choice.name == "vllm":
        return start_vllm(source, why=choice.why)
    devices = [gpu.device for gpu in list_visible_gpus()]
    if len(devices) > 1:
        try:
            return TransformersPool(source, batch_size, devices, choice.why)
        except RuntimeError as error:
            raise ModelError(f"model {source.name}: {error}") from error
    return TransformersEngine(load_model(source.name), batch_size, choice.why)
