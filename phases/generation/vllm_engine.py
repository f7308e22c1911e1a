"""The vLLM engine: paged attention, cached prompt prefixes and continuous batching.

Its output is decoded by the same `decode_completion` as that of transformers, so both agree on where a
completion ends.
"""

import os
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Any, Final, Self

import torch
from transformers import AutoConfig, GenerationConfig

from phases.generation.completion import IndexedCompletions, PromptGroup, Sampling
from phases.generation.endings import decode_completion, list_end_token_ids
from phases.generation.gpus import list_visible_gpus, partition_gpus
from phases.generation.replicas import FinishedRequest, InferenceEngine, ReplicaPool
from phases.generation.sampling import derive_row_seed
from phases.generation.vllm_replica import VllmReplica
from phases.generation.vllm_settings import build_engine_arguments, read_model_shape, read_overrides
from phases.models.provenance import build_provenance
from phases.models.source import ModelError, ModelSource
from phases.models.tokenizer import Tokenizer, load_tokenizer

_YIELD_INTERVAL: Final = 1.0
"""Seconds between two groups of completions, so that not every completion costs a write to disk."""


@dataclass(frozen=True)
class ServedModel:
    """A model as vLLM serves it, with the attributes that its provenance reads."""

    source: ModelSource
    tokenizer: Tokenizer
    dtype: str
    hardware: str
    four_bit: bool = False


class VllmEngine:
    """Turns prompts into vLLM requests, and finished requests into completions."""

    def __init__(
        self,
        backend: InferenceEngine,
        model: ServedModel,
        end_ids: Sequence[int],
        settings: Mapping[str, object],
        *,
        max_tokens: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Wrap a running engine.

        Args:
            backend: vLLM, or a pool of its replicas.
            model: the model it serves.
            end_ids: ids that end a text.
            settings: the engine's part of the provenance.
            max_tokens: limit of the tokens of a prompt and its completion.
            clock: returns seconds, from any origin.
        """
        self._backend = backend
        self._model = model
        self._end_ids = list(end_ids)
        self._settings = dict(settings)
        self._max_tokens = max_tokens
        self._clock = clock
        self._requests = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._backend.close()

    @property
    def tokenizer(self) -> Tokenizer:
        """The model's tokenizer."""
        return self._model.tokenizer

    def generate(
        self,
        groups: Sequence[PromptGroup],
        *,
        skip: Collection[int] = (),
        base: bool = False,
        on_step: Callable[[], None] = lambda: None,
    ) -> Iterator[IndexedCompletions]:
        """Yield completions as they finish, except for the skipped prompts."""
        rows = [
            (prompt, seed, group.sampling)
            for group in groups
            for prompt, seed in zip(group.prompts, group.seeds, strict=True)
        ]
        requests = {
            index: (
                self.tokenizer.encode_prompt(prompt),
                make_generation_parameters(sampling, self._end_ids, derive_row_seed(prompt, seed)),
            )
            for index, (prompt, seed, sampling) in enumerate(rows)
            if index not in skip
        }
        for finished in self._run(requests, base, on_step):
            yield [
                (index, decode_completion(self.tokenizer, self._end_ids, request.ids, rows[index][2].stop))
                for index, request in finished
            ]

    def score_next_tokens(
        self,
        rows: Sequence[Sequence[int]],
        tokens: Sequence[int],
        *,
        base: bool = False,
        on_step: Callable[[], None] = lambda: None,
    ) -> list[list[float]]:
        """Return the log-probability of each of the tokens after each row of ids: [rows][tokens].

        Generates one token and reads the log-probabilities of the requested ones. vLLM's prompt
        log-probabilities would give the same values without using the prefix cache, and the judge's prompts
        share nearly all of their text.
        """
        requests = {index: (list(row), make_scoring_parameters(tokens)) for index, row in enumerate(rows)}
        scores = {
            index: [request.log_probabilities[token] for token in tokens]
            for finished in self._run(requests, base, on_step)
            for index, request in finished
        }
        return [scores[index] for index in range(len(rows))]

    def describe_provenance(self, **more: object) -> dict[str, Any]:
        """Return the model, its weights as loaded, the engine and its settings."""
        return build_provenance(self._model, engine=self._settings, **more)

    def _run(
        self,
        requests: Mapping[int, tuple[list[int], Mapping[str, Any]]],
        base: bool,
        on_step: Callable[[], None],
    ) -> Iterator[list[tuple[int, FinishedRequest]]]:
        """Yield finished requests by index, about once every `_YIELD_INTERVAL` seconds."""
        pending: dict[str, int] = {}
        try:
            for index, (ids, sampling) in requests.items():
                if len(ids) >= self._max_tokens:
                    raise ModelError(
                        f"a prompt has {len(ids):,} tokens, but the engine reads {self._max_tokens:,} "
                        "including the completion; show fewer examples or use --engine transformers"
                    )
                name = str(self._requests)
                self._requests += 1
                self._backend.add(name, ids, sampling, adapted=not base)
                pending[name] = index
            finished: list[tuple[int, FinishedRequest]] = []
            last_yield = self._clock()
            while pending:
                finished += [(pending.pop(request.name), request) for request in self._backend.step()]
                on_step()
                if finished and (not pending or self._clock() - last_yield >= _YIELD_INTERVAL):
                    yield finished
                    finished, last_yield = [], self._clock()
        finally:
            if pending:  # The consumer stopped early.
                self._backend.cancel(pending)


def make_generation_parameters(sampling: Sampling, end_ids: Sequence[int], seed: int) -> dict[str, Any]:
    """Return vLLM's sampling parameters for a completion."""
    return {
        "max_tokens": sampling.max_new_tokens,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        # vLLM's seeds are signed 64-bit numbers, and -1 means no seed.
        "seed": seed & (2**63 - 1) if sampling.temperature > 0 else None,
        "stop": list(sampling.stop),
        "stop_token_ids": list(end_ids),
        "detokenize": bool(sampling.stop),
        "skip_special_tokens": False,
    }


def make_scoring_parameters(tokens: Sequence[int]) -> dict[str, Any]:
    """Return vLLM's sampling parameters for the log-probabilities of the given tokens."""
    return {"max_tokens": 1, "temperature": 0.0, "logprob_token_ids": list(tokens), "detokenize": False}


def start_vllm(source: ModelSource, *, why: str) -> VllmEngine:
    """Start vLLM with a model or adapter: one replica on each group of GPUs that can hold it.

    Raises:
        ModelError: the model does not fit on the GPUs, vLLM does not start, or the environment's engine
            arguments are not a JSON object.
    """
    weights = source.base or source
    gpus = list_visible_gpus()
    if not gpus and torch.cuda.is_available():
        raise ModelError(
            "vLLM does not start: the driver does not report the memory of the GPUs in CUDA_VISIBLE_DEVICES, "
            "as with memory that a GPU shares with the host; use --engine transformers"
        )
    overrides = read_overrides(os.environ)
    arguments = {**build_engine_arguments(weights.path, read_model_shape(source), gpus), **overrides}
    tokenizer = load_tokenizer(source)
    device_groups = partition_gpus(gpus, arguments.get("tensor_parallel_size", 1))
    factory = partial(VllmReplica, arguments, adapter=source.path if source.base else None)
    try:
        backend: InferenceEngine
        if len(device_groups) > 1:
            backend = ReplicaPool([(factory, devices) for devices in device_groups])
        else:
            backend = factory()
    except (RuntimeError, ValueError, ImportError) as error:
        raise ModelError(
            f"vLLM does not start: {error}; see the log above, or use --engine transformers"
        ) from error
    model = ServedModel(source, tokenizer, arguments["dtype"], gpus[0].name if gpus else "cpu")
    settings = {
        "name": "vllm",
        "why": why,
        "weights": arguments.get("quantization") or arguments["dtype"],
        "engines": max(1, len(device_groups)),
        "settings": {name: value for name, value in arguments.items() if name not in ("model", "tokenizer")},
        "from_environment": sorted(overrides),
    }
    end_ids = list_end_token_ids(tokenizer, _load_generation_config(weights.path))
    return VllmEngine(backend, model, end_ids, settings, max_tokens=arguments["max_model_len"])


def _load_generation_config(folder: str) -> GenerationConfig:
    try:
        return GenerationConfig.from_pretrained(folder)
    except OSError:  # Without generation settings, the model's configuration applies.
        return GenerationConfig.from_model_config(AutoConfig.from_pretrained(folder, trust_remote_code=False))
