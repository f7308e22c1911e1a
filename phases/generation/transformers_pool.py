"""Transformers engines on several GPUs, each in its own process, behind the interface of one engine.

Batches consist of the same rows as with one GPU, so the results are the same.
"""

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import partial
from multiprocessing.connection import Connection, wait
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

from phases.generation.completion import IndexedCompletions, PromptGroup
from phases.generation.transformers_engine import TransformersEngine, split_by_length, split_groups
from phases.generation.workers import Workers, receive
from phases.models.loader import load_model
from phases.models.source import ModelSource
from phases.models.tokenizer import Tokenizer, load_tokenizer

_STEP_INTERVAL: Final = 1.0
"""Seconds between two signs of life of a worker."""


class Job(NamedTuple):
    """A call of a worker's engine on a part of the rows.

    Attributes:
        indices: of the rows.
        method: of the engine.
        arguments: of the method.
        options: of the method.
    """

    indices: list[int]
    method: str
    arguments: tuple[Any, ...]
    options: dict[str, Any]


class TransformersPool:
    """Distributes batches over engines; an engine that is done gets the next batch."""

    def __init__(
        self, source: ModelSource, batch_size: int, devices: Sequence[str], why: str = "requested"
    ) -> None:
        """Load the model on each device, in parallel.

        Args:
            source: the model.
            batch_size: rows of a batch.
            devices: the GPU of each engine, as in `CUDA_VISIBLE_DEVICES`.
            why: the reason for using transformers.

        Raises:
            RuntimeError: an engine failed to start.
        """
        self.tokenizer: Tokenizer = load_tokenizer(source)
        self._batch_size = batch_size
        serve = partial(_serve, source.name, batch_size, why)
        self._workers = Workers([(serve, device) for device in devices])
        self._busy: dict[Connection, Job] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._workers.close()

    def generate(
        self,
        groups: Sequence[PromptGroup],
        *,
        skip: Collection[int] = (),
        base: bool = False,
        on_step: Callable[[], None] = lambda: None,
    ) -> Iterator[IndexedCompletions]:
        """Yield completions batch by batch, in the order in which the engines finish."""
        jobs = (
            Job(indices, "generate", ([batch],), {"base": base})
            for indices, batch in split_groups(groups, self._batch_size, skip)
        )
        for job, batches in self._run(jobs, on_step):
            yield [(job.indices[i], completion) for batch in batches for i, completion in batch]

    def score_next_tokens(
        self,
        rows: Sequence[Sequence[int]],
        tokens: Sequence[int],
        *,
        base: bool = False,
        on_step: Callable[[], None] = lambda: None,
    ) -> list[list[float]]:
        """Return the log-probability of each of the tokens after each row of ids: [rows][tokens]."""
        jobs = (
            Job(batch, "score_next_tokens", ([rows[i] for i in batch], tokens), {"base": base})
            for batch in split_by_length(rows, self._batch_size)
        )
        results = {
            index: value
            for job, values in self._run(jobs, on_step)
            for index, value in zip(job.indices, values, strict=True)
        }
        return [results[index] for index in range(len(rows))]

    def score_continuations(
        self,
        prompts: Sequence[str],
        continuations: Sequence[str],
        *,
        prefix: str = "",
        base: bool = False,
        on_step: Callable[[], None] = lambda: None,
    ) -> list[float]:
        """Return the mean log-probability per token of each continuation after the prefix and its prompt.

        One engine does this alone: it reads the prefix once and groups the continuations by length.
        """
        arguments, options = (prompts, continuations), {"prefix": prefix, "base": base}
        [(_, scores)] = self._run(iter([Job([], "score_continuations", arguments, options)]), on_step)
        return list(scores)

    def describe_provenance(self, **more: object) -> dict[str, Any]:
        """Return the model, its weights as loaded, the engine and its settings."""
        [(_, record)] = self._run(iter([Job([], "describe_provenance", (), {})]), lambda: None)
        engines = {"engines": len(self._workers.pipes)}
        return {**record, "engine": {**record["engine"], **engines}, **more}

    def _run(self, jobs: Iterator[Job], on_step: Callable[[], None]) -> Iterator[tuple[Job, Any]]:
        """Yield each job with its result.

        Raises:
            RuntimeError: an engine failed.
        """
        while self._busy:  # a consumer stopped early
            self._receive(lambda: None)
        self._send(jobs)
        while self._busy:
            ended = self._receive(on_step)
            # The engines go on while the consumer works on these results.
            self._send(jobs)
            yield from ended

    def _send(self, jobs: Iterator[Job]) -> None:
        """Give each idle engine a job, as long as there are any."""
        for pipe in self._workers.pipes:
            if pipe not in self._busy and (job := next(jobs, None)):
                pipe.send((job.method, job.arguments, job.options))
                self._busy[pipe] = job

    def _receive(self, on_step: Callable[[], None]) -> list[tuple[Job, Any]]:
        """Wait for messages of busy engines and return the jobs that have ended, with their results."""
        ended = []
        for pipe in wait(list(self._busy)):
            assert isinstance(pipe, Connection)
            message = receive(pipe)
            if message is None:
                on_step()
            else:
                ended.append((self._busy.pop(pipe), message))
        return ended


def _serve(model: str, batch_size: int, why: str, pipe: Connection) -> None:
    """Run the engine's methods that come from the pipe; send None as a sign of life and then the result."""
    with TransformersEngine(load_model(model), batch_size, why) as engine:
        pipe.send([])
        last_sign = time.monotonic()

        def on_step() -> None:
            nonlocal last_sign
            if time.monotonic() - last_sign > _STEP_INTERVAL:
                last_sign = time.monotonic()
                pipe.send(None)

        while True:
            method, arguments, options = pipe.recv()
            if method != "describe_provenance":
                options["on_step"] = on_step
            result = getattr(engine, method)(*arguments, **options)
            pipe.send(list(result) if method == "generate" else result)
